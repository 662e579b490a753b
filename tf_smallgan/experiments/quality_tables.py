"""Tables of image quality: the classifier's features on the way, and FID."""

from tf_smallgan.experiments import curves, sections
from tf_smallgan.experiments.arms import ARMS, SIZED_ARMS, Arm
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


def fid_parts(rows: list[Row], found: Curves) -> list[str]:
    """A table for each number of samples and of real images, and network."""
    columns = ("num_samples", "reference_images", "network", "weights")
    by_kind: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        by_kind.setdefault(tuple(row[name] for name in columns), []).append(row)
    parts = []
    for (samples, images, network, weights), some in sorted(by_kind.items()):
        what = "FID" if network == "inception" else f"Frechet distance, {network}"
        against = f"at most {int(images):,}" if int(images) else "all"
        parts += [
            f"{what} of {int(samples):,} samples against {against} training images "
            f"(weights {weights}), at the checkpoint of least distance above and at "
            "the last. Wall time is to the first of the two that has plain's better "
            "figure or less, over plain's time to that: at most so much.",
            _fid_table(some, found, what),
        ]
    return parts


def _fid_table(rows: list[Row], found: Curves, what: str) -> str:
    scored = fid_curves(rows, found)
    lines = []
    for arm, by_seed in scored.items():
        best, last = (
            [row for row in rows if row["arm"] == arm and name in row["checkpoint"]]
            for name in ("best", "last")
        )
        times = shares(scored, arm)
        reached = [both for both in times if both]
        lines.append(
            [
                f"`{arm}`",
                len(by_seed),
                shown(*mean_and_interval(_distances(best)), 2),
                shown(*mean_and_interval(_distances(last)), 2),
                f"{len(reached)} of {len(times)}",
                _share(reached, 0),
            ]
        )
    heads = ["arm", "seeds", f"{what}, best checkpoint", "last checkpoint"]
    return sections.table(
        [*heads, "seeds at plain's best", "wall time to it, over plain's"], lines
    )


def _distances(rows: list[Row]) -> list[float]:
    return [float(row["frechet_distance"]) for row in rows]
