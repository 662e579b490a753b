"""How draws are made, from the flags, and what is remembered of them."""

import dataclasses

import numpy as np
import pytest

from experiments.common.arms import ARMS
from experiments.common.priors import unlabelled_prior
from tf_smallgan import config as config_lib
from tf_smallgan.config import defaults
from tf_smallgan.data.dataset import open_data
from tf_smallgan.errors import InputError
from tf_smallgan.training import plan
from tf_smallgan.training.monitor import SeenImages, batch_plan, make_prior


def _config(*flags):
    return defaults.with_defaults(
        config_lib.parse(["--dataset=digits", "--latent_dim=8", *flags])
    )


def test_latents_and_data_may_have_rules_of_their_own():
    flags = ("--coreset_method=stratified", "--prior_coreset_method=balanced")
    config = _config(*flags)
    assert make_prior(config).method == unlabelled_prior(config).method == "balanced"
    assert batch_plan(config, 1).method == "stratified"
    text = "\n".join(plan.plan_lines(config))
    assert "core-set: balanced of latents, stratified of data, scope replica" in text


def test_latents_follow_the_rule_of_data():
    config = _config("--coreset_method=robust")
    assert make_prior(config).method == batch_plan(config, 1).method == "robust"
    assert "core-set: robust, scope" in "\n".join(plan.plan_lines(config))


def test_an_arm_sets_both_rules():
    coreset = ARMS["mixed"].configure(_config()).coreset
    assert (coreset.prior_method, coreset.coreset_method) == ("balanced", "stratified")
    assert ARMS["both"].configure(_config()).coreset.prior_method == "k_center"


def test_seen_images_are_those_of_one_data_set():
    ranks = np.arange(13)
    seen, again = SeenImages(ranks, "00ff"), SeenImages(ranks, "00ff")
    seen.add(np.array([3, 12]))
    again.deserialize(seen.serialize())
    assert again.share == 2 / 13
    # As many images, and other ones.
    with pytest.raises(InputError, match="trained on other data"):
        SeenImages(ranks, "00fe").deserialize(seen.serialize())
    with pytest.raises(InputError, match="trained on other data"):
        SeenImages(np.arange(100), "aa00").deserialize(seen.serialize())


def test_an_image_stays_seen_when_records_are_renumbered(tmp_path):
    table = open_data(_config(f"--workdir={tmp_path}"), lambda line: None).table
    order = np.random.default_rng(0).permutation(table.num_images)
    renumbered = dataclasses.replace(
        table, labels=table.labels[order], digests=table.digests[order]
    )
    assert renumbered.identity_hash == table.identity_hash
    seen = SeenImages(table.identity_ranks(), table.identity_hash)
    seen.add(np.arange(100))
    again = SeenImages(renumbered.identity_ranks(), renumbered.identity_hash)
    again.deserialize(seen.serialize())
    again.add(np.flatnonzero(order < 100))
    assert again.share == seen.share
