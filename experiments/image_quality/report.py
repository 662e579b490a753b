"""Curves out of the tables of image quality, and times to plain's least distance."""

import math
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from experiments.common import curves, sections
from experiments.common.arms import ARMS, SIZED_ARMS, Arm
from experiments.common.curves import Point
from experiments.common.results import Row, mean_and_interval, read_rows, shown
from experiments.common.runs import StudyRun, flag
from experiments.image_quality import study
from experiments.image_quality.fid import FILE as FID_FILE
from experiments.image_quality.scales import FILE as SCALES_FILE
from experiments.image_quality.scales import RULE
from tf_smallgan.config import Config

Curves = dict[str, dict[int, list[Point]]]
"""By arm and seed."""

BASE = "plain"


def curves_of(rows: list[Row]) -> Curves:
    """Curves of the rows, arms in the order in which they are listed."""
    found: Curves = {}
    for name in SIZED_ARMS | ARMS:
        for row in sorted(rows, key=lambda row: int(row["step"])):
            if row["arm"] == name:
                by_seed = found.setdefault(name, {})
                by_seed.setdefault(int(row["seed"]), []).append(_point(row))
    return found


def _point(row: Row) -> Point:
    return Point(
        step=int(row["step"]),
        distance=float(row["frechet_distance"]),
        conditional_accuracy=float(row["conditional_accuracy"]),
        seconds=float(row["wall_seconds"]),
        images_per_second=float(row["images_per_second"]),
    )


def shares(found: Curves, arm: str) -> list[tuple[float, float] | None]:
    """For each seed that plain has too: (wall time, steps) over plain's, to its least.

    What is timed is the way to the least distance that plain ever has with that seed;
    None where the arm never has it.
    """
    results: list[tuple[float, float] | None] = []
    for seed, curve in found[arm].items():
        base = found.get(BASE, {}).get(seed)
        if not base or not is_finite(base):
            continue
        goal = curves.least(base)
        point = curves.time_to_reach(curve, goal.distance)
        results.append(
            (point.seconds / goal.seconds, point.step / goal.step) if point else None
        )
    return results


def is_finite(curve: Sequence[Point]) -> bool:
    """Whether any of its distances is a number."""
    return any(not math.isnan(point.distance) for point in curve)


def fid_curves(rows: list[Row], found: Curves) -> Curves:
    """The scored checkpoints as curves, with the wall time of their steps.

    Between two scores in the classifier's features the time is interpolated. A
    checkpoint after the last of them, or of a run without one, is left out.
    """
    scored: list[Row] = []
    for row in rows:
        curve = found.get(row["arm"], {}).get(int(row["seed"]), [])
        step = int(row["step"])
        if not curve or step > curve[-1].step:
            continue
        steps, seconds = zip((0, 0.0), *((p.step, p.seconds) for p in curve))
        unknown = dict.fromkeys(("images_per_second", "conditional_accuracy"), "nan")
        scored.append(row | unknown | {"wall_seconds": np.interp(step, steps, seconds)})
    return curves_of(scored)


# What the runs of a study draw at their end, side by side.


_COLUMNS = 3


def draw(runs: Sequence[StudyRun], path: pathlib.Path) -> bool:
    """Draws each arm's last sheet of samples; returns whether there was one.

    Those of the first seed that has sheets; sheets of one seed are of the same latents.
    Without sheets, as where runs lie on another machine, nothing is written.
    """
    by_seed: dict[int, dict[str, pathlib.Path]] = {}
    for run in runs:
        sheets = sorted(run.workdir.samples.glob("step-*.png"))
        if sheets:
            by_seed.setdefault(run.seed, {})[run.name] = sheets[-1]
    if not by_seed:
        return False
    seed, found = min(by_seed.items())
    lines = math.ceil(len(found) / _COLUMNS)
    columns = math.ceil(len(found) / lines)
    figure, axes = sections.new_figure(columns, lines, size=(3.6, 3.8))
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, (arm, sheet) in zip(axes.flat, found.items()):
        _show(ax, sheet)
        step = int(sheet.stem.removeprefix("step-"))
        ax.set_title(f"{arm}, seed {seed}, step {step:,}", fontsize=8)
    sections.save_figure(figure, path)
    return True


def _show(ax, sheet: pathlib.Path) -> None:
    """A PNG in grey or in colour."""
    from matplotlib import image

    pixels = image.imread(sheet)
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="antialiased")


# Tables of image quality: the classifier's features on the way, and FID.


def explained(found: Curves) -> str:
    """What the columns of `distance_table` mean."""
    text = (
        "Mean and 95% interval (Student's) over seeds. \"Plain's least\" is the least "
        "distance that `plain` ever has with the same seed; the time to it is that of "
        "the first score at or under it, over plain's own time to it, so that an arm "
        "is timed at most one interval too late. It is the least of plain's own noise: "
        "plain has it in every seed by definition, and an arm that is no different has "
        "it in every other."
    )
    if BASE not in found:
        text += " There is no run of `plain` yet, so no time can be compared."
    return text


