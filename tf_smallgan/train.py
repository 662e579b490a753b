"""Trains a GAN, from the workdir's last checkpoint if there is one.

python -m tf_smallgan.train --flagfile=configs/digits.cfg
"""

from tf_smallgan import cli
from tf_smallgan.config.commands import TRAIN
from tf_smallgan.config.flags import Config


def run(config: Config) -> None:
    """Trains, or prints the plan with --dry_run."""
    if config.run.dry_run:
        from tf_smallgan.training import plan

        plan.print_plan(config)
        return
    from tf_smallgan import trainer

    trainer.train(config)


def main() -> None:
    """Entry point."""
    cli.main(TRAIN, run)


if __name__ == "__main__":
    main()
