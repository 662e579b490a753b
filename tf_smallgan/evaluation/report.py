"""The HTML report: one self-contained page with scores and how they were measured."""

import base64
import dataclasses
import functools
import io
import pathlib
from collections.abc import Sequence
from typing import Any

import jinja2
import numpy as np
import tensorflow as tf

from tf_smallgan.data import images
from tf_smallgan.data.dataset import TrainingData
from tf_smallgan.evaluation import results
from tf_smallgan.evaluation.evaluator import Evaluation, Measure
from tf_smallgan.evaluation.results import KEY_QUANTITIES, QUANTITIES
from tf_smallgan.files import replacing
from tf_smallgan.sampling import grids
from tf_smallgan.sampling.generators import GeneratedImages


@dataclasses.dataclass(frozen=True)
class Pair:
    """A sample beside the training image nearest to it, each [H, W, C] uint8.

    Attributes:
      distance: between their features.
    """

    sample: np.ndarray
    nearest: np.ndarray
    distance: float


@dataclasses.dataclass(frozen=True)
class Content:
    """What a report shows.

    Attributes:
      evaluations: one a truncation.
      facts: of what was scored.
      class_names: by label.
      sheets: [n, H, W, C] samples by class of `best`.
      truncated: [m, H, W, C] the same samples at each truncation.
      pairs: nearest neighbours.
      metrics: rows of metrics.jsonl.
    """

    title: str
    evaluations: Sequence[Evaluation]
    measures: Sequence[Measure]
    facts: dict[str, Any]
    class_names: Sequence[str]
    sheets: dict[int, np.ndarray]
    pairs: dict[str, list[Pair]]
    metrics: Sequence[dict[str, Any]]
    versions: dict[str, str]

    @property
    def best(self) -> Evaluation:
        """The evaluation with the least Frechet distance in the main space."""
        return best_of(self.evaluations, self.measures)


def best_of(
    evaluations: Sequence[Evaluation], measures: Sequence[Measure]
) -> Evaluation:
    """The least Frechet distance in the last space, which is the main one."""
    name = measures[-1].space.name

    def distance(evaluation: Evaluation) -> float:
        value = evaluation.scores[name].value_of("frechet_distance")
        assert value is not None
        return value

    return min(evaluations, key=distance)


_COLORS = ("#1f6f8b", "#c8553d", "#3f7d58", "#7a5195")


def png_uri(image: np.ndarray) -> str:
    """A data URI of image [H, W, C] uint8."""
    return _uri("image/png", tf.io.encode_png(image).numpy())


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def svg_uri(figure: Any) -> str:
    """A data URI of a Matplotlib figure, sharp at any size and the same every time."""
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "tf_smallgan"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return _uri("image/svg+xml", buffer.getvalue())


def new_figure() -> tuple[Any, Any]:
    """A small figure and its axes: its text stays readable on a phone."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8, 3.3), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.tick_params(labelsize=8)
    return figure, axes


def sweep_figure(curve: results.Curve) -> str:
    """The truncation sweep."""
    figure, axes = new_figure()
    results.plot(axes, curve)
    return svg_uri(figure)


def training_figure(
    rows: Sequence[dict[str, Any]], names: Sequence[str], labels: Sequence[str]
) -> str | None:
    """Metrics over steps; None where no row has two points of any.

    Args:
      rows: of metrics.jsonl.
      names, labels: which metrics, and what to call them.
    """
    figure, axes = new_figure()
    drawn = False
    for name, label, color in zip(names, labels, _COLORS):
        points = [
            (row["step"], row[name])
            for row in rows
            if isinstance(row.get(name), (int, float))
        ]
        if len(points) > 1:
            axes.plot(*zip(*points), color=color, linewidth=1.2, label=label)
            drawn = True
    if not drawn:
        return None
    axes.set_xlabel("step", fontsize=9)
    axes.legend(frameon=False, fontsize=8)
    return svg_uri(figure)


_CLASSES, _PER_CLASS, _COLUMNS = 12, 8, 4
_UNCONDITIONAL = 32
_NEAREST, _RANDOM = 6, 6


def class_sheets(source: GeneratedImages, truncation: float) -> dict[int, np.ndarray]:
    """Sheets [height, width, C] of random samples by class, of up to 12 classes.

    Classes are spread evenly over all; without classes there is one sheet.
    """
    count = min(source.num_classes, _CLASSES)
    if not count:
        labels = np.zeros(_UNCONDITIONAL, np.int32)
        return {0: grids.sheet(_draw(source, labels, truncation), _COLUMNS * 2)}
    classes = np.linspace(0, source.num_classes - 1, count).round().astype(np.int32)
    drawn = _draw(source, classes.repeat(_PER_CLASS), truncation)
    return {
        int(label): grids.sheet(part, _COLUMNS)
        for label, part in zip(classes, np.split(drawn, count))
    }


def _draw(source: GeneratedImages, labels: np.ndarray, truncation: float) -> np.ndarray:
    return np.concatenate([batch for batch, _ in source.images(labels, truncation)])


def nearest_pairs(
    evaluation: Evaluation, measures: Sequence[Measure], data: TrainingData
) -> dict[str, list[Pair]]:
    """The samples nearest to a training image, then other ones, by space.

    Left out for references of which `data` has not all images.
    """
    pairs = {}
    for space, reference in measures:
        found = evaluation.scores[space.name].nearest
        if found is None or reference.digests is None:
            continue
        records = data.table.records_of(reference.digests)
        if records is None:
            continue
        near = found.distances[: len(evaluation.images)].argsort()
        chosen = [*near[:_NEAREST], *np.sort(near[_NEAREST:])[:_RANDOM]]
        pairs[space.name] = [
            Pair(
                evaluation.images[i],
                training_image(data, int(records[found.rows[i]])),
                float(found.distances[i]),
            )
            for i in chosen
        ]
    return pairs


def training_image(data: TrainingData, record: int) -> np.ndarray:
    """A real image [H, W, C] uint8 by its record number."""
    settings = data.config.data
    encoded = data.read(tf.constant(record, tf.int64))
    channels = settings.image_channels or 3
    return images.decode_and_fit(encoded, settings.resolution, channels).numpy()


def write(path: pathlib.Path, content: Content) -> None:
    """Writes the page."""
    with replacing(path) as partial:
        partial.write_text(page(content), encoding="utf-8")


def page(content: Content) -> str:
    """The page's HTML, from the template report.html."""
    best, spaces = content.best, [space for space, _ in content.measures]
    line = results.title(best, content.facts)
    return _template().render(
        title=content.title,
        line=line[:1].upper() + line[1:],
        best=best,
        spaces=[best.scores[space.name] for space in spaces],
        quantities=QUANTITIES,
        key_quantities=KEY_QUANTITIES,
        sweeps=_sweeps(content) if len(content.evaluations) > 1 else [],
        sheets=_sheets(content),
        pairs=content.pairs,
        charts=_charts(content.metrics),
        cards=_cards(content),
    )


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "png": png_uri,
        "short": _short,
        "number": results.number,
        "figure": "{:g}".format,
    }
    return environment.get_template("report.html")


