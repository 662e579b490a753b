"""Draws images from a trained generator or an export, without the data set.

python -m tf_smallgan.sample --workdir=runs/digits --out=samples.png
python -m tf_smallgan.sample --workdir=runs/digits --layout=interpolation
python -m tf_smallgan.sample --workdir=runs/digits --count=5000 --out=samples.npz
python -m tf_smallgan.sample --export_dir=runs/digits/export --label=3
"""

from tf_smallgan import cli
from tf_smallgan.config.commands import SAMPLE, SampleConfig


def run(config: SampleConfig) -> None:
    """Writes --out."""
    from tf_smallgan.sampling import grids

    grids.write_samples(config)


def main() -> None:
    """Entry point."""
    cli.main(SAMPLE, run)


if __name__ == "__main__":
    main()
