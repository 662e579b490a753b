"""Batches that are as even as they can be where the modes are known."""

import numpy as np
import pytest

from experiments.common.arms import ARMS
from experiments.common.priors import unlabelled_prior
from experiments.gaussian_grid import __main__ as gaussian_grid
from experiments.gaussian_grid import flags as gaussian_grid_flags
from experiments.gaussian_grid import run
from experiments.gaussian_grid import study as gaussian_grid_study
from experiments.gaussian_grid.even import EvenPrior, even_points, even_square
from experiments.gaussian_grid.mixtures import GaussianGrid
from tf_smallgan import config as config_lib
from tf_smallgan.errors import InputError

# Lines and columns of cells.
CELLS = {64: (8, 8), 8: (2, 4), 12: (3, 4), 7: (1, 7)}


@pytest.mark.parametrize("count", CELLS)
def test_one_latent_in_each_cell_of_the_square(count):
    cells, seen = np.array(CELLS[count]), []
    for seed in range(50):
        points = even_square(count, [seed, 0]).numpy()
        cell = np.floor((points + 1) / 2 * cells).astype(int)
        assert len({tuple(place) for place in cell}) == count
        assert cell.min() == 0 and (cell.max(0) == cells - 1).all()
        seen.append((points + 1) / 2 * cells - cell)
    # Uniform inside of a cell, along both axes: mean 1/2, variance 1/12.
    inside = np.concatenate(seen)
    np.testing.assert_allclose(inside.mean(0), 0.5, atol=0.06)
    np.testing.assert_allclose(inside.var(0), 1 / 12, atol=0.02)


def modes_of(grid, points):
    distance = np.linalg.norm(points[:, None] - grid.centres, axis=-1)
    assert (distance.min(1) < 6 * grid.deviation).all()
    return distance.argmin(1)


def test_modes_come_equally_often():
    grid = GaussianGrid(9)
    for count, least, most in ((18, 2, 2), (21, 2, 3), (5, 0, 1)):
        found = modes_of(grid, even_points(grid, count, [3, 0]).numpy())
        counts = np.bincount(found, minlength=9)
        assert (counts.min(), counts.max()) == (least, most)
    # Each mode is as likely as any other to be among the few.
    often = np.zeros(9)
    for seed in range(300):
        found = modes_of(grid, even_points(grid, 5, [seed, 1]).numpy())
        often += np.bincount(found, minlength=9)
    np.testing.assert_allclose(often / 300, 5 / 9, atol=0.12)


def test_points_of_a_mode_are_normal():
    grid = GaussianGrid(1)
    points = even_points(grid, 4000, [0, 0]).numpy()
    np.testing.assert_allclose(points.std(0), 0.05, rtol=0.05)
    np.testing.assert_allclose(points.mean(0), 0, atol=0.003)


def test_a_step_is_even_on_both_sides():
    config = config_lib.parse(["--batch_size=9"], gaussian_grid_flags.COMMAND)
    grid, prior = GaussianGrid(9), unlabelled_prior(config, EvenPrior)
    batch = run.real_batches(config, grid, 0, even=True)
    assert set(modes_of(grid, batch["image"][0].numpy())) == set(range(9))
    np.testing.assert_array_equal(batch["weight"], np.ones([1, 9]))
    first, second = (prior.draw(0, micro, 9, 0, 1) for micro in (0, 1))
    cells = np.floor((first.latents.numpy() + 1) * 1.5).astype(int)
    assert len({tuple(cell) for cell in cells}) == 9
    assert first.labels is None and not np.array_equal(first.latents, second.latents)
    np.testing.assert_array_equal(first.weights, np.ones(9))


@pytest.mark.parametrize("flag", ["--latent_dim=3", "--latent_distribution=normal"])
def test_other_latents_are_refused_before_any_run(flag, tmp_path):
    flags = ["--arms=plain,even", flag, f"--workdir={tmp_path}"]
    with pytest.raises(InputError, match="has even, which draws latents from a square"):
        gaussian_grid.run(config_lib.parse(flags, gaussian_grid_flags.COMMAND))
    assert not list(tmp_path.iterdir())


def test_without_arms_named_all_run_that_the_latents_allow():
    def arms(*flags):
        return gaussian_grid_study.arms_of(
            config_lib.parse(flags, gaussian_grid_flags.COMMAND)
        )

    assert set(arms()) - set(arms("--latent_dim=3")) == {"even"}
    assert set(arms("--latent_dim=3")) == set(ARMS)
