"""What arms draw at the end of a run on a grid, kept and shown side by side."""

import json
import os
import pathlib
from typing import Any

import numpy as np

from tf_smallgan.experiments import sections
from tf_smallgan.experiments.mixtures import GaussianGrid

FOLDER, PICTURE = "gaussian_grid_samples", "gaussian_grid_samples.png"
KEPT, COLUMNS = 2_000, 5


def keep(folder: pathlib.Path, run: dict[str, Any], points: np.ndarray) -> None:
    """Keeps the first 2,000 of points [N, 2].

    Args:
      folder: that of the results.
      run: what the points are of, with "modes", "arm" and "seed". Another seed of a
        run that is kept already changes nothing.
    """
    path = _path(folder, run["modes"], run["arm"])
    of = {name: str(value) for name, value in run.items() if name != "seed"}
    if path.exists() and _load(path)[1] == of:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez_compressed(
            file, points=points[:KEPT].astype(np.float16), of=json.dumps(of)
        )
    os.replace(partial, path)


def draw(
    folder: pathlib.Path, modes: int, arms: list[str], settings: dict[str, Any]
) -> str | None:
    """Draws what is kept of these arms.

    Returns:
      The picture's name in `folder`; None where nothing of these settings is kept.
    """
    found = {}
    for arm in arms:
        path = _path(folder, modes, arm)
        if not path.exists():
            continue
        points, of = _load(path)
        if all(of.get(name) == str(value) for name, value in settings.items()):
            found[arm] = points
    if not found:
        return None
    grid, columns = GaussianGrid(modes), min(COLUMNS, len(found))
    figure, axes = sections.new_figure(
        columns, -(-len(found) // columns), size=(2.2, 2.35)
    )
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, (arm, points) in zip(axes.flat, found.items()):
        ax.plot(*grid.centres.T, ".", ms=5, color="#f0c9a8", zorder=1)
        ax.plot(*points.T, ".", ms=1, color=sections.COLORS[0], zorder=2)
        ax.set_title(arm, fontsize=8)
        ax.set_aspect("equal")
        ax.set_xlim(-grid.reach - 1, grid.reach + 1)
        ax.set_ylim(-grid.reach - 1, grid.reach + 1)
    name = PICTURE.replace(".png", f"_{modes}.png")
    sections.save_figure(figure, folder / name)
    return name


def _path(folder: pathlib.Path, modes: int, arm: str) -> pathlib.Path:
    return folder / FOLDER / f"{modes}_{arm}.npz"


def _load(path: pathlib.Path) -> tuple[np.ndarray, dict[str, str]]:
    with np.load(path) as kept:
        return kept["points"].astype(np.float32), json.loads(str(kept["of"]))
