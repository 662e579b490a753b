"""Every architecture of the factory can be folded and exported."""

import numpy as np
import pytest
import tensorflow as tf

from export.folding import fold_biases, folded_copy
from export.tables import tables_of
from tests.export.helpers import perturb
from tf_smallgan.config.architectures import ModelSpec
from tf_smallgan.models.batch_norm import statistics_of
from tf_smallgan.models.factory import ARCHITECTURES, build_generator
from tf_smallgan.models.initializers import weights_follow
from tf_smallgan.models.spectral_norm import converge

COMMON = {
    "image_channels": 3,
    "channel_multiplier": 4,
    "discriminator_attention": (),
    "latent_dim": 16,
}
CASES = {
    "biggan": {"resolution": 32, "num_classes": 3, "generator_attention": (16,)},
    "biggan_unfused": {
        "resolution": 32,
        "num_classes": 3,
        "generator_attention": (),
        "fused_resampling": False,
        "shared_embedding": False,
        "skip_latents": False,
    },
    "biggan_deep": {"resolution": 128, "num_classes": 3, "generator_attention": (64,)},
    "sagan": {
        "resolution": 128,
        "num_classes": 3,
        "generator_attention": (32,),
        "shared_embedding": False,
        "skip_latents": False,
    },
    "sngan": {
        "resolution": 32,
        "num_classes": 0,
        "generator_attention": (),
        "skip_latents": False,
    },
}
GRID = (0.5, 1.0)


def spec_of(case: str) -> ModelSpec:
    return ModelSpec(
        architecture=case.removesuffix("_unfused"), **COMMON, **CASES[case]
    )


def test_no_architecture_is_missing():
    assert {spec_of(case).architecture for case in CASES} == set(ARCHITECTURES)


@pytest.mark.parametrize("case", CASES)
def test_folded_with_tables_equals_live_between_their_rows(case):
    spec = spec_of(case)
    with weights_follow():
        average = build_generator(spec)
    perturb(average, 4)
    converge(average)
    folded = folded_copy(average, spec, GRID)
    rng = np.random.default_rng(0)
    for live, tables in zip(statistics_of(average), statistics_of(folded)):
        shape = live.moving_mean.shape
        mean, variance = rng.normal(0, 0.3, shape), rng.uniform(0.5, 2, shape)
        live.moving_mean.assign(mean)
        live.moving_variance.assign(variance)
        tables.table_mean.assign([mean - 0.5, mean + 0.5])
        tables.table_variance.assign([variance * 0.5, variance * 1.5])
    fold_biases(folded)
    z = tf.random.stateless_normal([2, spec.latent_dim], [5, 6])
    labels = tf.constant([2, 0]) if spec.num_classes else None
    images = folded(z, labels, truncation=tf.constant([0.75, 0.75]))
    expected = average(z, labels)
    np.testing.assert_allclose(images, expected, atol=1e-5)
    assert np.std(expected) > 0.05


def test_tables_of_an_imported_generator_are_kept():
    spec = ModelSpec(
        architecture="biggan",
        **COMMON,
        **CASES["biggan"],
        statistics_truncations=GRID,
    )
    average = build_generator(spec)
    for i, layer in enumerate(statistics_of(average)):
        layer.table_mean.assign(tf.fill(layer.table_mean.shape, float(i)))
    for i, (means, _) in enumerate(tables_of(folded_copy(average, spec, GRID))):
        assert (means == i).all()
