"""What core-sets cost, and what a truly larger batch costs instead: time and memory.

python -m experiments.batch_cost
python -m experiments.batch_cost --dataset=mnist --coreset_method=balanced

An update is one training step here: --discriminator_steps updates of D and one of G,
read, chosen and decoded as training does. Each row of WORKDIR/batch_cost.csv is
measured in a process of its own, and those that are there are not measured again.
Nothing else should run on the machine.
"""

from experiments.batch_cost.flags import COMMAND, BatchCostConfig
from experiments.batch_cost.study import KEY, NAME, _measure_all, all_jobs, quick
from tf_smallgan import cli


def run(config: BatchCostConfig) -> None:
    """Measures what is missing, then writes the plot and the section."""
    from experiments.batch_cost import report
    from experiments.common.results import ResultsTable, results_dir
    from tf_smallgan.config import defaults

    config = quick(defaults.with_defaults(config))
    options = config.batch_cost
    folder = results_dir(config, options.quick)
    table = ResultsTable(folder / f"{NAME}.csv", KEY)
    work = [job for job in all_jobs(config) if not table.has(**job.key)]
    print(f"{table.path}: {len(table.rows)} rows, {len(work)} to measure", flush=True)
    if work:
        _measure_all(work, table)
    report.write(folder, config)


def main() -> None:
    """Entry point."""
    cli.main(COMMAND, run)


if __name__ == "__main__":
    main()
