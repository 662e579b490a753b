"""Embeds every training image once, projects it, and writes the cache.

python -m tf_smallgan.prepare --flagfile=configs/digits.cfg
"""

from tf_smallgan import cli
from tf_smallgan.config.commands import PREPARE
from tf_smallgan.config.flags import Config


def run(config: Config) -> None:
    """Prepares the data of a config."""
    from tf_smallgan.data import dataset
    from tf_smallgan.distribution.cluster import cluster_of
    from tf_smallgan.distribution.strategy import describe, make_strategy

    strategy = make_strategy(config.run)
    with cluster_of(strategy).together():
        print(describe(strategy), flush=True)
        data = dataset.prepare(config, strategy=strategy)
        if data.embeddings is None:
            print("--data_oversample=1 chooses no core-set of data: none is embedded.")


def main() -> None:
    """Entry point."""
    cli.main(PREPARE, run)


if __name__ == "__main__":
    main()
