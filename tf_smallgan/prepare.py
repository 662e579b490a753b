"""Embeds every training image once, projects it, and writes the cache.

python -m tf_smallgan.prepare --flagfile=configs/digits.cfg
"""

from tf_smallgan import command, config


def run(settings: config.Config) -> None:
    """Prepares the data of a config."""
    from tf_smallgan import preparation
    from tf_smallgan.training.cluster import cluster_of
    from tf_smallgan.training.strategy import describe, make_strategy

    strategy = make_strategy(settings.run)
    with cluster_of(strategy).together():
        print(describe(strategy), flush=True)
        data = preparation.prepare(settings, strategy=strategy)
        if data.embeddings is None:
            print("--data_oversample=1 chooses no core-set of data: none is embedded.")


def main() -> None:
    """Entry point."""
    command.main("prepare", run)


if __name__ == "__main__":
    main()
