"""The rows of BigGAN's effects by variant, seed and way of sampling."""

import dataclasses

from experiments.biggan_effects import study
from experiments.biggan_effects.flags import BigganEffectsConfig
from experiments.biggan_effects.study import HALF, VARIANTS
from experiments.common.results import Row
from experiments.common.scoring import PLAIN, Sampling

Values = dict[int, float]
"""By seed."""


@dataclasses.dataclass(frozen=True)
class EffectRows:
    """Rows of one setting of the experiment."""

    rows: list[Row]

    def values(self, name: str, variant: str, sampling: Sampling = PLAIN) -> Values:
        """A column of a variant under a way of sampling, by seed."""
        wanted = {"variant": variant} | sampling.key
        return {
            int(row["seed"]): float(row[name])
            for row in self.rows
            if all(row[key] == str(value) for key, value in wanted.items())
        }

    def variants(self) -> list[str]:
        """Those that have rows, in the order in which they are listed."""
        present = {row["variant"] for row in self.rows}
        return [name for name in VARIANTS if name in present]

    def accuracies(self, variant: str, bn: str) -> tuple[Values, Values]:
        """Conditional accuracy at truncation 1 and at 0.5, for seeds that have both."""
        whole, half = (
            self.values(
                "conditional_accuracy", variant, Sampling("average", bn, truncation)
            )
            for truncation in (1.0, HALF)
        )
        return both(whole, half)

    def sane(self, variant: str, bn: str, margin: float) -> list[bool]:
        """Of each seed: whether truncation 0.5 costs at most `margin` of accuracy."""
        whole, half = self.accuracies(variant, bn)
        return [half[seed] >= whole[seed] - margin for seed in whole]


def both(one: Values, other: Values) -> tuple[Values, Values]:
    """The seeds that both have."""
    seeds = sorted(one.keys() & other.keys())
    return {s: one[s] for s in seeds}, {s: other[s] for s in seeds}


def of_these_settings(rows: list[Row], config: BigganEffectsConfig) -> EffectRows:
    """The rows of any variant and seed whose other settings are those of `config`."""
    options = config.biggan_effects
    digests = {name: study.of_variant(config, name).settings for name in VARIANTS}
    steps, samples = str(config.training.train_steps), str(options.num_samples)
    return EffectRows(
        [
            row
            for row in rows
            if digests.get(row["variant"]) == row["settings"]
            and (row["steps"], row["num_samples"]) == (steps, samples)
        ]
    )
