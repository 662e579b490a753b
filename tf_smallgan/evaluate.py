"""Scores a run or an export, at one truncation or several.

python -m tf_smallgan.evaluate --workdir=runs/digits
python -m tf_smallgan.evaluate --workdir=runs/digits --truncations=0.2,0.6,1.0
python -m tf_smallgan.evaluate --workdir=runs/digits --report=report.html
"""

from tf_smallgan import command, config


def run(settings: config.Config) -> None:
    """Scores what a config names."""
    from tf_smallgan.evaluation import commands

    commands.evaluate(settings)


def main() -> None:
    """Entry point."""
    command.main("evaluate", run)


if __name__ == "__main__":
    main()
