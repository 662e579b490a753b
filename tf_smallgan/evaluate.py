"""Scores a run or an export, at one truncation or several.

python -m tf_smallgan.evaluate --workdir=runs/digits
python -m tf_smallgan.evaluate --workdir=runs/digits --truncations=0.2,0.6,1.0
python -m tf_smallgan.evaluate --workdir=runs/digits --report=report.html
"""

from tf_smallgan import cli
from tf_smallgan.config.commands import EVALUATE, EvaluateConfig


def run(config: EvaluateConfig) -> None:
    """Scores what a config names."""
    from tf_smallgan.evaluation import run as commands

    commands.evaluate(config)


def main() -> None:
    """Entry point."""
    cli.main(EVALUATE, run)


if __name__ == "__main__":
    main()
