"""Tables of image quality: the classifier's features on the way, and FID."""

from collections.abc import Iterable

from tf_smallgan.experiments import curves, sections
from tf_smallgan.experiments.arms import ARMS, SIZED_ARMS, Arm
from tf_smallgan.experiments.curves import Point
from tf_smallgan.experiments.quality_curves import (
    BASE,
    Curves,
    fid_curves,
    is_finite,
    shares,
)
from tf_smallgan.experiments.results import Row, mean_and_interval, shown


def explained(found: Curves) -> str:
    """What the columns of `distance_table` mean."""
    text = (
        "Mean and 95% interval (Student's) over seeds. \"Plain's least\" is the least "
        "distance that `plain` ever has with the same seed; the time to it is that of "
        "the first score at or under it, over plain's own time to it, so that an arm "
        "is timed at most one interval too late. It is the least of plain's own noise: "
        "plain has it in every seed by definition, and an arm that is no different has "
        "it in every other."
    )
    if BASE not in found:
        text += " There is no run of `plain` yet, so no time can be compared."
    return text


def distance_table(found: Curves) -> str:
    """A row an arm: its least distance, and when it has plain's."""
    lines = []
    for arm, by_seed in found.items():
        best = [curves.least(curve) for curve in by_seed.values() if is_finite(curve)]
        times = shares(found, arm)
        reached = [both for both in times if both]
        rates = [curve[-1].images_per_second for curve in by_seed.values()]
        lines.append(
            [
                f"`{arm}`",
                _batch(arm),
                len(by_seed),
                shown(*mean_and_interval(rates)),
                shown(*mean_and_interval(p.distance for p in best), 2),
                shown(*mean_and_interval(p.seconds / 60 for p in best)),
                shown(*mean_and_interval(100 * p.conditional_accuracy for p in best)),
                f"{len(reached)} of {len(times)}",
                _share(reached, 0),
                _share(reached, 1),
            ]
        )
    heads = ["arm", "batch (latents, data)", "seeds", "images/s (median)"]
    heads += ["least distance", "at minute", "conditional accuracy there, %"]
    heads += ["seeds at plain's least", "wall time to it, over plain's"]
    heads.append("steps to it, over plain's")
    return sections.table(heads, lines)


def _share(reached: list[tuple[float, float]], which: int) -> str:
    if not reached:
        return "never"
    return shown(*mean_and_interval(both[which] for both in reached), 2)


def _batch(name: str) -> str:
    arm: Arm = (SIZED_ARMS | ARMS)[name]
    size = "B" if arm.batches == 1 else f"{arm.batches}B"
    if arm.prior == arm.data == 1:
        return size
    return f"{size} ({arm.prior}B, {arm.data}B)"


def fid_kinds(rows: list[Row]) -> dict[tuple[str, ...], list[Row]]:
    """FID's rows by number of samples and of real images, network and weights.

    Those of two kinds do not compare; that of most rows comes first.
    """
    columns = ("num_samples", "reference_images", "network", "weights")
    kinds: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        kinds.setdefault(tuple(row[name] for name in columns), []).append(row)
    return dict(sorted(kinds.items(), key=lambda kind: (-len(kind[1]), kind[0])))


def fid_parts(rows: list[Row], found: Curves) -> list[str]:
    """Two tables for each kind: FID by steps, and when an arm has plain's least."""
    parts = []
    for (samples, images, network, weights), some in fid_kinds(rows).items():
        scored = fid_curves(some, found)
        if not scored:
            continue
        parts += [
            f"{fid_setting(samples, images, network, weights)}, by steps of "
            "training; in brackets are the seeds, where an arm is scored with fewer "
            "than plain.",
            _steps_table(scored),
            "Of all scored checkpoints, those above and each run's best by the "
            "classifier's features: the least, and the time to the first that has "
            "plain's least with the same seed, or less, over plain's own time to it. "
            "An arm may have had it since the checkpoint scored before.",
            _least_table(scored, fid_name(network)),
        ]
    return parts


def fid_setting(samples: str, images: str, network: str, weights: str) -> str:
    """What an FID is of."""
    against = f"at most {int(images):,}" if int(images) else "all"
    return (
        f"{fid_name(network)} of {int(samples):,} samples against {against} training "
        f"images (weights {weights})"
    )


def fid_name(network: str) -> str:
    """What the Frechet distance in a network's features is called."""
    return "FID" if network == "inception" else f"Frechet distance, {network}"


def _steps_table(scored: Curves) -> str:
    """A row an arm, a column for each step at which all seeds of the first are scored.

    The first is plain, where it is scored.
    """
    first = next(iter(scored.values()))
    steps = set.intersection(*({p.step for p in curve} for curve in first.values()))
    lines = [
        [f"`{arm}`", *(_fids_at(step, by_seed, len(first)) for step in sorted(steps))]
        for arm, by_seed in scored.items()
    ]
    return sections.table(["arm", *(f"{step:,}" for step in sorted(steps))], lines)


def _fids_at(step: int, by_seed: dict[int, list[Point]], most: int) -> str:
    """Mean and interval, with the number of seeds where it is under `most`."""
    values = [p.distance for curve in by_seed.values() for p in curve if p.step == step]
    return of_seeds(values, most, 1)


def of_seeds(values: list[float], most: int, digits: int) -> str:
    """Mean and interval; in brackets the number of values where it is under `most`."""
    if not values:
        return ""
    seeds = f" ({len(values)})" if len(values) < most else ""
    return shown(*mean_and_interval(values), digits) + seeds


def _least_table(scored: Curves, what: str) -> str:
    lines = []
    for arm, by_seed in scored.items():
        best = [curves.least(curve) for curve in by_seed.values() if is_finite(curve)]
        times = shares(scored, arm)
        reached = [both for both in times if both]
        lines.append(
            [
                f"`{arm}`",
                len(by_seed),
                _numbers(len(curve) for curve in by_seed.values()),
                shown(*mean_and_interval(p.distance for p in best)),
                _numbers(p.step for p in best),
                f"{len(reached)} of {len(times)}",
                _share(reached, 0),
                _share(reached, 1),
            ]
        )
    heads = ["arm", "seeds", "checkpoints", f"least {what}", "at step"]
    heads += ["seeds at plain's least", "wall time to it, over plain's"]
    heads.append("steps to it, over plain's")
    return sections.table(heads, lines)


def _numbers(values: Iterable[int]) -> str:
    return ", ".join(f"{value:,}" for value in values)
