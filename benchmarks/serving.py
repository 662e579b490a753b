"""How an export serves: throughput, latency and memory, and against the live model.

    python -m benchmarks.serving --export=X/1
    python -m benchmarks.serving --export=X/1 --workdir=W --requests=1000

Requests run in threads on one session, as a server runs them, some of them malformed.
Prints, for each number in flight and each batch size, images/s, the 50th and 99th
percentile of the latency and the resident memory; after all of them how much memory
grew since the first tenth, and how many well-formed requests failed (none may). With
--workdir it also prints how many times as fast the export is as the live generator's
training-mode forward of the same batch; at least 1.3 is wanted. The two are timed in
turns, so that other work on the machine hits both alike.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import pathlib
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
from absl import app, flags

from export.recording import Facts, read_facts
from export.restore import restore
from export.session import SessionModel
from export.warmup import request_inputs
from tf_smallgan import config as config_lib

IN_FLIGHT = (1, 8, 32)
BATCH_SIZES = (1, 2, 4, 8, 16, 32)
MALFORMED_EVERY = 10
MIN_RATIO, MAX_LOAD_S = 1.3, 5.0
ROUNDS = 15


@dataclasses.dataclass
class Outcome:
    """What happened to some requests; latencies in seconds."""

    latencies: list[float]
    seconds: float
    images: int
    failed: int
    wrongly_answered: int

    def line(self, in_flight: int, batch: int) -> str:
        """One row of the table."""
        median, tail = np.percentile(self.latencies, [50, 99]) * 1e3
        return (
            f"{in_flight:>9} {batch:>5} {self.images / self.seconds:>9.0f} "
            f"{median:>8.2f} {tail:>8.2f} {resident_mib():>8.0f}"
        )


def resident_mib() -> float:
    """Memory of this process that is in RAM; Linux."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def spoiled(
    inputs: dict[str, np.ndarray], number: int, most_truncation: float
) -> dict[str, np.ndarray]:
    """The same request with one of four mistakes in it."""
    truncation = inputs["truncation"]
    mistakes: list[dict[str, np.ndarray]] = [
        {"truncation": truncation + np.float32(most_truncation)},
        {"truncation": truncation * np.float32("nan")},
        {"truncation": truncation[:-1]},
    ]
    if "label" in inputs:
        mistakes.append({"label": inputs["label"] - 1000})
    return inputs | mistakes[number % len(mistakes)]


def drive(
    model: SessionModel, facts: Facts, in_flight: int, batch: int, requests: int
) -> Outcome:
    """Sends requests from `in_flight` threads, each as soon as it has its answer."""
    good = request_inputs(facts, "serving_default", batch)

    def send(number: int) -> tuple[float, bool, bool]:
        malformed = number % MALFORMED_EVERY == MALFORMED_EVERY - 1
        inputs = good
        if malformed:
            inputs = spoiled(good, number // MALFORMED_EVERY, facts.most_truncation)
        start = time.perf_counter()
        try:
            model.predict("serving_default", inputs)
            answered = True
        except tf.errors.InvalidArgumentError:
            answered = False
        return time.perf_counter() - start, malformed, answered

    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(in_flight) as pool:
        results = list(pool.map(send, range(requests)))
    seconds = time.perf_counter() - start
    return Outcome(
        latencies=[took for took, malformed, _ in results if not malformed],
        seconds=seconds,
        images=batch * sum(answered for _, _, answered in results),
        failed=sum(not (bad or answered) for _, bad, answered in results),
        wrongly_answered=sum(bad and answered for _, bad, answered in results),
    )


def load_test(model: SessionModel, facts: Facts, requests: int) -> None:
    """Prints the table, and whether memory grew or a request failed."""
    cases = [(n, batch) for n in IN_FLIGHT for batch in BATCH_SIZES]
    each = max(requests // len(cases), 1)
    for batch in BATCH_SIZES:
        drive(model, facts, max(IN_FLIGHT), batch, 2 * max(IN_FLIGHT))
    before = resident_mib()
    print("in flight batch  images/s   p50 ms   p99 ms  RSS MiB")
    failed = wrong = sent = 0
    for in_flight, batch in cases:
        outcome = drive(model, facts, in_flight, batch, each)
        print(outcome.line(in_flight, batch), flush=True)
        failed += outcome.failed
        wrong += outcome.wrongly_answered
        sent += each
    print(
        f"{sent} requests, one in {MALFORMED_EVERY} malformed: {failed} well-formed "
        f"ones failed, {wrong} malformed ones were answered, memory grew by "
        f"{resident_mib() - before:.1f} MiB"
    )


def seconds(call: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def ratios(
    model: SessionModel, facts: Facts, workdir: str
) -> Iterator[tuple[int, float]]:
    """(batch, images/s of the export over those of the live training-mode forward)."""
    flags_ = [f"--workdir={workdir}", f"--precision={facts.precision}"]
    restored = restore(config_lib.parse(flags_, config_lib.EXPORT), str(facts.step))

    @tf.function(autograph=False)
    def live(z, labels):
        return restored.average(z, labels, training=True)

    for batch in BATCH_SIZES:
        inputs = request_inputs(facts, "default", batch)
        z = tf.constant(inputs["z"])
        labels = tf.constant(inputs["y"].argmax(1), tf.int32) if "y" in inputs else None
        calls = (
            lambda z=z, labels=labels: live(z, labels).numpy(),
            lambda inputs=inputs: model.predict("default", inputs),
        )
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(ROUNDS + 2):
            for call, taken in zip(calls, times):
                taken.append(seconds(call))
        slow, fast = (statistics.median(taken[2:]) for taken in times)
        yield batch, slow / fast


def main(_: list[str]) -> None:
    values = flags.FLAGS.flag_values_dict()
    facts = read_facts(pathlib.Path(values["export"]))
    start = time.perf_counter()
    model = SessionModel(values["export"])
    model.predict("serving_default", request_inputs(facts, "serving_default", 1))
    taken = time.perf_counter() - start
    print(f"loaded and first image in {taken:.2f} s (at most {MAX_LOAD_S} at 32 px)")
    if values["workdir"]:
        for batch, ratio in ratios(model, facts, values["workdir"]):
            print(
                f"batch {batch}: {ratio:.2f} times the live training-mode forward "
                f"(at least {MIN_RATIO})"
            )
    load_test(model, facts, values["requests"])


if __name__ == "__main__":
    flags.DEFINE_string("export", None, "A version folder.", required=True)
    flags.DEFINE_string("workdir", "", "The run it was made from, to compare with.")
    flags.DEFINE_integer("requests", 10_000, "Requests in all.", lower_bound=1)
    app.run(main)
