"""What an experiment found, as a picture and a section of a report in Markdown."""

import itertools
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

from tf_smallgan.files import replacing

COLORS = (
    "#1f6f8b",
    "#c8553d",
    "#3f7d58",
    "#7a5195",
    "#d9a441",
    "#5a6878",
    "#8c564b",
    "#17a2a2",
)


LEGEND: dict[str, Any] = {
    "loc": "outside lower center",
    "ncols": 4,
    "frameon": False,
    "fontsize": 8,
}


def new_figure(
    columns: int = 1,
    rows: int = 1,
    size: tuple[float, float] = (5, 3.6),
    heights: Sequence[float] | None = None,
):
    """A figure and its [rows, columns] axes, without a display.

    Args:
      size: mean width and height of an axes with its texts, in inches.
      heights: of the rows, in any unit; alike where there are none.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, height_ratios=heights)
    for each in axes.flat:
        each.spines[["top", "right"]].set_visible(False)
        each.grid(alpha=0.25)
        each.tick_params(which="both", labelsize=8)
    return figure, axes


def colors_of(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, the same again after as many as there are."""
    return dict(zip(names, itertools.cycle(COLORS)))


def log_scale(ax: Any) -> None:
    """A logarithmic y axis whose numbers are plain: 0.2, not 2e-01."""
    from matplotlib import ticker

    ax.set_yscale("log")
    plain = ticker.FuncFormatter(lambda value, _: f"{value:g}")
    ax.yaxis.set_major_formatter(plain)
    ax.yaxis.set_minor_locator(ticker.LogLocator(subs=(2, 3, 5)))
    ax.yaxis.set_minor_formatter(plain)


def save_figure(figure: Any, path: pathlib.Path) -> None:
    """Writes a PNG."""
    with replacing(path, ".png") as partial:
        figure.savefig(partial, dpi=150, metadata={"Software": "tf_smallgan"})


def table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join("| " + " | ".join(str(x) for x in line) + " |" for line in lines)


def write_section(path: pathlib.Path, title: str, parts: Sequence[str]) -> None:
    """Writes a section: a heading and paragraphs, tables or pictures under it."""
    text = "\n\n".join([f"# {title}", *parts]) + "\n"
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
