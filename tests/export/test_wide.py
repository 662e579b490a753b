"""Exports of latents that are wider than the prior: truncations beyond 1."""

import numpy as np
import pytest
import tensorflow as tf

from export import recording, tables
from export.restore import restore
from export.run import export
from tests.commands import run_here
from tests.export.helpers import request
from tf_smallgan import config as config_lib
from tf_smallgan import evaluate, sample
from tf_smallgan.errors import InputError
from tf_smallgan.models.batch_norm import statistics_of
from tf_smallgan.sampling.sampler import Sampler

FLAGS = ("--truncation_rule=scale", "--standing_batches=2")


@pytest.fixture(scope="module")
def wide(workdir, tmp_path_factory):
    """Version 1 of an export whose statistics go on to 1.5."""
    folder = tmp_path_factory.mktemp("wide")
    flags = [f"--workdir={workdir}", f"--export_dir={folder}", *FLAGS]
    grid = "--standing_truncations=0.5,1,1.5"
    export(config_lib.parse([*flags, grid], config_lib.EXPORT))
    return folder / "1"


def test_statistics_at_the_end_are_those_of_sampling(workdir, wide):
    config = config_lib.parse([f"--workdir={workdir}", *FLAGS], config_lib.EXPORT)
    live = restore(config, "last")
    Sampler(live.average, live.spec, rule="scale", truncation=1.5, standing_batches=2)
    _, _, kept = recording.read_examples(wide)
    for (means, variances), layer in zip(kept, statistics_of(live.average)):
        np.testing.assert_allclose(means[2], layer.moving_mean, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(
            variances[2], layer.moving_variance, rtol=1e-3, atol=1e-5
        )


def test_requests_go_to_the_end_and_no_further(wide):
    serve = tf.saved_model.load(str(wide)).signatures["serving_default"]

    def images(truncation):
        inputs = request(1, 2) | {"truncation": np.float32([truncation] * 2)}
        return serve(**{k: tf.constant(v) for k, v in inputs.items()})["image"].numpy()

    assert (images(1.5) != images(1.0)).mean() > 0.2
    with pytest.raises(tf.errors.InvalidArgumentError, match="and at most 1.5; the"):
        images(1.6)
    assert "`truncation` is in (0, 1.5]" in (wide / "README.md").read_text()


def test_commands_know_how_far_an_export_goes(wide, exported, tmp_path):
    flags = (f"--export_dir={wide}", "--label=3", "--count=4")
    run_here(sample, *flags, "--truncation=1.5", f"--out={tmp_path / 'wide.png'}")
    assert (tmp_path / "wide.png").exists()
    with pytest.raises(InputError, match=r"--truncation=1.6 is outside \(0, 1.5\]"):
        run_here(sample, *flags, "--truncation=1.6")
    with pytest.raises(InputError, match=r"=1.6 is outside \(0, 1.5\], for which"):
        results = f"--results_dir={tmp_path}"
        run_here(evaluate, f"--export_dir={wide}", results, "--truncations=1,1.6")
    with pytest.raises(InputError, match=r"--truncation=1.2 is outside \(0, 1\]"):
        run_here(sample, f"--export_dir={exported}", "--truncation=1.2")


def test_a_grid_ends_where_the_rule_does():
    tables.check_grid((0.5, 2.0), "scale")
    with pytest.raises(InputError, match=r"=2.5 is outside \(0, 2\]"):
        tables.check_grid((0.5, 2.5), "scale")
    with pytest.raises(InputError, match=r"=1.5 is outside \(0, 1\]"):
        tables.check_grid((0.5, 1.5), "hub")
