"""Compiles the train step for a TPU that is not there, and says what it takes.

python -m tf_smallgan.tpu_check --flagfile=configs/digits.cfg --topology=v5e:2x2
"""

from tf_smallgan import cli
from tf_smallgan.config.commands import TPU_CHECK, TpuCheckConfig


def run(config: TpuCheckConfig) -> None:
    """Exports one replica's step and compiles it."""
    import concurrent.futures
    import multiprocessing
    import pathlib
    import tempfile

    from tf_smallgan.config import defaults, replace
    from tf_smallgan.tpu_check import environment, stablehlo
    from tf_smallgan.tpu_check.stablehlo import write_train_step

    options = config.tpu_check
    environment.check_topology(options.topology)
    environment.find_python()
    whole = defaults.with_defaults(config)
    replica = replace(whole, batch_size=options.replica_batch)
    model = replica.model
    print(
        f"{model.architecture}, {replica.data.resolution} px, ch "
        f"{model.channel_multiplier}, {model.precision}: {options.replica_batch} "
        f"images a replica, prior core-set of {options.replica_batch} out of "
        f"{options.replica_batch * replica.coreset.prior_oversample}",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "step.vhlo")
        # In a process of its own: lowering takes gigabytes (13 for imagenet128_deep)
        # that would otherwise stay while the compiler needs them.
        with concurrent.futures.ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn")
        ) as process:
            process.submit(write_train_step, replica, path).result()
        print(f"StableHLO: {path.stat().st_size / 2**20:.1f} MiB", flush=True)
        compiled = environment.compile_module(path, options.topology)
    for line in stablehlo.report_lines(compiled, options.replica_batch):
        print(line)


def main() -> None:
    """Entry point."""
    cli.main(TPU_CHECK, run)


if __name__ == "__main__":
    main()
