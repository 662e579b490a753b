"""--help of every command, and flags that are wrong, as a user sees them."""

import dataclasses

import pytest

from experiments.anomaly_detection import flags as anomaly_detection
from experiments.batch_cost import flags as batch_cost
from experiments.biggan_effects import flags as biggan_effects
from experiments.gaussian_grid import flags as gaussian_grid
from experiments.image_quality import flags as image_quality
from tests.commands import run
from tf_smallgan import config
from tf_smallgan.config.parsing import help_text, sections_of

STUDIES = (anomaly_detection, batch_cost, biggan_effects, gaussian_grid, image_quality)
COMMANDS = (
    *(config.TRAIN, config.PREPARE, config.SAMPLE),
    *(config.EVALUATE, config.EXPORT, config.TPU_CHECK),
    *(study.COMMAND for study in STUDIES),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_names_every_flag(command):
    text = help_text(command, "What it is for.")
    assert text.startswith("What it is for.")
    for section in sections_of(command.config).values():
        for field in dataclasses.fields(section):
            assert f"--{field.name}" in text or f"--[no]{field.name}" in text


def test_help_of_an_experiment_has_its_own_defaults():
    text = help_text(gaussian_grid.COMMAND, "Grids.")
    part = text[text.index("--train_steps") :]
    assert part[: part.index("integer")].count("'20000'") == 1
    # Nothing of it stays for other commands.
    assert "'20000'" not in help_text(config.TRAIN, "Trains.")


@pytest.mark.parametrize(
    ("module", "flag"),
    [
        ("tf_smallgan.train", "--batch_size"),
        ("tf_smallgan.sample", "--label"),
        ("export", "--export_dir"),
        ("experiments.gaussian_grid", "--modes"),
    ],
)
def test_help_of_a_command(module, flag):
    result = run(module, "--help")
    assert result.stdout.startswith(("Trains", "Draws", "Writes", "Dropped modes"))
    assert flag in result.stdout
    assert not result.stderr


@pytest.mark.parametrize(
    ("module", "flag", "message"),
    [
        ("tf_smallgan.sample", "--lable=3", "Unknown command line flag 'lable'"),
        ("tf_smallgan.sample", "--truncation=2.5", "2.5 is not number <= 2"),
        ("tf_smallgan.evaluate", "--num_sample=5", "Did you mean: num_samples"),
        ("export", "--steps=abc", "Unknown command line flag 'steps'"),
        ("tf_smallgan.train", "--flagfile=configs/nope.cfg", "train: Unable to open"),
    ],
)
def test_a_wrong_flag_is_a_sentence(module, flag, message):
    result = run(module, flag, check=False)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1