def distance_table(found: Curves) -> str:
    """A row an arm: its least distance, and when it has plain's."""
    lines = []
    for arm, by_seed in found.items():
        best = [curves.least(curve) for curve in by_seed.values() if is_finite(curve)]
        times = shares(found, arm)
        reached = [both for both in times if both]
        rates = [curve[-1].images_per_second for curve in by_seed.values()]
        lines.append(
            [
                f"`{arm}`",
                _batch(arm),
                len(by_seed),
                shown(*mean_and_interval(rates)),
                shown(*mean_and_interval(p.distance for p in best), 2),
                shown(*mean_and_interval(p.seconds / 60 for p in best)),
                shown(*mean_and_interval(100 * p.conditional_accuracy for p in best)),
                f"{len(reached)} of {len(times)}",
                _share(reached, 0),
                _share(reached, 1),
            ]
        )
    heads = ["arm", "batch (latents, data)", "seeds", "images/s (median)"]
    heads += ["least distance", "at minute", "conditional accuracy there, %"]
    heads += ["seeds at plain's least", "wall time to it, over plain's"]
    heads.append("steps to it, over plain's")
    return sections.table(heads, lines)


def _share(reached: list[tuple[float, float]], which: int) -> str:
    if not reached:
        return "never"
    return shown(*mean_and_interval(both[which] for both in reached), 2)


def _batch(name: str) -> str:
    arm: Arm = (SIZED_ARMS | ARMS)[name]
    size = "B" if arm.batches == 1 else f"{arm.batches}B"
    if arm.prior == arm.data == 1:
        return size
    return f"{size} ({arm.prior}B, {arm.data}B)"


def fid_kinds(rows: list[Row]) -> dict[tuple[str, ...], list[Row]]:
    """FID's rows by number of samples and of real images, network and weights.

    Those of two kinds do not compare; that of most rows comes first.
    """
    columns = ("num_samples", "reference_images", "network", "weights")
    kinds: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        kinds.setdefault(tuple(row[name] for name in columns), []).append(row)
    return dict(sorted(kinds.items(), key=lambda kind: (-len(kind[1]), kind[0])))


def fid_parts(rows: list[Row], found: Curves) -> list[str]:
    """Two tables for each kind: FID by steps, and when an arm has plain's least."""
    parts = []
    for (samples, images, network, weights), some in fid_kinds(rows).items():
        scored = fid_curves(some, found)
        if not scored:
            continue
        parts += [
            f"{fid_setting(samples, images, network, weights)}, by steps of "
            "training; in brackets are the seeds, where an arm is scored with fewer "
            "than plain.",
            _steps_table(scored),
            "Of all scored checkpoints, those above and each run's best by the "
            "classifier's features: the least, and the time to the first that has "
            "plain's least with the same seed, or less, over plain's own time to it. "
            "An arm may have had it since the checkpoint scored before.",
            _least_table(scored, fid_name(network)),
        ]
    return parts


def fid_setting(samples: str, images: str, network: str, weights: str) -> str:
    """What an FID is of."""
    against = f"at most {int(images):,}" if int(images) else "all"
    return (
        f"{fid_name(network)} of {int(samples):,} samples against {against} training "
        f"images (weights {weights})"
    )


def fid_name(network: str) -> str:
    """What the Frechet distance in a network's features is called."""
    return "FID" if network == "inception" else f"Frechet distance, {network}"


def _steps_table(scored: Curves) -> str:
    """A row an arm, a column for each step at which all seeds of the first are scored.

    The first is plain, where it is scored.
    """
    first = next(iter(scored.values()))
    steps = set.intersection(*({p.step for p in curve} for curve in first.values()))
    lines = [
        [f"`{arm}`", *(_fids_at(step, by_seed, len(first)) for step in sorted(steps))]
        for arm, by_seed in scored.items()
    ]
    return sections.table(["arm", *(f"{step:,}" for step in sorted(steps))], lines)


def _fids_at(step: int, by_seed: dict[int, list[Point]], most: int) -> str:
    """Mean and interval, with the number of seeds where it is under `most`."""
    values = [p.distance for curve in by_seed.values() for p in curve if p.step == step]
    return of_seeds(values, most, 1)


def of_seeds(values: list[float], most: int, digits: int) -> str:
    """Mean and interval; in brackets the number of values where it is under `most`."""
    if not values:
        return ""
    seeds = f" ({len(values)})" if len(values) < most else ""
    return shown(*mean_and_interval(values), digits) + seeds


