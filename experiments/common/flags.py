"""The flags that studies share."""

import dataclasses

from tf_smallgan.config.flags import option


@dataclasses.dataclass(frozen=True)
class MeasuredFlags:
    """What every experiment has; --workdir is where its results are and go."""

    quick: bool = option(
        False, "A short form that shows the way, into WORKDIR/quick; proves nothing."
    )
    seeds: int = option(5, "Runs of each arm, with seeds from --seed on.", minimum=1)


@dataclasses.dataclass(frozen=True)
class ExperimentFlags(MeasuredFlags):
    """Those whose runs may share the machine, since they are not timed."""

    processes: int = option(
        1, "Runs at a time, each a process with its share of the cores.", minimum=1
    )
