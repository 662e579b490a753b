"""Image quality against steps and wall time, with core-sets and without.

python -m experiments.image_quality --data_dir=DIR
python -m experiments.image_quality --data_dir=DIR --score_inception \\
    --inception_weights=inception.npz
python -m experiments.image_quality --data_dir=DIR --latent_scales=1,1.1,1.2

The same command goes on after a kill: rows of WORKDIR/image_quality.csv that are there
are not run again, and a run that was begun goes on from its last checkpoint.
"""

from experiments.image_quality.flags import COMMAND, ImageQualityConfig
from experiments.image_quality.study import (
    KEY,
    NAME,
    all_runs,
    is_done,
    jobs_of,
    one,
    quick,
)
from tf_smallgan import cli
from tf_smallgan.errors import InputError


def run(config: ImageQualityConfig) -> None:
    """Runs or scores what is missing, then writes the plot and the section."""
    from experiments.common import jobs
    from experiments.common.results import ResultsTable, results_dir
    from experiments.common.runs import prepare_shared
    from experiments.image_quality import fid, report, scales
    from tf_smallgan.config.checks import check_run

    config = quick(config)
    options = config.image_quality
    if not config.schedule.eval_every_steps or not config.schedule.log_every_steps:
        raise InputError(
            "--eval_every_steps and --log_every_steps must be above 0: the curves are "
            "of the scores and rates that training logs."
        )
    check_run(config, replicas=1)
    folder = results_dir(config, options.quick)
    table = ResultsTable(folder / f"{NAME}.csv", KEY)
    runs = all_runs(config)
    if options.score_inception:
        fid.score(config, runs, folder)
    elif options.latent_scales:
        scales.score(config, runs, folder)
    else:
        work = [job for job in jobs_of(runs, table) if not is_done(job)]
        print(f"{table.path}: {len(table.rows)} rows, {len(work)} runs to do")
        if work:
            prepare_shared([job.run for job in work])
        jobs.run_all(one, work, options.processes, table)
    drawn = report.draw(runs, folder / report.SAMPLES)
    report.write(folder, config, drawn)


def main() -> None:
    """Entry point."""
    cli.main(COMMAND, run)


if __name__ == "__main__":
    main()
