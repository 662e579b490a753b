"""The command, from a workdir to its files."""

import csv
import json

import numpy as np
import pytest

from export.restore import restore
from tf_smallgan import config as config_lib
from tf_smallgan import evaluate
from tf_smallgan.config import checks
from tf_smallgan.errors import InputError
from tf_smallgan.evaluation import during_training
from tf_smallgan.evaluation.results import SCORES_FILE, append_record
from tf_smallgan.evaluation.run import sweep_name
from tf_smallgan.files import fingerprint
from tf_smallgan.training.logs import read_metrics


def parse(workdir, *flags):
    return config_lib.parse([f"--workdir={workdir}", *flags], config_lib.EVALUATE)


@pytest.fixture(scope="module")
def ran(workdir, tmp_path_factory):
    """One sweep of two truncations, its folder and its report."""
    folder = tmp_path_factory.mktemp("scores")
    report = folder / "page" / "report.html"
    evaluate.run(
        parse(
            workdir,
            "--num_samples=60",
            "--truncations=1.0,0.4",
            f"--results_dir={folder}",
            f"--report={report}",
        )
    )
    return folder


def test_records_hold_what_makes_them_comparable(ran, workdir):
    lines = (ran / SCORES_FILE).read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["truncation"] for record in records] == [1.0, 0.4]
    record = records[0]
    assert record["step"] == 12 and record["ema"] is True
    restored = restore(parse(workdir), "last").average
    assert record["generator_hash"] == fingerprint(
        variable.numpy() for variable in restored.trainable_variables
    )
    assert record["bn"] == "standing" and record["standing_batches"] == 2
    assert record["truncation_rule"] == "hub" and record["num_samples"] == 60
    space = record["spaces"]["classifier"]
    assert space["weights_hash"] and space["resizer"]
    reference = space["reference"]
    assert reference["dataset"] == "digits" and reference["split"] == "train"
    assert reference["count"] == 1797 and reference["identity_hash"]
    metrics = space["metrics"]
    assert metrics["classifier_frechet_distance_60"] > 0
    assert 0 <= metrics["conditional_accuracy"] <= 1
    assert not any(name.startswith(("fid", "kid", "inception")) for name in metrics)


def test_sweep_files(ran):
    with (ran / "sweep-step-0000012.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["truncation"]) for row in rows] == [0.4, 1.0]
    lines = (ran / SCORES_FILE).read_text().splitlines()
    metrics = json.loads(lines[1])["spaces"]["classifier"]["metrics"]
    name = "classifier_frechet_distance_60"
    assert float(rows[0][name]) == metrics[name]
    picture = (ran / "sweep-step-0000012-classifier.png").read_bytes()
    assert picture.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "step-0000400"),
        ({"bn": "moving", "ema": False}, "step-0000400-trained-moving"),
        ({"truncation_rule": "scale"}, "step-0000400-scale"),
        ({"labels": "data"}, "step-0000400-labels-of-data"),
    ],
)
def test_sweeps_of_other_settings_have_other_names(changes, name):
    facts = {"step": 400, "ema": True, "bn": "standing", "truncation_rule": "hub"}
    facts["labels"] = "balanced"
    assert sweep_name(facts | changes) == name


def test_sweeps_of_exports_are_named_by_version():
    facts = {"ema": True, "bn": "as exported", "truncation_rule": "hub"}
    facts["labels"] = "balanced"
    assert sweep_name(facts | {"export": "exports/digits/3"}) == "export-digits-3"


def test_a_torn_line_of_scores_hides_no_other(tmp_path):
    path = append_record(tmp_path, {"step": 1})
    with path.open("a") as file:
        file.write('{"step": 2, "ema"')
    append_record(tmp_path, {"step": 3})
    append_record(tmp_path, {"step": 4})
    assert [record["step"] for record in read_metrics(path)] == [1, 3, 4]


def test_labels_as_often_as_the_data_have_them(workdir, tmp_path, capsys):
    evaluate.run(
        parse(
            workdir, "--num_samples=599", "--labels=data", f"--results_dir={tmp_path}"
        )
    )
    printed = capsys.readouterr().out
    assert "labels as often as in the data" in printed
    # Digits have 174 to 183 of 1,797 images a class, so 58 to 61 of 599.
    assert "of 599 samples, 58 to 61 a class" in printed
    (record,) = read_metrics(tmp_path / SCORES_FILE)
    assert record["labels"] == "data"


def test_report_is_one_file(ran):
    page = (ran / "page" / "report.html").read_text()
    assert page.count("<img") > 20 and "data:image/png;base64," in page
    for outside in ("http://", "https://", "<script", "<link", "@import"):
        assert outside not in page
    for part in ("Samples", "Nearest training images", "Training", "Settings"):
        assert f"<h2>{part}</h2>" in page
    assert sorted(path.name for path in (ran / "page").iterdir()) == ["report.html"]


