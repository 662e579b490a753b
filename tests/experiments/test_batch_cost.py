"""What batches cost: hand numbers, fresh processes, and one real measurement."""

import numpy as np
import pytest

from experiments.batch_cost import __main__ as batch_cost
from experiments.batch_cost import flags as batch_cost_flags
from experiments.batch_cost import study as batch_cost_study
from experiments.batch_cost import worker
from experiments.batch_cost.report import crossings, equal_batch
from experiments.common.fresh_process import peak_memory_mib
from experiments.common.results import read_rows
from tests.commands import run_here
from tf_smallgan import config as config_lib
from tf_smallgan.data.dataset import prepare
from tf_smallgan.errors import InputError

SMALL = (
    "--architecture=sngan",
    "--channel_multiplier=1",
    "--latent_dim=4",
    "--embedding_dim=4",
    "--coreset_method=uniform",
    "--noconditional",
)


def test_crossing_by_hand():
    seconds = {
        (64, 1): {0: 8, 1: 12},
        (64, 4): {1: 15, 0: 11},
        (128, 1): {0: 20},
        (256, 1): {0: 44, 1: 36},
    }
    # The core-set needs no more memory than the plain batch of its size.
    memory = {(64, 1): {0: 100}, (64, 4): {0: 90}, (256, 1): {0: 300}}
    (one,) = crossings({"seconds": seconds, "peak_mib": memory})
    assert (one.batch_size, one.oversample) == (64, 4)
    assert one.ratios == {"seconds": [15 / 36, 11 / 44], "peak_mib": [0.3]}
    assert one.surcharges["seconds"] == pytest.approx([25, 37.5])
    assert one.surcharges["peak_mib"] == pytest.approx([-10])
    # 13 s lie 3/10 of the way from 10 s at 64 to 20 s at 128.
    assert one.equals == pytest.approx({"seconds": 83.2, "peak_mib": 64})


def test_nothing_crosses_where_the_large_batch_was_not_measured():
    measured = {(64, 1): {0: 10}, (64, 8): {0: 13}, (256, 1): {0: 40}}
    assert not crossings({"seconds": measured})
    # Nor where no seed has all three.
    measured = {(64, 1): {0: 10}, (64, 8): {0: 13}, (512, 1): {1: 80}}
    assert not crossings({"seconds": measured})


def test_no_equal_batch_beyond_those_measured():
    means = {(64, 1): 10.0, (128, 1): 20.0, (64, 4): 50.0}
    assert np.isnan([equal_batch(cost, means) for cost in (9, 21)]).all()
    assert [equal_batch(cost, means) for cost in (10, 20)] == [64, 128]


def test_large_batches_are_offered_from_a_small_data_set(tmp_path):
    config = config_lib.parse(
        ["--data_oversample=1", f"--workdir={tmp_path}"], batch_cost_flags.COMMAND
    )
    data = prepare(config, lambda line: None)
    many = worker.repeated(data, 1798)
    assert many.table.num_images == 2 * 1797
    assert many.table.labels[5] == many.table.labels[1797 + 5] == data.table.labels[5]
    assert many.read(np.int64(1797 + 5)) == data.read(np.int64(5))
    assert worker.repeated(data, 1797) is data


def test_jobs_and_what_is_refused():
    config = config_lib.parse(
        ["--batch_sizes=8,4", "--oversamples=2"], batch_cost_flags.COMMAND
    )
    jobs = batch_cost_study.all_jobs(config)
    assert [(job.batch_size, job.oversample) for job in jobs] == [
        (4, 1),
        (4, 2),
        (8, 1),
        (8, 2),
    ]
    assert {j.config.coreset.prior_oversample for j in jobs if j.oversample > 1} == {2}
    with pytest.raises(InputError, match="--oversamples=1,4 must list.*at least 2"):
        batch_cost_study.all_jobs(config_lib.replace(config, oversamples=(1, 4)))


def test_a_measurement(tmp_path):
    config = config_lib.parse(
        [*SMALL, "--batch_size=4", "--discriminator_steps=1"], batch_cost_flags.COMMAND
    )
    worker.fill_cache(config, str(tmp_path))
    # All seeds share the cache that the first one filled.
    other = config_lib.replace(config, seed=1)
    measured = worker.measure(other, str(tmp_path), updates=2)
    assert min(measured["seconds"], measured["cpu_seconds"]) > 0
    assert 0 <= measured["added_mib"] < measured["peak_mib"]
    assert measured["peak_mib"] == pytest.approx(peak_memory_mib(), rel=0.05)


def test_the_command_measures_once_what_is_missing(tmp_path, monkeypatch):
    calls = []

    def instead(function, name, *arguments):
        calls.append(name)
        # Two seconds an image, and 100 MiB: what is written must say so.
        job = arguments[0].training.batch_size * (1 + 0.1 * (len(calls) % 2))
        memory = {"peak_mib": 100.0, "added_mib": 10.0}
        return {"seconds": 2 * job, "cpu_seconds": 3 * job} | memory

    monkeypatch.setattr("experiments.common.fresh_process.in_fresh_process", instead)
    flags = (f"--workdir={tmp_path}", "--batch_sizes=4,16", "--oversamples=4")
    run_here(batch_cost, *flags, *SMALL)
    assert calls == [
        "the embedding",
        "batch 4, plain",
        "batch 4, core-sets of 4x",
        "batch 16, plain",
        "batch 16, core-sets of 4x",
    ]
    run_here(batch_cost, *flags, *SMALL)
    assert len(calls) == 5
    run_here(batch_cost, *flags, *SMALL, "--updates=7", "--batch_sizes=4")
    assert len(calls) == 8
    rows = read_rows(tmp_path / "batch_cost.csv")
    assert [row["seconds"] for row in rows[:4]] == ["8.0", "8.8", "32.0", "35.2"]
    text = (tmp_path / "batch_cost.md").read_text()
    assert "seconds for 7 updates" in text and "| 16 |" not in text
    assert (tmp_path / "batch_cost.png").stat().st_size > 10_000
