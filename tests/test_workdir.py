"""A run may go on in its folder only with the flags that shaped it."""

import pytest

from tf_smallgan import config, evaluate, sample, train
from tf_smallgan.errors import InputError
from tf_smallgan.workdir import Workdir, check_writable, version_folder


@pytest.fixture
def started(tmp_path):
    settings = config.parse([f"--workdir={tmp_path}", "--latent_dim=12"])
    workdir = Workdir(str(tmp_path))
    workdir.open(settings)
    workdir.checkpoints.mkdir()
    (workdir.checkpoints / "step-5.index").touch()
    return workdir, settings


def test_no_workdir_is_refused():
    with pytest.raises(InputError, match="--workdir is not set"):
        Workdir("")


@pytest.mark.parametrize("name", ["lr[1e-4]", "a*", "what?"])
def test_names_that_cannot_be_restored_from_are_refused(name):
    with pytest.raises(InputError, match="takes such names for patterns"):
        Workdir(f"runs/{name}")
    with pytest.raises(InputError, match="--export_dir=.* takes such names"):
        version_folder(name)


def test_other_model_flags_are_refused_and_listed(started):
    workdir, settings = started
    other = config.replace(settings, latent_dim=16, prior_oversample=2)
    message = "--prior_oversample was 4 and is now 2; --latent_dim was 12 and is now 16"
    with pytest.raises(InputError, match=message):
        workdir.open(other)


def test_a_best_checkpoint_alone_keeps_its_flags(started):
    workdir, settings = started
    workdir.checkpoints.rename(workdir.best)
    before = workdir.flags.read_text()
    other = config.replace(settings, latent_dim=16)
    for refuse in (workdir.open, workdir.check_given):
        with pytest.raises(InputError, match="--latent_dim was 12 and is now 16"):
            refuse(other)
    assert workdir.flags.read_text() == before


def test_what_cannot_be_written_to_is_refused_and_nothing_made(tmp_path):
    check_writable("out", tmp_path / "new" / "deep")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="--out: .*file/x cannot be written to: Not a"):
        check_writable("out", tmp_path / "file" / "x")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_given_flags_are_checked_before_those_that_follow(started):
    workdir, settings = started
    workdir.check_given(config.replace(settings, latent_dim=None, train_steps=9))
    with pytest.raises(InputError, match="--seed was 0 and is now 1"):
        workdir.check_given(config.replace(settings, latent_dim=None, seed=1))


def test_steps_logging_and_devices_may_change(started):
    workdir, settings = started
    workdir.open(
        config.replace(
            settings,
            train_steps=9,
            log_every_steps=1,
            strategy="mirrored",
            data_dir="x",
        )
    )
    assert config.parse([f"--flagfile={workdir.flags}"]).training.train_steps == 9


def test_before_the_first_checkpoint_anything_may_change(tmp_path):
    workdir = Workdir(str(tmp_path))
    workdir.open(config.parse([f"--workdir={tmp_path}"]))
    workdir.open(config.parse([f"--workdir={tmp_path}", "--latent_dim=16"]))


def test_a_full_disk_is_refused_before_training(tmp_path, monkeypatch):
    import shutil

    from tf_smallgan import trainer

    usage = shutil.disk_usage(tmp_path)._replace(free=10 * 2**20)
    monkeypatch.setattr(trainer.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(InputError, match="has 10 MiB left.*make room"):
        trainer._check_disk(Workdir(str(tmp_path / "new" / "run")))


def test_newest_version_of_an_export(tmp_path):
    for name in ("2", "10", "assets"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    assert version_folder(str(tmp_path)).name == "10"
    assert version_folder(str(tmp_path / "2")).name == "2"
    with pytest.raises(InputError, match="holds no SavedModel"):
        version_folder(str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        ("train", ["--workdir=gs://bucket/run"]),
        ("train", ["--workdir=runs/x", "--cache_dir=gs://bucket/cache"]),
        ("sample", ["--export_dir=e", "--out=gs://bucket/a.png"]),
        ("evaluate", ["--export_dir=gs://bucket/e", "--results_dir=r"]),
        ("evaluate", ["--export_dir=e", "--results_dir=gs://bucket/r"]),
        ("evaluate", ["--export_dir=e", "--report=gs://bucket/r.html"]),
    ],
)
def test_a_bucket_is_not_taken_for_a_folder(command, flags):
    run = {"train": train, "sample": sample, "evaluate": evaluate}[command].run
    with pytest.raises(InputError, match="=gs://bucket/.* is an address"):
        run(config.parse(flags, getattr(config, command.upper())))
