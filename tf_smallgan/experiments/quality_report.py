"""Plot and section of image quality against steps and wall time."""

import pathlib
from collections.abc import Callable
from typing import Any

from tf_smallgan.config import Config
from tf_smallgan.experiments import curves, image_quality, sections
from tf_smallgan.experiments.arms import ARMS, SIZED_ARMS
from tf_smallgan.experiments.curves import Point
from tf_smallgan.experiments.quality_curves import (
    BASE,
    Curves,
    curves_of,
    fid_curves,
    is_finite,
)
from tf_smallgan.experiments.quality_fid import FILE as FID_FILE
from tf_smallgan.experiments.quality_scales import FILE as SCALES_FILE
from tf_smallgan.experiments.quality_scales import RULE
from tf_smallgan.experiments.quality_tables import (
    distance_table,
    explained,
    fid_kinds,
    fid_name,
    fid_parts,
)
from tf_smallgan.experiments.results import Row, read_rows
from tf_smallgan.experiments.runs import flag
from tf_smallgan.experiments.scales_report import scale_parts

SAMPLES = f"{image_quality.NAME}_samples.png"
_SETTING = (
    *("dataset", "resolution", "channel_multiplier", "latent_dim", "batch_size"),
    *("embedder", "cache_seed", "discriminator_steps", "generator_lr"),
    *("discriminator_lr", "ema_decay", "ema_start_step"),
    *("train_steps", "eval_every_steps", "eval_samples", "standing_batches"),
)
_WAYS: dict[str, Callable[[Point], float]] = {
    "steps": lambda point: point.step,
    "minutes of training": lambda point: point.seconds / 60,
}


def write(folder: pathlib.Path, config: Config, samples: bool = False) -> None:
    """Writes image_quality.png and image_quality.md from the rows of the CSVs.

    Rows of other settings than those of `config` are left out.

    Args:
      samples: whether SAMPLES lies in `folder` and is of these runs.
    """
    rows = read_rows(folder / f"{image_quality.NAME}.csv")
    rows = _of_these_settings(rows, config)
    found = curves_of(rows)
    if not found:
        print("No score yet: no plot and no section.")
        return
    fids, wide_fids = _by_latents(
        _of_these_settings(read_rows(folder / FID_FILE), config), config
    )
    wide = _of_these_settings(read_rows(folder / SCALES_FILE), config)
    wide = _of_last_step(wide, config)
    parts = [_setting(config, rows), "![Curves](image_quality.png)"]
    parts += ["## Frechet distance in the classifier's features", explained(found)]
    parts.append(distance_table(found))
    if fids:
        parts += ["## FID", *fid_parts(fids, found)]
    if wide or wide_fids:
        parts += [
            "## Width of the latents",
            *scale_parts(wide, wide_fids, found, folder),
        ]
    ended = _ended_early(found, config.training.train_steps)
    parts += [ended] * bool(ended)
    if samples:
        parts += [
            "## Samples",
            "A row a class, of the averaged generator, arms of the same latents.",
            f"![Samples of each arm]({SAMPLES})",
        ]
    path = folder / f"{image_quality.NAME}.md"
    _plot(found, fids, path.with_suffix(".png"))
    sections.write_section(path, "Image quality against steps and wall time", parts)
    print(f"{path}, .png and .csv")


def _of_these_settings(rows: list[Row], config: Config) -> list[Row]:
    """The rows of any arm and seed whose other settings are those of `config`."""
    every = SIZED_ARMS | ARMS
    digests = {
        name: image_quality.of_arm(config, name, arm).settings
        for name, arm in every.items()
    }
    return [row for row in rows if digests.get(row["arm"]) == row["settings"]]


def _by_latents(rows: list[Row], config: Config) -> tuple[list[Row], list[Row]]:
    """FID's rows of latents as on the way, and those of last steps over scales."""
    usual = (config.sampling.truncation_rule, 1.0)
    # Those of revisions that knew one way have not said it.
    ways = [
        (row.get("truncation_rule", usual[0]), float(row.get("truncation", 1)))
        for row in rows
    ]
    wide = [
        row | {"scale": str(scale)}
        for row, (rule, scale) in zip(rows, ways)
        if rule == RULE and (rule, scale) != usual
    ]
    kept = [row for row, way in zip(rows, ways) if way == usual]
    return kept, _of_last_step(wide, config)


def _of_last_step(rows: list[Row], config: Config) -> list[Row]:
    return [row for row in rows if int(row["step"]) == config.training.train_steps]


def _setting(config: Config, rows: list[Row]) -> str:
    flags = " ".join(f"--{name}={flag(config, name)}" for name in _SETTING)
    hardware = " and ".join(sorted({row["hardware"] for row in rows}))
    return (
        "Asked: does a small batch with core-sets reach the quality of a plain one in "
        "less wall time, and how far does it go towards a batch four times as large? "
        f"On {hardware}; wall time is of training steps alone (no compiling, logging, "
        "saving or scoring). All runs share one classifier and its features; scored is "
        f"the averaged generator with standing statistics.\n\n    {flags}"
    )


def _ended_early(found: Curves, steps: int) -> str:
    """The runs whose last score is before the last step, in a sentence."""
    early = [
        f"`{arm}` with seed {seed} after {curve[-1].step:,}"
        for arm, by_seed in found.items()
        for seed, curve in by_seed.items()
        if curve[-1].step < steps
    ]
    if not early:
        return ""
    return f"Ended, or collapsed, before step {steps:,}: {'; '.join(early)} steps."


def _plot(found: Curves, fids: list[Row], path: pathlib.Path) -> None:
    """Distances, and FIDs where there are some, over steps and over minutes."""
    rows = {"Frechet distance, classifier's features": found}
    # Of another number of samples, or another network, they would not compare.
    for (_, _, network, _), some in [*fid_kinds(fids).items()][:1]:
        rows[fid_name(network)] = fid_curves(some, found)
    figure, axes = sections.new_figure(2, len(rows), (5.6, 4.2))
    colors = sections.colors_of(found)
    for line, (name, values) in zip(axes, rows.items()):
        for ax, (text, place) in zip(line, _WAYS.items()):
            marker = "" if values is found else "o"
            _draw(ax, values, place, colors, marker)
            _mark_goal(ax, values)
            ax.set_xlabel(text, fontsize=9)
            ax.set_ylabel(name, fontsize=9)
    for above, below in zip(axes[0], axes[-1]):
        below.set_xlim(above.get_xlim())
    figure.legend(*axes[0, 0].get_legend_handles_labels(), **sections.LEGEND)
    sections.save_figure(figure, path)


def _draw(
    ax: Any,
    found: Curves,
    place: Callable[[Point], float],
    colors: dict[str, str],
    marker: str,
) -> None:
    """A line for each run, on a logarithmic scale."""
    for arm, by_seed in found.items():
        for number, curve in enumerate(by_seed.values()):
            ax.plot(
                [place(point) for point in curve],
                [point.distance for point in curve],
                color=colors[arm],
                marker=marker,
                ms=3,
                lw=1.1,
                alpha=0.85,
                label=arm if number == 0 else None,
            )
    sections.log_scale(ax)


def _mark_goal(ax: Any, found: Curves) -> None:
    """A dotted line at the least distance of each of plain's seeds."""
    goals = [
        curves.least(c).distance for c in found.get(BASE, {}).values() if is_finite(c)
    ]
    for number, goal in enumerate(goals):
        ax.axhline(
            goal,
            color="black",
            lw=0.8,
            ls=":",
            label=None if number else "plain's least, each seed",
        )
