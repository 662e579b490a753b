"""Tables and picture of image quality over the width of the latents."""

import pathlib
from collections.abc import Iterable

from tf_smallgan.experiments import sections
from tf_smallgan.experiments.arms import ARMS, SIZED_ARMS
from tf_smallgan.experiments.quality_tables import fid_kinds, fid_setting, of_seeds
from tf_smallgan.experiments.results import Row

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
