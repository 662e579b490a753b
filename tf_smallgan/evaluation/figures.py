"""Pictures of a report, as data: nothing is fetched when it is opened."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_smallgan.evaluation import sweep

_COLORS = ("#1f6f8b", "#c8553d", "#3f7d58", "#7a5195")


def png_uri(image: np.ndarray) -> str:
    """A data URI of image [H, W, C] uint8."""
    return _uri("image/png", tf.io.encode_png(image).numpy())


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def svg_uri(figure: Any) -> str:
    """A data URI of a Matplotlib figure, sharp at any size and the same every time."""
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "tf_smallgan"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return _uri("image/svg+xml", buffer.getvalue())


def new_figure() -> tuple[Any, Any]:
    """A small figure and its axes: its text stays readable on a phone."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8, 3.3), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.tick_params(labelsize=8)
    return figure, axes


def sweep_figure(curve: sweep.Curve) -> str:
    """The truncation sweep."""
    figure, axes = new_figure()
    sweep.plot(axes, curve)
    return svg_uri(figure)


def training_figure(
    rows: Sequence[dict[str, Any]], names: Sequence[str], labels: Sequence[str]
) -> str | None:
    """Metrics over steps; None where no row has two points of any.

    Args:
      rows: of metrics.jsonl.
      names, labels: which metrics, and what to call them.
    """
    figure, axes = new_figure()
    drawn = False
    for name, label, color in zip(names, labels, _COLORS):
        points = [
            (row["step"], row[name])
            for row in rows
            if isinstance(row.get(name), (int, float))
        ]
        if len(points) > 1:
            axes.plot(*zip(*points), color=color, linewidth=1.2, label=label)
            drawn = True
    if not drawn:
        return None
    axes.set_xlabel("step", fontsize=9)
    axes.legend(frameon=False, fontsize=8)
    return svg_uri(figure)