def _least_table(scored: Curves, what: str) -> str:
    lines = []
    for arm, by_seed in scored.items():
        best = [curves.least(curve) for curve in by_seed.values() if is_finite(curve)]
        times = shares(scored, arm)
        reached = [both for both in times if both]
        lines.append(
            [
                f"`{arm}`",
                len(by_seed),
                _numbers(len(curve) for curve in by_seed.values()),
                shown(*mean_and_interval(p.distance for p in best)),
                _numbers(p.step for p in best),
                f"{len(reached)} of {len(times)}",
                _share(reached, 0),
                _share(reached, 1),
            ]
        )
    heads = ["arm", "seeds", "checkpoints", f"least {what}", "at step"]
    heads += ["seeds at plain's least", "wall time to it, over plain's"]
    heads.append("steps to it, over plain's")
    return sections.table(heads, lines)


def _numbers(values: Iterable[int]) -> str:
    return ", ".join(f"{value:,}" for value in values)


# Tables and picture of image quality over the width of the latents.


IMAGE = "image_quality_scales.png"


def scale_parts(
    rows: list[Row], fids: list[Row], names: Iterable[str], folder: pathlib.Path
) -> list[str]:
    """What scores of the last checkpoints become with the latents' width.

    Args:
      rows: of the classifier's features; fids: of Inception's; `scale` in both.
      names: of arms, in the order of the study's other picture: their colours.
      folder: gets a picture of `rows`.
    """
    parts = [
        "The last checkpoints, sampled from the prior itself (--truncation_rule=scale) "
        "times each scale.",
    ]
    if rows:
        parts += ["Frechet distance in the classifier's features:"]
        parts.append(_scales(rows, "frechet_distance", 3))
        _plot(folder / IMAGE, rows, sections.colors_of(names))
        parts.append(f"![Distance over the latents' scale]({IMAGE})")
        parts += ["Share of samples of the class that was asked for:"]
        parts.append(_scales(rows, "conditional_accuracy", 3))
    for (samples, images, network, weights), some in fid_kinds(fids).items():
        parts += [fid_setting(samples, images, network, weights) + ":"]
        parts.append(_scales(some, "frechet_distance", 1))
    return parts


def _scales(rows: list[Row], column: str, digits: int) -> str:
    """A row an arm, a column a scale; brackets have the seeds where they are fewer."""
    values: dict[str, dict[float, list[float]]] = {}
    for row in rows:
        by_scale = values.setdefault(row["arm"], {})
        by_scale.setdefault(float(row["scale"]), []).append(float(row[column]))
    scales = sorted({scale for by_scale in values.values() for scale in by_scale})
    most = max(len(some) for by_scale in values.values() for some in by_scale.values())
    lines = [
        [
            f"`{name}`",
            *(of_seeds(values[name].get(s, []), most, digits) for s in scales),
        ]
        for name in SIZED_ARMS | ARMS
        if name in values
    ]
    return sections.table(["arm", *(f"{scale:g}" for scale in scales)], lines)


def _plot(path: pathlib.Path, rows: list[Row], colors: dict[str, str]) -> None:
    """The distance over the latents' scale, a line a run."""
    figure, axes = sections.new_figure(1, 1, (6.4, 4.4))
    ax = axes[0, 0]
    runs: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in rows:
        point = (float(row["scale"]), float(row["frechet_distance"]))
        runs.setdefault((row["arm"], row["seed"]), []).append(point)
    for name in colors:
        lines = [sorted(points) for (arm, _), points in runs.items() if arm == name]
        for number, points in enumerate(lines):
            ax.plot(
                *zip(*points),
                color=colors[name],
                marker="o",
                ms=3,
                lw=1.1,
                label=None if number else name,
            )
    sections.log_scale(ax)
    ax.set_xlabel("prior times", fontsize=9)
    ax.set_ylabel("Frechet distance, classifier's features", fontsize=9)
    figure.legend(*ax.get_legend_handles_labels(), **sections.LEGEND)
    sections.save_figure(figure, path)


# Plot and section of image quality against steps and wall time.


SAMPLES = f"{study.NAME}_samples.png"
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
    rows = read_rows(folder / f"{study.NAME}.csv")
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
    path = folder / f"{study.NAME}.md"
    _quality_report_plot(found, fids, path.with_suffix(".png"))
    sections.write_section(path, "Image quality against steps and wall time", parts)
    print(f"{path}, .png and .csv")


def _of_these_settings(rows: list[Row], config: Config) -> list[Row]:
    """The rows of any arm and seed whose other settings are those of `config`."""
    every = SIZED_ARMS | ARMS
    digests = {
        name: study.of_arm(config, name, arm).settings for name, arm in every.items()
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


def _quality_report_plot(found: Curves, fids: list[Row], path: pathlib.Path) -> None:
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
