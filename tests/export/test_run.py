"""The command: what it writes, what it refuses."""

import dataclasses
import re

import numpy as np
import pytest
import tensorflow as tf

from export import recording, tables
from export.endpoints import ConditionalEndpoints
from export.folding import folded_copy
from export.restore import restore
from export.run import export
from export.warmup import batch_sizes
from tests.export.helpers import STEP, run_module
from tf_smallgan import config as config_lib
from tf_smallgan.errors import InputError
from tf_smallgan.models.batch_norm import statistics_of
from tf_smallgan.sampling.sampler import Sampler


def parse(*flags) -> config_lib.Config:
    return config_lib.parse(list(flags), config_lib.EXPORT)


def test_files(exported):
    present = {str(p.relative_to(exported)) for p in exported.rglob("*") if p.is_file()}
    assert present >= {
        "saved_model.pb",
        "README.md",
        "batching_params.pbtxt",
        "models.config",
        "monitoring.config",
        "assets.extra/tf_serving_warmup_requests",
        "assets.extra/export.json",
        "assets.extra/examples.npz",
    }
    assert not list(exported.parent.glob(".partial*"))
    sizes = re.findall(
        r"allowed_batch_sizes: (\d+)", (exported / "batching_params.pbtxt").read_text()
    )
    assert sizes[-1] == "32"
    for name in ("batching_params.pbtxt", "models.config", "monitoring.config"):
        beside = (exported.parent / name).read_text()
        assert beside == (exported / name).read_text()


@pytest.mark.parametrize(
    ("resolution", "sizes"),
    [
        (32, (1, 2, 4, 8, 16, 32)),
        (128, (1, 2, 4, 8, 16, 32)),
        (256, (1, 2, 4, 8)),
        (512, (1, 2)),
        (2048, (1,)),
    ],
)
def test_large_images_are_served_in_small_batches(resolution, sizes):
    assert batch_sizes(resolution) == sizes


def test_facts(exported):
    facts = recording.read_facts(exported)
    assert (facts.step, facts.num_classes, facts.latent_dim) == (STEP, 10, 16)
    assert len(facts.standing_truncations) == 10


def test_model_card(exported, workdir):
    card = (exported / "README.md").read_text()
    for text in ("`digits`", f"{STEP} steps", "generator_loss | 0.25", "## Licence"):
        assert text in card
    # Of records of as many samples the later; none of another step or other weights,
    # or drawn in another way.
    assert "fid_1k | 20.5" in card
    assert "fid_1k | 21.5" in card and "1,000 samples" in card
    assert "1,797 images of `digits`" in card
    for other in ("22.5", "23.5", "24.5", "25.5", "26.5", "27.5", "28.5", "29.5"):
        assert other not in card
    assert "--latent_dim=16" in card and str(workdir) not in card


def test_statistics_are_those_that_sampling_computes(workdir):
    grid = (0.5, 1.0)
    restored = restore(parse(f"--workdir={workdir}"), "last")
    folded = folded_copy(restored.average, restored.spec, grid)
    options = {"truncations": grid, "rule": "hub", "batches": 2, "seed": 0}
    tables.fill_tables(folded, restored.spec, **options)
    Sampler(restored.average, restored.spec, truncation=0.5, standing_batches=2)
    pairs = zip(tables.tables_of(folded), statistics_of(restored.average))
    for (means, variances), layer in pairs:
        np.testing.assert_allclose(means[0], layer.moving_mean.numpy(), atol=1e-4)
        np.testing.assert_allclose(
            variances[0], layer.moving_variance.numpy(), rtol=1e-3, atol=1e-5
        )
        assert np.abs(variances[1] - variances[0]).max() > 0


def test_a_grid_that_does_not_rise(workdir, tmp_path):
    rising, inside = "is not a rising list of numbers", r"is outside \(0, 1\]"
    grids = {
        "0.5,0.5": rising,
        "0.5,nan,1": rising,
        "1,0.5": rising,
        "0,1": inside,
        "0.5,1.5": inside,
    }
    for grid, message in grids.items():
        with pytest.raises(InputError, match=message):
            export(
                parse(
                    f"--workdir={workdir}",
                    f"--export_dir={tmp_path}",
                    f"--standing_truncations={grid}",
                )
            )
    assert not list(tmp_path.iterdir())


def test_weights_that_diverged(workdir):
    restored = restore(parse(f"--workdir={workdir}"), "last")
    restored.average.blocks[1].conv1.bias.assign(
        tf.fill(restored.average.blocks[1].conv1.bias.shape, np.inf)
    )
    folded = folded_copy(restored.average, restored.spec, (1.0,))
    options = {"truncations": (1.0,), "rule": "hub", "batches": 1, "seed": 0}
    with pytest.raises(InputError, match="of 7 are not finite at truncation 1.0"):
        tables.fill_tables(folded, restored.spec, **options)


def test_bfloat16(workdir, exported):
    """Weights that convolutions read are stored as bfloat16; images stay close."""
    flags = [f"--workdir={workdir}", "--precision=bfloat16"]
    restored = restore(parse(*flags), "last")
    folded = folded_copy(restored.average, restored.spec, (0.5, 1.0))
    inputs, live, kept = recording.read_examples(exported)
    for layer, (means, variances) in zip(statistics_of(folded), kept):
        layer.table_mean.assign(means[[5, 9]])
        layer.table_variance.assign(variances[[5, 9]])
    stored = [folded.to_image.operand, folded.blocks[0].conv1.operand]
    assert {variable.dtype for variable in stored} == {tf.bfloat16}
    fed = [tf.constant(inputs[k][:2]) for k in ("z", "y", "truncation")]
    images = (
        ConditionalEndpoints(folded, restored.spec, "hub", 1.0).images(*fed).numpy()
    )
    difference = np.abs(images - live["images"][:2])
    assert 1e-4 < difference.max() < 0.3 and difference.mean() < 0.03


def test_command_line(workdir):
    process = run_module("export", f"--workdir={workdir}", "--step=best")
    assert process.returncode == 2
    assert process.stderr.strip().startswith("export: --step=best:")
    assert process.stderr.count("\n") == 1


def test_dry_run_writes_nothing(workdir, tmp_path, capsys):
    export(parse(f"--workdir={workdir}", f"--export_dir={tmp_path}", "--dry_run"))
    assert f"Would export step {STEP}" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_facts_of_a_folder_that_is_no_export(tmp_path):
    with pytest.raises(InputError, match="name a version folder"):
        recording.read_facts(tmp_path)


def test_tolerance_follows_size_and_precision(exported):
    facts = recording.read_facts(exported)
    assert facts.tolerance == 1e-5
    assert dataclasses.replace(facts, resolution=128).tolerance == 1e-4
    assert dataclasses.replace(facts, precision="bfloat16").tolerance > 0.01
