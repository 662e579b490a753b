"""The README.md of an export: what the model is and how it was made."""

from typing import Any

from export.recording import Facts
from export.restore import Restored
from tf_smallgan import config as config_lib
from tf_smallgan.files import fingerprint
from tf_smallgan.training.logs import read_metrics
from tf_smallgan.workdir import Workdir

_LICENCE = """\
## Licence

The code that made this model is under the Apache License 2.0. The weights were
learned from the data set named above: its licence and terms may limit what the
weights and the images may be used for. Check them before you pass either on.
"""


def model_card(restored: Restored, facts: Facts, workdir: Workdir) -> str:
    """Markdown.

    Args:
      restored: the generator that is exported.
      facts: of the export.
      workdir: its run's; metrics and scores may be missing.
    """
    rows = read_metrics(workdir.metrics)
    rows = [row for row in rows if row["step"] <= restored.step]
    sections = [
        _title(restored, facts),
        _inputs(facts),
        _scores(_of_these_weights(restored, read_metrics(workdir.scores)), facts),
        _table("## Training metrics", _latest(rows)),
        _settings(restored),
        _LICENCE,
    ]
    return "\n".join(sections)


def _title(restored: Restored, facts: Facts) -> str:
    data = restored.config.data
    kind = f"{facts.num_classes} classes" if facts.num_classes else "no classes"
    colours = "RGB" if facts.image_channels == 3 else "grey"
    training = f"for {facts.step} steps"
    if not restored.trained_here:
        training = "elsewhere, and imported"
    return f"""\
# {facts.architecture} generator, {data.dataset}, {facts.resolution} px

A generator of {facts.resolution} x {facts.resolution} {colours} images, {kind},
trained on `{data.dataset}` (split `{data.split}`) {training}. These
are the averaged weights with spectral norm folded in, computing in
{facts.precision}. It makes up images; none is a photograph.
"""


def _inputs(facts: Facts) -> str:
    grid = ", ".join(f"{t:g}" for t in facts.standing_truncations)
    source = "the release"
    if facts.standing_batches:
        source = f"{facts.standing_batches} batches"
    classes = (
        f"`label` is 0 to {facts.num_classes - 1}, `y` [B, {facts.num_classes}]."
        if facts.num_classes
        else "There is no `label` and no `y`."
    )
    most = f"{facts.most_truncation:g}"
    return f"""\
## Inputs

`z` has {facts.latent_dim} numbers, `truncation` is in (0, {most}]. {classes}
Latents of seeds follow the rule `{facts.truncation_rule}` on a
`{facts.latent_distribution}` prior. Batch norm statistics come from
{source} at each of the truncations {grid}; between them they are interpolated,
beyond the ends the end's are used.
"""


def _latest(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The last value of each metric, up to the exported step."""
    latest: dict[str, Any] = {}
    for row in rows:
        latest |= row
    return latest


def _of_these_weights(
    restored: Restored, records: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Without those of a step of this number that a rollback has thrown away."""
    ours = fingerprint(v.numpy() for v in restored.average.trainable_variables)
    return [r for r in records if r.get("generator_hash", ours) == ours]


def _scores(records: list[dict[str, Any]], facts: Facts) -> str:
    """What `evaluate` found of these weights, sampled as the export samples.

    Of each truncation the record of the most samples, and of those the last.
    """
    wanted = {"step": facts.step, "ema": True, "bn": "standing"}
    wanted |= {"truncation_rule": facts.truncation_rule}
    fitting = [
        record
        for record in records
        if wanted.items() <= record.items() and record.get("labels") != "data"
    ]
    fitting.sort(key=lambda record: record["num_samples"])
    by_truncation = {record["truncation"]: record for record in fitting}
    parts = [
        _table(_scores_title(by_truncation[truncation], space), space["metrics"])
        for truncation in sorted(by_truncation)
        for space in by_truncation[truncation]["spaces"].values()
    ]
    if not parts:
        parts = ["None: `python -m tf_smallgan.evaluate` was not run on this step.\n"]
    return "\n".join(["## Scores\n", *parts])


def _scores_title(record: dict[str, Any], space: dict[str, Any]) -> str:
    reference = space["reference"]
    count = "?" if reference["count"] is None else f"{reference['count']:,}"
    return (
        f"### Truncation {record['truncation']:g}, {space['network']} features\n\n"
        f"{record['num_samples']:,} samples, standing statistics; against {count} "
        "images of "
        f"`{reference.get('dataset', 'an imported file')}`, network with weights "
        f"`{space['weights_hash'][:16]}`."
    )


def _table(title: str, values: dict[str, Any]) -> str:
    if not values:
        return f"{title}\n\nNone were recorded.\n"
    lines = [f"| {name} | {_shown(value)} |" for name, value in values.items()]
    return "\n".join([title, "", "| name | value |", "|---|---|", *lines, ""])


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


_PATHS = ("workdir", "data_dir", "cache_dir", "inception_weights", "tpu")


def _settings(restored: Restored) -> str:
    """The run's flags, without the paths of the machine it ran on."""
    lines = [
        line
        for line in config_lib.to_flag_lines(restored.config)
        if line.removeprefix("--").split("=")[0] not in _PATHS
    ]
    return "\n".join(["## Settings", "", "```", *lines, "```", ""])
