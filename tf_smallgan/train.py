"""Trains a GAN, from the workdir's last checkpoint if there is one.

python -m tf_smallgan.train --flagfile=configs/digits.cfg
"""

from tf_smallgan import command, config


def run(settings: config.Config) -> None:
    """Trains, or prints the plan with --dry_run."""
    if settings.run.dry_run:
        from tf_smallgan import plan

        plan.print_plan(settings)
        return
    from tf_smallgan import running

    running.train(settings)


def main() -> None:
    """Entry point."""
    command.main("train", run)


if __name__ == "__main__":
    main()
