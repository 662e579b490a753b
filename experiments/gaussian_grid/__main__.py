"""Dropped modes: grids of Gaussians, learned with and without core-sets.

python -m experiments.gaussian_grid --processes=2
python -m experiments.gaussian_grid --modes=25 --arms=plain,balanced
python -m experiments.gaussian_grid --timing

Rows of WORKDIR/gaussian_grid.csv that are there already are not run again.
"""

from experiments.common.jobs import run_all
from experiments.gaussian_grid.flags import COMMAND, GaussianGridConfig
from experiments.gaussian_grid.study import (
    NAME,
    SETTINGS,
    all_jobs,
    arms_of,
    one,
    quick,
)
from tf_smallgan import cli


def run(config: GaussianGridConfig) -> None:
    """Runs what is missing, then writes the plot and the section."""
    from experiments.common.results import ResultsTable, results_dir
    from experiments.gaussian_grid import report, timing
    from experiments.gaussian_grid.mixtures import GaussianGrid

    config = quick(config)
    options = config.gaussian_grid
    for modes in options.modes:
        GaussianGrid(modes)
    chosen = arms_of(config)
    folder = results_dir(config, options.quick)
    if options.timing:
        timing.measure(config, chosen, folder)
    else:
        path = folder / f"{NAME}.csv"
        table = ResultsTable(path, ("modes", "arm", "seed", "steps", *SETTINGS))
        work = [
            job
            for job in all_jobs(config, chosen)
            if not table.has(**job.key, steps=config.training.train_steps)
        ]
        print(f"{path}: {len(table.rows)} rows, {len(work)} runs to do", flush=True)
        run_all(one, work, options.processes, table)
    report.write(folder, config)


def main() -> None:
    """Entry point."""
    cli.main(COMMAND, run)


if __name__ == "__main__":
    main()
