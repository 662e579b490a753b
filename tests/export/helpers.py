"""A small run with weights that are far from trivial, and processes of their own."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np

from tf_smallgan import config as config_lib
from tf_smallgan.config import Config, defaults
from tf_smallgan.files import fingerprint
from tf_smallgan.training.checkpoints import Checkpoints
from tf_smallgan.training.state import build_state
from tf_smallgan.workdir import Workdir

ROOT = pathlib.Path(__file__).parents[2]
STEP = 7
FLAGS = (
    "--dataset=digits",
    "--resolution=32",
    "--channel_multiplier=2",
    "--latent_dim=16",
    "--attention_resolutions=16",
    "--batch_size=8",
    "--standing_batches=3",
)


def perturb(model, seed: int) -> None:
    """Makes every weight matter: zeros and ones become other numbers too."""
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        noise = rng.standard_normal(variable.shape).astype(np.float32)
        variable.assign(variable + 0.2 * noise)


def _record(fid: float, **changes) -> dict:
    """A line of scores.jsonl, as far as a model card reads it."""
    reference = {"dataset": "digits", "count": 1797}
    space = {"network": "inception", "weights_hash": "0123456789abcdef0123"}
    space |= {"reference": reference, "metrics": {"fid_1k": fid}}
    record = {"step": STEP, "ema": True, "truncation": 1.0, "num_samples": 1000}
    record |= {"bn": "standing", "truncation_rule": "hub"}
    return record | {"spaces": {"inception": space}} | changes


def make_workdir(path: pathlib.Path, *flags: str) -> Config:
    """A workdir as training leaves it, with random weights; returns its config."""
    config = config_lib.parse([f"--workdir={path}", *FLAGS, *flags])
    config = defaults.with_defaults(config)
    workdir = Workdir(str(path))
    workdir.open(config)
    workdir.metrics.write_text('{"step": 7, "generator_loss": 0.25}\n')
    workdir.evaluation.mkdir()
    records = [_record(22.5), _record(23.5, step=6), _record(21.5)]
    records += [_record(24.5, ema=False), _record(25.5, bn="batch")]
    records += [_record(26.5, truncation_rule="none"), _record(27.5, num_samples=10)]
    records += [_record(28.5, generator_hash="of other weights")]
    records += [_record(29.5, labels="data")]
    workdir.scores.write_text("".join(json.dumps(record) + "\n" for record in records))
    state = build_state(defaults.model_spec(config), config.training, seed=3)
    perturb(state.generator, 1)
    perturb(state.average, 2)
    state.step.assign(STEP)
    weights = [variable.numpy() for variable in state.average.trainable_variables]
    ours = _record(20.5, generator_hash=fingerprint(weights), truncation=0.5)
    with workdir.scores.open("a") as file:
        file.write(json.dumps(ours) + "\n")
    Checkpoints(workdir.checkpoints, state, keep=3).save()
    return config


def run_module(module: str, *arguments: str) -> subprocess.CompletedProcess:
    """`python -m module arguments` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )


def request(*labels: int, seed: int = 5, truncation: float = 0.7) -> dict:
    """Inputs of serving_default, seeds rising from `seed`."""
    count = len(labels)
    return {
        "label": np.array(labels, np.int32),
        "seed": seed + np.arange(count, dtype=np.int64),
        "truncation": np.full(count, truncation, np.float32),
    }
