"""Anomaly detection: each class in turn is left out, and found by its energy.

python -m experiments.anomaly_detection --processes=2
python -m experiments.anomaly_detection --dataset=mnist --processes=2
python -m experiments.anomaly_detection --anomalies=1,9 --arms=plain,data

Rows of WORKDIR/anomaly_detection.csv that are there already are not run again.
"""

from experiments.anomaly_detection.flags import COMMAND, AnomalyDetectionConfig
from experiments.anomaly_detection.study import KEY, NAME, all_jobs, one, quick
from experiments.common.jobs import run_all
from tf_smallgan import cli


def run(config: AnomalyDetectionConfig) -> None:
    """Runs what is missing, then writes the plot and the section."""
    from experiments.anomaly_detection import report
    from experiments.common import arms
    from experiments.common.results import ResultsTable, results_dir
    from tf_smallgan.config import defaults

    config = defaults.with_data_defaults(quick(config), None)
    options = config.anomaly_detection
    arms.named(options.arms)
    folder = results_dir(config, options.quick)
    table = ResultsTable(folder / f"{NAME}.csv", KEY)
    work = [job for job in all_jobs(config) if not table.has(**job.key)]
    print(f"{table.path}: {len(table.rows)} rows, {len(work)} runs to do", flush=True)
    run_all(one, work, options.processes, table)
    report.write(folder, config)


def main() -> None:
    """Entry point."""
    cli.main(COMMAND, run)


if __name__ == "__main__":
    main()
