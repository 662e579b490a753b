"""BigGAN's own effects at a small scale: sharing, skips, averaging, truncation.

python -m experiments.biggan_effects
python -m experiments.biggan_effects --variants=base,orthogonal --seeds=8
python -m experiments.biggan_effects --timing

The same command goes on after a kill: what is in WORKDIR/biggan_effects.csv is neither
trained nor scored again, and a run that was begun goes on from its last checkpoint.
"""

from experiments.biggan_effects.flags import COMMAND, BigganEffectsConfig
from experiments.biggan_effects.study import KEY, NAME, all_jobs, one, quick
from tf_smallgan import cli


def run(config: BigganEffectsConfig) -> None:
    """Trains and scores what is missing, then writes the plot and the section."""
    from experiments.biggan_effects import report, timing
    from experiments.common import jobs
    from experiments.common.results import ResultsTable, results_dir
    from experiments.common.runs import prepare_shared

    config = quick(config)
    options = config.biggan_effects
    folder = results_dir(config, options.quick)
    table = ResultsTable(folder / f"{NAME}.csv", KEY)
    if options.timing:
        timing.measure(config, folder)
    else:
        work = [job for job in all_jobs(config, table) if job.samplings]
        print(
            f"{table.path}: {len(table.rows)} rows, {len(work)} runs to do", flush=True
        )
        if work:
            prepare_shared([job.run for job in work])
        jobs.run_all(one, work, options.processes, table)
    report.write(folder, config)


def main() -> None:
    """Entry point."""
    cli.main(COMMAND, run)


if __name__ == "__main__":
    main()
