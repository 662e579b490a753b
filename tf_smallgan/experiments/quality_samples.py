"""What the runs of a study draw at their end, side by side."""

import math
import pathlib
from collections.abc import Sequence

from tf_smallgan.experiments import sections
from tf_smallgan.experiments.runs import StudyRun

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
