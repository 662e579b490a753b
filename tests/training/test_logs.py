"""metrics.jsonl and the progress line."""

import json
import time

import pytest

from tf_smallgan.training.logs import MetricsFile, Progress, clock, read_metrics


def test_resuming_drops_a_torn_line_and_lines_beyond_the_step(tmp_path):
    path = tmp_path / "metrics.jsonl"
    file = MetricsFile(path, 0)
    for step in (10, 20, 30):
        file.append(step, {"loss": step / 10})
    with path.open("a") as raw:
        raw.write('{"step": 40, "lo')
    assert [row["step"] for row in read_metrics(path)] == [10, 20, 30]
    resumed = MetricsFile(path, 20)
    resumed.append(25, {"loss": 0.5})
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert rows == [
        {"step": 10, "loss": 1.0},
        {"step": 20, "loss": 2.0},
        {"step": 25, "loss": 0.5},
    ]


def test_nan_stays_readable_json(tmp_path):
    file = MetricsFile(tmp_path / "metrics.jsonl", 0)
    file.append(1, {"loss": float("nan")})
    assert read_metrics(file.path) == [{"step": 1, "loss": "nan"}]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00:00"), (3725.4, "1:02:05"), (float("inf"), "unknown")],
)
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_time_left_follows_from_the_last_reports(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    progress = Progress(batch_size=10, first_step=0, last_step=100)
    for step, seconds in ((10, 900.0), (20, 20.0), (40, 30.0)):
        now[0] += seconds
        rate = progress.rate(step)
    now[0] += 1000.0  # A pause, which counts nowhere.
    progress.restart(40)
    losses = {"discriminator_loss": 1.0, "generator_loss": -0.25}
    line = progress.line(40, {"images_per_second": rate} | losses)
    # A first report with compiling, then 2 and 1.5 seconds a step: the median.
    assert line == "step 40/100  D 1.000  G -0.250  6.7 images/s  left 0:02:00"
