"""Expected efficiency on machines that are not here, from counts and data sheets.

    python -m benchmarks.efficiency --flagfile=configs/imagenet128.cfg

Nothing is measured: the step's FLOPs and bytes are counted from the networks, the
machines' figures are their vendors', the shares of them that a program gets are
assumptions. docs/scaling.md names all of them.
"""

import dataclasses
import sys

from benchmarks.communication import Communication, count_communication
from tf_smallgan import config as config_lib
from tf_smallgan.config import defaults
from tf_smallgan.training import plan


@dataclasses.dataclass(frozen=True)
class Machines:
    """Replicas and what connects them.

    Attributes:
      flops: a replica's peak, per second.
      flops_share: of the peak that a step reaches.
      link_bytes: the slowest link that a replica sends through, per second.
      link_share: of the link that a reduction reaches.
      reduction_seconds: that a small reduction takes.
    """

    name: str
    replicas: int
    flops: float
    flops_share: float
    link_bytes: float
    link_share: float
    reduction_seconds: float

    def compute_seconds(self, step_flops: float) -> float:
        """A step's arithmetic, evenly split."""
        return step_flops / self.replicas / (self.flops * self.flops_share)

    def communication_seconds(self, sent: Communication) -> float:
        """A step's reductions, none hidden behind arithmetic."""
        through_link = sent.sent_bytes(self.replicas)
        small = sent.statistics_reductions * self.reduction_seconds
        return through_link / (self.link_bytes * self.link_share) + small


MACHINES = (
    Machines("8 A100, NVLink", 8, 156e12, 0.4, 300e9, 0.7, 30e-6),
    Machines("8 x 8 A100, a 200 Gbit/s link each", 64, 156e12, 0.4, 25e9, 0.7, 1e-4),
    Machines("TPU v3-128", 128, 61.5e12, 0.3, 332e9, 0.5, 20e-6),
)
_BATCHES = (2048, 256)


def main() -> None:
    """Prints a table, a row a machine and batch."""
    config = defaults.with_defaults(config_lib.parse(sys.argv[1:]))
    spec = defaults.model_spec(config)
    costs = plan.forward_costs(spec)
    sent = count_communication(spec, config.training.discriminator_steps)
    print(sent)
    print("| machines | batch | a replica | compute | communication | efficiency |")
    print("|---|---|---|---|---|---|")
    for batch in _BATCHES:
        sized = config_lib.replace(config, batch_size=batch)
        for machines in MACHINES:
            compute = machines.compute_seconds(plan.step_flops(sized, *costs))
            send = machines.communication_seconds(sent)
            print(
                f"| {machines.name} | {batch:,} | {batch // machines.replicas} | "
                f"{compute * 1e3:,.0f} ms | {send * 1e3:,.0f} ms | "
                f"{compute / (compute + send):.0%} |"
            )


if __name__ == "__main__":
    main()
