"""Writes a SavedModel of the averaged generator.

python -m export --workdir=W --export_dir=X [--step=last|best|N].
"""

from tf_smallgan import cli
from tf_smallgan.config.commands import EXPORT, ExportConfig


def run(config: ExportConfig) -> None:
    """Writes the next version."""
    # Imported late: flags are checked before TensorFlow has loaded.
    from export.run import export

    export(config)


def main() -> None:
    """The command."""
    cli.main(EXPORT, run)


if __name__ == "__main__":
    main()
