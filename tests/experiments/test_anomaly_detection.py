"""Anomaly detection: what a score is worth, what is left out, and the command."""

import numpy as np
import pytest

from experiments.anomaly_detection import __main__ as anomaly_detection
from experiments.anomaly_detection import data as anomaly_data
from experiments.anomaly_detection import energy_model, report, run
from experiments.anomaly_detection import flags as anomaly_detection_flags
from experiments.anomaly_detection import study as anomaly_detection_study
from experiments.common.arms import ARMS
from experiments.common.results import ResultsTable, read_rows
from tests.commands import run_here
from tf_smallgan import config as config_lib
from tf_smallgan.config import defaults
from tf_smallgan.errors import InputError

SMALL = ("--latent_dim=4", "--resolution=8", "--batch_size=32")


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    monkeypatch.setattr(energy_model, "HIDDEN", (8,))


def _config(*flags):
    parsed = config_lib.parse([*SMALL, *flags], anomaly_detection_flags.COMMAND)
    return defaults.with_data_defaults(parsed, None)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.6])
def test_energies_that_say_nothing_score_the_share_of_anomalies(share):
    anomalies = np.arange(100) < 10
    score = run.auprc(np.ones(100), anomalies, share)
    assert score == pytest.approx(share)


def test_area_by_hand():
    energies, anomalies = np.array([3.0, 2, 1, 0]), np.array([1, 0, 1, 0], bool)
    # Recall 1/2 at precision 1, then 1 at 2/3; at a share of 1/3 that one is 1/2.
    assert run.auprc(energies, anomalies, 1 / 2) == pytest.approx(5 / 6)
    assert run.auprc(energies, anomalies, 1 / 3) == pytest.approx(3 / 4)
    assert run.auprc(-energies, ~anomalies, 1 / 2) == pytest.approx(5 / 6)
    # The more images are anomalies, the less they are worth finding.
    assert run.auprc(anomalies * 1.0, anomalies, 0.01) == pytest.approx(1)


def test_the_anomaly_is_not_trained_on():
    data = anomaly_data.load(_config(), 3)
    assert set(data.train_labels) == set(range(10)) - {3}
    everything = np.concatenate([data.train, data.test])
    # 183 threes, of which every fifth is tested.
    assert len(everything) == 1797 - (183 - 36)
    assert data.is_anomaly.sum() == 36
    assert data.share == 36 / len(data.test)
    assert data.published_share == pytest.approx(183 / (183 + (1797 - 183) / 5))
    assert data.embeddings.shape == (len(data.train), 32)
    trained, tested = ({x.tobytes() for x in part} for part in (data.train, data.test))
    assert len(trained & tested) <= 3  # Of all digits, so many are drawn twice alike.


def test_what_is_refused():
    with pytest.raises(InputError, match="--anomalies has 10.*from 0 to 9"):
        anomaly_detection_study.all_jobs(_config("--anomalies=3,10"))
    with pytest.raises(InputError, match="2,048 images, more than the 1,295"):
        config = ARMS["both"].configure(_config("--batch_size=256"))
        next(run.train(config, anomaly_data.load(config, 3)))
    data = anomaly_data.load(_config(), 3)
    energies = np.full(len(data.test), np.nan)
    with pytest.raises(InputError, match="diverged.*--discriminator_lr"):
        run.measure(energies, data)


def test_a_run_follows_from_its_settings():
    def final(arm):
        config = _config("--train_steps=90", "--scored_epochs=2")
        config = ARMS[arm].configure(config)
        data = anomaly_data.load(config, 3)
        assert run.steps_per_epoch(len(data.train), config) == 40
        *_, before, last = run.train(config, data)
        assert (before[:2], last[:2]) == ((1, 40), (2, 80))
        return last[2]

    plain = final("plain")
    assert final("plain") == plain != final("uniform")


def test_the_command_resumes(tmp_path, monkeypatch, capsys):
    for name, value in (("ANOMALIES", (3,)), ("STEPS", 80), ("EPOCHS", 2)):
        monkeypatch.setattr(anomaly_detection_study, f"QUICK_{name}", value)
    flags = (*SMALL, "--quick", f"--workdir={tmp_path}", "--arms=plain,prior")
    run_here(anomaly_detection, *flags)
    rows = read_rows(tmp_path / "quick" / "anomaly_detection.csv")
    assert [(r["arm"], r["epoch"], r["step"]) for r in rows] == [
        ("plain", "1", "40"),
        ("plain", "2", "80"),
        ("prior", "1", "40"),
        ("prior", "2", "80"),
    ]
    assert all(0 < float(row["auprc"]) < 1 for row in rows)
    assert "2 of 2 after" in capsys.readouterr().out
    text = (tmp_path / "quick" / "anomaly_detection.md").read_text()
    assert "| 3 | 1 |" in text and "MEG, published" not in text
    assert (tmp_path / "quick" / "anomaly_detection.png").stat().st_size > 10_000

    monkeypatch.setattr(anomaly_detection, "one", None)
    run_here(anomaly_detection, *flags)
    assert "4 rows, 0 runs to do" in capsys.readouterr().out


def test_a_class_gains_once_however_many_seeds_it_has():
    scores = {
        ("plain", 1): {0: 0.1, 1: 0.2},
        ("both", 1): {0: 0.2, 1: 0.4},
        ("plain", 2): {0: 0.5},
        ("both", 2): {0: 0.4, 1: 0.9},
    }
    assert report.gains(scores, "both") == pytest.approx([0.15, -0.1])


def test_scores_and_gains_by_hand(tmp_path):
    config = _config("--dataset=mnist")
    jobs = anomaly_detection_study.all_jobs(
        config_lib.replace(config, anomalies=(1, 2), arms=("plain", "both"), seeds=2)
    )
    table = ResultsTable(
        tmp_path / "anomaly_detection.csv", anomaly_detection_study.KEY
    )
    for job in jobs[:-1]:  # The last one is not there yet: 2, both, seed 1.
        base = 0.1 * job.value + 0.01 * job.seed + (job.arm == "both") * 0.05
        for epoch in (9, 10):
            row = {"epoch": epoch, "share": 0.1, "published_share": 0.3}
            score = base + (epoch - 9.5) * 0.02
            row |= {"auprc": score, "auprc_published_share": 2 * score}
            table.add([job.key | row])
    scores = report.scores_of(table.rows, "auprc")
    assert scores["both", 1] == pytest.approx({0: 0.15, 1: 0.16})
    assert scores["both", 2] == pytest.approx({0: 0.25})
    assert report.gains(scores, "both") == pytest.approx([0.05] * 2)
    report.write(tmp_path, config)
    text = (tmp_path / "anomaly_detection.md").read_text()
    assert "| 1 | 2 | 0.210 ± 0.127 | 0.310 ± 0.127 | 0.281 | 0.300 |" in text
    # 0.281 is less than 0.3.
    assert "for 1 they lie below what chance gives" in text
    assert "| 2 | 2 | 0.410 ± 0.127 | 0.500 |  | 0.300 |" in text
