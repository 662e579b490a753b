"""Seconds a step of BigGAN's variants, measured in turns in one process.

The rates that runs log are of other hours and beside other runs.
"""

import pathlib
from collections.abc import Callable
from typing import Any

from experiments.biggan_effects import study
from experiments.common.results import ResultsTable
from tf_smallgan.config import Config

FILE = "biggan_effects_time.csv"
BASE = "base"
STEPS, ROUNDS = 5, 9
_KEY = ("variant", "settings")


def measure(config: Config, folder: pathlib.Path) -> None:
    """Times every variant in turns and writes the median of each, and over base's."""
    from experiments.common import runs, turns

    chosen = [n for n in study.chosen_variants(config) if n != BASE]
    calls, settings = {}, {}
    for name in (BASE, *chosen):
        run = study.of_variant(config, name)
        calls[name], settings[name] = some_steps(run.config), run.settings
        print(f"{name}: traced", flush=True)
        calls[name]()
    seconds = turns.take_turns(calls, ROUNDS)
    path = folder / FILE
    path.unlink(missing_ok=True)
    rows = [
        {
            "variant": name,
            "settings": settings[name],
            "milliseconds": round(1e3 * turns.median(seconds, name) / STEPS, 1),
            "over_base": round(turns.median_ratio(seconds, name, BASE), 3),
            "hardware": runs.hardware(),
        }
        for name in calls
    ]
    ResultsTable(path, _KEY).add(rows)
    for row in rows:
        over = row["over_base"]
        print(f"{row['variant']}: {row['milliseconds']} ms, {over} of base's")


def some_steps(config: Config) -> Callable[[], Any]:
    """A call that trains for `STEPS` steps on a made batch."""
    from experiments.common.made_step import make_step
    from tf_smallgan.config import defaults

    step, batch = make_step(defaults.with_defaults(config))

    def call() -> None:
        for _ in range(STEPS):
            metrics = step(batch)
        metrics["generator_loss"].numpy()

    call()  # Traced.
    return call


def times(folder: pathlib.Path, config: Config) -> dict[str, tuple[float, float]]:
    """Milliseconds a step and the part of base's, by variant, of these settings."""
    table = ResultsTable(folder / FILE, _KEY)
    found = {}
    for name in study.VARIANTS:
        settings = study.of_variant(config, name).settings
        for row in table.select(variant=name, settings=settings):
            found[name] = float(row["milliseconds"]), float(row["over_base"])
    return found
