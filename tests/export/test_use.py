"""Exports as the project's own commands use them."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from tests.commands import run_here
from tests.export.helpers import FLAGS, STEP
from tf_smallgan import config as config_lib
from tf_smallgan import evaluate, sample
from tf_smallgan.config import defaults
from tf_smallgan.data import dataset
from tf_smallgan.errors import InputError
from tf_smallgan.models import classifier
from tf_smallgan.models.latents import sample_truncated
from tf_smallgan.sampling import generators
from tf_smallgan.sampling.generators import (
    ExportedGenerator,
    blend,
    gather,
    shuffled_labels,
)
from tf_smallgan.workdir import exported_facts


@pytest.fixture(scope="module")
def spec():
    """Of digits and the exports' networks."""
    return defaults.model_spec(defaults.with_defaults(config_lib.parse([*FLAGS])))


def test_an_unconditional_export_is_scored_whatever_the_data_have(unconditional, spec):
    of_export = ExportedGenerator(str(unconditional), spec, seed=3)
    assert of_export.num_classes == 0
    labels = shuffled_labels(70, of_export.num_classes, seed=0)
    batches = [images for images, _ in of_export.images(labels, 0.5)]
    drawn = gather(of_export.images(labels, 0.5), 70, of_export.image_shape)
    np.testing.assert_array_equal(np.concatenate(batches), drawn)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_classes": 0}, "has num_classes 10, and the data .* have 0"),
        ({"num_classes": 12}, "has num_classes 10, and the data .* have 12"),
        ({"resolution": 64}, "has resolution 32, and the data .* have 64"),
        ({"image_channels": 3}, "has image_channels 1, and the data .* have 3"),
    ],
)
def test_an_export_of_other_images_is_not_scored(exported, spec, change, message):
    with pytest.raises(InputError, match=message):
        ExportedGenerator(str(exported), dataclasses.replace(spec, **change), seed=0)


def test_an_export_is_scored_without_a_workdir(exported, tmp_path, monkeypatch):
    for name in ("_MIN_STEPS", "_MAX_STEPS"):  # A good classifier is not the point.
        monkeypatch.setattr(classifier, name, 20)
    flags = [
        f"--export_dir={exported}",
        f"--results_dir={tmp_path}",
        "--seed=3000000000",
    ]
    flags += ["--dataset=digits", "--resolution=32", "--num_samples=40"]
    evaluate.run(config_lib.parse(flags, config_lib.EVALUATE))
    record = json.loads((tmp_path / "scores.jsonl").read_text())
    assert record["exported_step"] == STEP and "step" not in record
    assert record["truncation_rule"] == "hub" and record["bn"] == "as exported"
    assert record["spaces"]["classifier"]["metrics"]["conditional_accuracy"] >= 0


def test_an_export_is_not_scored_against_images_that_nobody_named(
    exported, tmp_path, monkeypatch
):
    facts = {**exported_facts(exported), "dataset": "mnist"}
    monkeypatch.setattr(generators, "exported_facts", lambda version: facts)
    flags = [f"--export_dir={exported}", f"--results_dir={tmp_path}"]
    with pytest.raises(InputError, match="trained on mnist, .* is the default"):
        evaluate.run(config_lib.parse([*flags, "--resolution=32"], config_lib.EVALUATE))
    named = config_lib.parse([*flags, "--dataset=image_folder"], config_lib.EVALUATE)
    generators.check_exported_data(str(exported), named)
    facts["dataset"] = "digits"
    generators.check_exported_data(
        str(exported), config_lib.parse(flags, config_lib.EVALUATE)
    )
    # Exports of earlier revisions do not say.
    del facts["dataset"]
    generators.check_exported_data(
        str(exported), config_lib.parse(flags, config_lib.EVALUATE)
    )


def test_an_export_knows_its_data_set(exported):
    assert exported_facts(exported)["dataset"] == "digits"


def test_classes_without_labels_are_not_scored_with(
    unconditional, tmp_path, monkeypatch
):
    load_table = dataset.load_table

    def without_labels(*arguments):
        table = load_table(*arguments)
        return dataclasses.replace(table, labels=np.full_like(table.labels, -1))

    monkeypatch.setattr(dataset, "load_table", without_labels)
    flags = [f"--export_dir={unconditional}", f"--results_dir={tmp_path}"]
    flags += ["--dataset=digits", "--resolution=32", "--noconditional"]
    with pytest.raises(InputError, match="no two classes .* need the Inception"):
        evaluate.run(config_lib.parse(flags, config_lib.EVALUATE))


@pytest.mark.parametrize(("layout", "count"), [("interpolation", 30), ("grid", 7)])
def test_without_classes_count_is_of_images_too(unconditional, tmp_path, layout, count):
    out = tmp_path / "drawn.npz"
    flags = [f"--export_dir={unconditional}", f"--layout={layout}", f"--count={count}"]
    run_here(sample, *flags, f"--out={out}", "--seed=3000000000")
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    with np.load(out) as drawn:
        assert drawn["images"].shape == (count, 32, 32, 1)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--layout=classes", "this generator is unconditional; give --layout=grid"),
        ("--label=3", "--label=3 was given"),
        ("--count=9000000", "make a sheet of .* pixels, .* or --out=NAME.npz"),
    ],
)
def test_what_cannot_be_drawn_is_refused_at_once(unconditional, flag, message):
    with pytest.raises(InputError, match=message):
        run_here(sample, f"--export_dir={unconditional}", flag, "--out=never.png")


def test_passes_do_not_change_what_is_drawn(exported, spec, monkeypatch):
    labels = shuffled_labels(70, 10, seed=0)

    def drawn():
        batches = ExportedGenerator(str(exported), spec, seed=3).images(labels, 0.5)
        return np.concatenate([images for images, _ in batches])

    whole = drawn()
    monkeypatch.setattr(generators, "images_a_pass", lambda resolution: 16)
    assert np.abs(drawn().astype(int) - whole).max() <= 1


def test_another_truncation_rule_than_the_exports_is_refused(exported):
    flags = (f"--export_dir={exported}", "--truncation_rule=scale")
    with pytest.raises(InputError, match="rule hub that it was exported with"):
        run_here(sample, *flags, "--out=never.png")
    with pytest.raises(InputError, match="rule hub that it was exported with"):
        run_here(evaluate, *flags, "--results_dir=never", "--resolution=32")


def test_lines_lie_between_latents_of_the_exports_own_rule(unconditional):
    drawer = ExportedGenerator(str(unconditional), None, seed=3)
    found = drawer.interpolate(np.zeros(3, np.int32), columns=2, truncation=0.5)
    module = tf.saved_model.load(str(unconditional))
    corners = sample_truncated("threshold", "normal", [3, 16], [3, 0], 0.5)
    z = tf.constant(blend(corners.numpy(), 2))
    images = module.signatures["default"](z=z, truncation=tf.fill([4], 0.5))["default"]
    expected = np.clip(np.round((images.numpy() + 1) * 127.5), 0, 255)
    np.testing.assert_array_equal(found, expected.astype(np.uint8))
