"""The commands as docs/experiments.md gives them go on with the published rows.

A default that changes would make other runs of them, and empty reports, without a word.
"""

import pathlib

import pytest

from experiments.batch_cost import flags as batch_cost
from experiments.batch_cost import study as batch_cost_study
from experiments.biggan_effects import flags as biggan_effects
from experiments.biggan_effects import study as biggan_effects_study
from experiments.common.arms import ARMS, SIZED_ARMS
from experiments.common.results import read_rows
from experiments.image_quality import flags as image_quality
from experiments.image_quality import study as image_quality_study
from tf_smallgan import config as config_lib
from tf_smallgan.config import defaults

_RESULTS = pathlib.Path(__file__).parents[2] / "docs" / "results"


def _published(name: str, column: str) -> dict[str, str]:
    """The settings of each arm or variant."""
    rows = read_rows(_RESULTS / f"{name}.csv")
    assert rows
    return {row[column]: row["settings"] for row in rows}


def _config(study):
    return config_lib.parse([], study.COMMAND)


def test_image_quality():
    arms = SIZED_ARMS | ARMS
    found = {
        name: image_quality_study.of_arm(
            _config(image_quality), name, arms[name]
        ).settings
        for name in _published("image_quality", "arm")
    }
    assert found == _published("image_quality", "arm")


def test_biggan_effects():
    found = {
        name: biggan_effects_study.of_variant(_config(biggan_effects), name).settings
        for name in _published("biggan_effects", "variant")
    }
    assert found == _published("biggan_effects", "variant")


@pytest.mark.parametrize("column", batch_cost_study.SETTINGS)
def test_batch_cost(column):
    config = defaults.with_defaults(_config(batch_cost))
    published = {row[column] for row in read_rows(_RESULTS / "batch_cost.csv")}
    assert published == {str(batch_cost_study.settings_of(config)[column])}