def test_two_replicas_score_what_one_scores(ran, workdir, two_replicas, tmp_path):
    flags = ["--num_samples=60", "--truncations=1.0", f"--results_dir={tmp_path}"]
    flags += ["--strategy=mirrored", "--logical_cpus=2"]
    evaluate.run(parse(workdir, *flags))
    one, two = (
        json.loads((folder / SCORES_FILE).read_text().splitlines()[0])["spaces"]
        for folder in (ran, tmp_path)
    )
    expected = one["classifier"]["metrics"]
    found = two["classifier"]["metrics"]
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_during_training(config, data, ran):
    from tf_smallgan.config import defaults
    from tf_smallgan.training.state import build_state

    config = config_lib.replace(config, eval_samples=40, eval_reference_images=500)
    state = build_state(defaults.model_spec(config), config.training, seed=0)
    said = []
    evaluation = during_training.TrainingEvaluation(
        config, data, state.average, say=said.append
    )
    before = [x.numpy() for x in state.average.non_trainable_variables]
    values = evaluation.scores(3)
    # A best checkpoint is saved now, with batch norm as training left it.
    for variable, value in zip(state.average.non_trainable_variables, before):
        np.testing.assert_array_equal(variable, value)
    assert values["classifier_frechet_distance_40"] > 0
    assert values["evaluation_seconds"] > 0
    assert "Reference (classifier): 500 images" in said[0]
    assert "training paused" in said[-1] and said[-1].startswith("step 3:")
    name = during_training.deciding_metric(values)
    assert name == "classifier_frechet_distance_40"
    again = evaluation.scores(4)
    assert again[name] == values[name]
    state.average.trainable_variables[0].assign_add(
        0.5 + 0 * state.average.trainable_variables[0]
    )
    assert evaluation.scores(5)[name] != values[name]


@pytest.mark.parametrize(
    "names",
    [
        ("fid_5k", "classifier_frechet_distance_5k"),
        ("custom_inception_frechet_distance_5k", "classifier_frechet_distance_5k"),
        ("custom_inception_frechet_distance_5k",),
        ("classifier_frechet_distance_5k",),
    ],
)
def test_inception_decides_where_it_is_there(names):
    scores = dict.fromkeys([*reversed(names), "precision"], 1.0)
    assert during_training.deciding_metric(scores) == names[0]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--truncations=0.5,1.5"], r"--truncations=1.5 is outside \(0, 1\]"),
        (
            ["--truncations=1.5,2.5", "--truncation_rule=scale"],
            r"--truncations=2.5 is outside \(0, 2\]",
        ),
        (["--truncations="], "truncations= is not|truncations is empty"),
        (["--strategy=multi_worker"], "needs the environment variable TF_CONFIG"),
        (["--step=5"], "--step=5 is not a kept checkpoint; there are 12"),
        (["--weights=trained", "--export_dir=none"], "holds the averaged weights"),
        (["--step=best", "--export_dir=none"], "weights of one step"),
        (["--bn=batch", "--export_dir=none"], "with the statistics that were written"),
        (["--reference=a.npz", "--reference_images=9"], "give one of the two"),
        (["--reference_images=1"], "has no spread; give at least 2"),
        (["--export_dir=none"], "--export_dir=none holds no SavedModel"),
        (["--feature_space=inception"], "--inception_weights is not set"),
        (["--reference=none.npz"], "--reference=none.npz cannot be read"),
    ],
)
def test_bad_flags(workdir, flags, message):
    with pytest.raises(InputError, match=message):
        evaluate.run(parse(workdir, *flags))


def test_no_labels_and_no_inception(config):
    from tf_smallgan.evaluation.setup import wanted_spaces

    unlabelled = config_lib.replace(config, num_classes=None, conditional=False)
    of_one_class = config_lib.replace(unlabelled, num_classes=1)
    for none in (unlabelled, of_one_class):
        with pytest.raises(
            InputError, match="has no two classes .* need the Inception"
        ):
            wanted_spaces(none)
    weights = config_lib.replace(unlabelled, inception_weights="file")
    assert wanted_spaces(weights) == ("inception",)
    both = config_lib.replace(config, inception_weights="file")
    assert wanted_spaces(both) == ("classifier", "inception")


def test_a_reference_of_one_image_is_refused(config):
    one = config_lib.replace(config, eval_reference_images=1)
    one = config_lib.replace(one, eval_every_steps=1)
    with pytest.raises(InputError, match="--eval_reference_images=1 has no spread"):
        checks.check_run(one, replicas=1)


def test_devices_of_the_training_are_not_taken_over(workdir, tmp_path):
    lines = (workdir / "flags.cfg").read_text().splitlines()
    own = ("--strategy=", "--tpu=", "--logical_cpus=")
    kept = [line for line in lines if not line.startswith(own)]
    assert len(kept) == len(lines) - 3
    elsewhere = ["# By hand.", "", "--strategy=tpu", "--tpu=far", "--logical_cpus=8"]
    (tmp_path / "flags.cfg").write_text("\n".join([*kept, *elsewhere]))
    run = parse(tmp_path).run
    assert (run.strategy, run.tpu, run.logical_cpus) == ("auto", "", 1)
    assert parse(tmp_path, "--strategy=mirrored").run.strategy == "mirrored"
    assert parse(tmp_path).training == parse(workdir).training


def test_a_saved_step_without_scores_is_missing_them(config):
    config = config_lib.replace(config, eval_every_steps=5, train_steps=12)
    rows = [{"step": 5, "evaluation_seconds": 1.0}, {"step": 10, "generator_loss": 0.1}]
    missing = [
        step for step in range(13) if during_training.is_missing(config, step, rows)
    ]
    assert missing == [10, 12]
    off = config_lib.replace(config, eval_every_steps=0)
    assert not during_training.is_missing(off, 12, [])


def test_what_scores_depend_on_is_told_apart(config):
    changes = [
        {},
        {"truncation_rule": "scale"},
        {"standing_batches": 7},
        {"eval_reference_images": 50},
    ]
    texts = {
        during_training.scored_how(config_lib.replace(config, **change))
        for change in changes
    }
    assert len(texts) == len(changes)
