"""What arms draw at the end of a run on a grid, kept and shown side by side."""

import hashlib
import json
import math
import pathlib
from typing import Any

import numpy as np

from experiments.common import sections
from experiments.gaussian_grid.mixtures import GaussianGrid
from tf_smallgan.files import replacing

FOLDER = "gaussian_grid_samples"
KEPT, COLUMNS = 2_000, 5


def keep(folder: pathlib.Path, run: dict[str, Any], points: np.ndarray) -> None:
    """Keeps the first 2,000 of points [N, 2].

    Args:
      folder: that of the results.
      run: what the points are of, with "modes", "arm" and "seed". Of several seeds the
        lowest stays.
    """
    settings = {n: x for n, x in run.items() if n not in ("modes", "arm", "seed")}
    path = _path(folder, run["modes"], run["arm"], settings)
    if path.exists() and _load(path)[1] < run["seed"]:
        return
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file, points=points[:KEPT].astype(np.float16), seed=run["seed"]
        )


def draw(
    folder: pathlib.Path, modes: int, arms: list[str], settings: dict[str, Any]
) -> str | None:
    """Draws what is kept of these arms.

    Args:
      settings: the rest of what was given to `keep`.

    Returns:
      The picture's name in `folder`; None where nothing of these settings is kept.
    """
    paths = {arm: _path(folder, modes, arm, settings) for arm in arms}
    found = {arm: _load(path)[0] for arm, path in paths.items() if path.exists()}
    if not found:
        return None
    grid, lines = GaussianGrid(modes), math.ceil(len(found) / COLUMNS)
    columns = math.ceil(len(found) / lines)
    figure, axes = sections.new_figure(columns, lines, size=(2.2, 2.35))
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, (arm, points) in zip(axes.flat, found.items()):
        ax.plot(*grid.centres.T, ".", ms=5, color="#f0c9a8", zorder=1)
        ax.plot(*points.T, ".", ms=1, color=sections.COLORS[0], zorder=2)
        ax.set_title(arm, fontsize=8)
        ax.set_aspect("equal")
        ax.set_xlim(-grid.reach - 1, grid.reach + 1)
        ax.set_ylim(-grid.reach - 1, grid.reach + 1)
    name = f"{FOLDER}_{modes}.png"
    sections.save_figure(figure, folder / name)
    return name


def _path(
    folder: pathlib.Path, modes: int, arm: str, settings: dict[str, Any]
) -> pathlib.Path:
    text = json.dumps({name: str(x) for name, x in settings.items()}, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return folder / FOLDER / f"{modes}_{arm}_{digest}.npz"


def _load(path: pathlib.Path) -> tuple[np.ndarray, int]:
    """The points and their seed."""
    with np.load(path) as kept:
        return kept["points"].astype(np.float32), int(kept["seed"])
