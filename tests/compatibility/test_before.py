"""A run and an export of an earlier version still work.

`before.tar.xz` was made by commit b2321cd: `run` is configs/smoke.cfg with
--channel_multiplier=1 at step 2, `export` its export, and `samples.npz` what
`sample --count=6 --label=3,7 --truncation=0.7` drew from it.
"""

import pathlib
import tarfile

import numpy as np
import pytest

from export import verify
from tests.commands import SMOKE, run_here
from tf_smallgan import sample, train
from tf_smallgan.config.flags import ImportedModel
from tf_smallgan.config.parsing import read_imported
from tf_smallgan.errors import InputError
from tf_smallgan.training.logs import read_metrics

_ARCHIVE = pathlib.Path(__file__).parent / "before.tar.xz"
_SAMPLES = ("--count=6", "--label=3,7", "--truncation=0.7")


@pytest.fixture(scope="module")
def before(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(_ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


def test_a_run_is_sampled_as_before(before, tmp_path):
    out = tmp_path / "samples.npz"
    run_here(sample, f"--workdir={before / 'run'}", *_SAMPLES, f"--out={out}")
    with np.load(before / "samples.npz") as expected, np.load(out) as found:
        assert set(found) == set(expected)
        images = expected["images"].astype(int)
        assert np.abs(found["images"].astype(int) - images).max() <= 1


def test_an_export_is_sampled_and_verified(before, tmp_path):
    out = tmp_path / "samples.npz"
    run_here(sample, f"--export_dir={before / 'export'}", *_SAMPLES, f"--out={out}")
    with np.load(out) as found:
        assert found["images"].shape == (6, 32, 32, 1)
    verify.verify(str(before / "export" / "1"), "")


def test_a_run_goes_on_with_its_embeddings(before, capsys):
    workdir = before / "run"
    given = ("--channel_multiplier=1", "--train_steps=4", "--keep_checkpoints=1")
    run_here(train, SMOKE, *given, f"--workdir={workdir}")
    printed = capsys.readouterr().out
    assert "Resumed from step 2" in printed and "Finished at step 4" in printed
    assert f"from {workdir}" in printed and "embedding " not in printed
    steps = [row["step"] for row in read_metrics(workdir / "metrics.jsonl")]
    assert steps == [1, 2, 3, 4]


def test_facts_of_an_imported_model_in_its_flags_are_read(tmp_path):
    lines = [
        "--fused_resampling=True",
        "--lean_to_image=False",
        "--batch_norm_epsilon=0.0001",
        "--spectral_norm=none",
        "--class_embedding_dim=16",
        "--statistics_truncations=0.0,0.5,1.0",
    ]
    (tmp_path / "flags.cfg").write_text("\n".join(lines))
    assert read_imported(str(tmp_path)) == ImportedModel(
        batch_norm_epsilon=1e-4,
        class_embedding_dim=16,
        spectral_norm=False,
        statistics_truncations=(0.0, 0.5, 1.0),
    )


def test_an_imported_generator_with_its_own_statistics_is_not_trained(tmp_path):
    (tmp_path / "flags.cfg").write_text("--statistics_truncations=0.5,1.0")
    with pytest.raises(InputError, match="imported generator.*--workdir"):
        run_here(train, SMOKE, f"--workdir={tmp_path}")