def _short(value: float, quantity: str) -> str:
    if quantity == "conditional_accuracy":
        return f"{value:.1%}"
    return results.number(float(f"{value:.4g}"))


def _sweeps(content: Content) -> list[dict[str, Any]]:
    """A curve and a table for each feature space."""
    found = []
    for space, _ in content.measures:
        curve = results.curve_of(content.evaluations, space)
        scores = content.best.scores[space.name]
        found.append(
            {
                "space": space.name,
                "chart": None if curve is None else sweep_figure(curve),
                "shown": [q for q in KEY_QUANTITIES if scores.name_of(q)],
                "rows": sorted(content.evaluations, key=lambda e: e.truncation),
            }
        )
    return found


def _sheets(content: Content) -> list[dict[str, str]]:
    found, sheets = content.best.scores[content.measures[0].space.name], []
    for label, strip in content.sheets.items():
        lines = []
        if label in found.class_accuracies:
            lines.append(f"{found.class_accuracies[label]:.0%} given this class")
        if label in found.class_distances:
            lines.append(f"Frechet distance {found.class_distances[label]:.3g}")
        name = content.class_names[label] if content.best.num_classes else "Samples"
        sheets.append(
            {"name": name, "uri": png_uri(strip), "caption": ", ".join(lines)}
        )
    return sheets


def _charts(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Curves of the training by title; those without points are left out."""
    scored = dict.fromkeys(
        name
        for row in rows
        for name in row
        if name.startswith(("classifier_frechet_distance", "fid_"))
    )
    wanted = {
        "Losses": {
            "discriminator_loss": "discriminator",
            "generator_loss": "generator",
        },
        "Distances while training": {name: name for name in scored},
        "Accuracy": {"conditional_accuracy": "conditional accuracy"},
        "Speed": {"images_per_second": "images/s"},
    }
    drawn = {
        title: training_figure(rows, list(names), list(names.values()))
        for title, names in wanted.items()
    }
    return {title: uri for title, uri in drawn.items() if uri}


def _cards(content: Content) -> list[tuple[str, dict[str, Any]]]:
    """Titles and facts: what was scored, how, and with which software."""
    cards = [("What was scored", _scored_facts(content))]
    for space, reference in content.measures:
        cards.append((f"Features: {space.name}", space.facts()))
        facts = {"count": reference.count, **reference.facts, "file": reference.path}
        repeated = set(space.facts())
        facts = {k: v for k, v in facts.items() if k not in repeated}
        cards.append((f"Reference: {space.name}", facts))
    return [*cards, ("Software", dict(content.versions))]


def _scored_facts(content: Content) -> dict[str, Any]:
    best = content.best
    tried = sorted(evaluation.truncation for evaluation in content.evaluations)
    return {
        **content.facts,
        "truncations": ", ".join(f"{t:g}" for t in tried),
        "num_samples": f"{best.num_samples:,}",
        "num_classes": best.num_classes,
    }
