"""What a report shows."""

import base64
import dataclasses
import html
import io
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_smallgan.data import images
from tf_smallgan.data.dataset import TrainingData
from tf_smallgan.evaluation import results
from tf_smallgan.evaluation.evaluator import Evaluation, Measure, Scores
from tf_smallgan.evaluation.results import KEY_QUANTITIES, QUANTITIES
from tf_smallgan.files import replacing
from tf_smallgan.sampling import grids
from tf_smallgan.sampling.generators import Supply


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


# The look of a report: a style sheet that needs nothing from outside.


STYLE = """
:root { --ink: #1d2733; --soft: #5a6878; --line: #dfe5ec; --card: #ffffff;
        --back: #f4f6f9; --accent: #1f6f8b; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
       font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 20px 16px 60px; }
h1 { font-size: 1.6rem; margin: 8px 0 4px; }
h2 { font-size: 1.15rem; margin: 36px 0 10px; }
h3 { font-size: 1rem; margin: 0 0 8px; }
p { margin: 4px 0 10px; max-width: 75ch; }
.soft, figcaption { color: var(--soft); font-size: .85rem; }
.grid { display: grid; gap: 14px; align-items: start;
        grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); }
.wide { grid-template-columns: minmax(0, 1fr); }
@media (min-width: 1000px) { .wide { grid-template-columns: 9fr 12fr; } }
.tiles { display: grid; gap: 10px;
         grid-template-columns: repeat(auto-fill, minmax(min(46%, 165px), 1fr)); }
.card, .tile, figure { background: var(--card); border: 1px solid var(--line);
         border-radius: 10px; padding: 14px; margin: 0; min-width: 0; }
.tile b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.tile code { font-size: .7rem; }
code { overflow-wrap: anywhere; color: var(--soft); font-size: .8rem;
       font-family: ui-monospace, "Liberation Mono", monospace; }
img { display: block; max-width: 100%; height: auto; }
img.pixels { image-rendering: pixelated; width: 100%; }
figure img.chart { width: 100%; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line);
          border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-size: .84rem; }
th, td { text-align: left; padding: 7px 8px; border-top: 1px solid var(--line);
         vertical-align: top; }
thead th { border-top: 0; color: var(--soft); font-weight: 600; }
td.number { text-align: right; font-variant-numeric: tabular-nums;
            white-space: nowrap; }
th.number { text-align: right; }
tr.best td { background: #e8f3f0; font-weight: 600; }
td.value { overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: minmax(90px, max-content) 1fr; margin: 0;
     gap: 3px 14px; font-size: .88rem; }
dt { color: var(--soft); }
dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 6px; }
.pairs { display: grid; gap: 10px;
         grid-template-columns: repeat(auto-fill, minmax(min(47%, 165px), 1fr)); }
.note { border-left: 3px solid #d9a441; padding: 2px 10px; margin: 8px 0; }
"""


# Pictures of a report, as data: nothing is fetched when it is opened.


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


# Gathers the pictures of a report.


_CLASSES, _PER_CLASS, _COLUMNS = 12, 8, 4
_UNCONDITIONAL = 32
_NEAREST, _RANDOM = 6, 6


def class_sheets(supply: Supply, truncation: float) -> dict[int, np.ndarray]:
    """Sheets [height, width, C] of random samples by class, of up to 12 classes.

    Classes are spread evenly over all; without classes there is one sheet.
    """
    count = min(supply.num_classes, _CLASSES)
    if not count:
        labels = np.zeros(_UNCONDITIONAL, np.int32)
        return {0: grids.sheet(_draw(supply, labels, truncation), _COLUMNS * 2)}
    classes = np.linspace(0, supply.num_classes - 1, count).round().astype(np.int32)
    drawn = _draw(supply, classes.repeat(_PER_CLASS), truncation)
    return {
        int(label): grids.sheet(part, _COLUMNS)
        for label, part in zip(classes, np.split(drawn, count))
    }


def _draw(supply: Supply, labels: np.ndarray, truncation: float) -> np.ndarray:
    return np.concatenate([batch for batch, _ in supply.images(labels, truncation)])


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


# One self-contained page with the scores and all that they were measured with.


def write(path: pathlib.Path, content: Content) -> None:
    """Writes the page."""
    with replacing(path) as partial:
        partial.write_text(page(content), encoding="utf-8")


def page(content: Content) -> str:
    """The page's HTML."""
    sections = [
        _scores(content),
        _sweep(content),
        _sheets(content),
        _pairs(content),
        _training(content),
        _settings(content),
    ]
    title = html.escape(content.title)
    line = html.escape(results.title(content.best, content.facts))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{title}</h1><p class=soft>{line[:1].upper()}{line[1:]}</p>"
        + "".join(sections)
        + "</main></body></html>\n"
    )


def _section(title: str, body: str, text: str = "") -> str:
    """A titled part; nothing where the body is empty."""
    if not body:
        return ""
    text = f"<p class=soft>{html.escape(text)}</p>" if text else ""
    return f"<section><h2>{html.escape(title)}</h2>{text}{body}</section>"


def _scores(content: Content) -> str:
    parts = []
    for space, _ in content.measures:
        found = content.best.scores[space.name]
        tiles = "".join(_tile(found, quantity) for quantity in KEY_QUANTITIES)
        notes = "".join(f"<p class=note>{html.escape(n)}</p>" for n in found.notes)
        parts.append(
            f"<h3>In {html.escape(space.name)} features</h3><div class=tiles>{tiles}"
            f"</div>{notes}<details><summary class=soft>All {len(found.values)} "
            f"figures</summary>{_table(found)}</details><br>"
        )
    return _section(
        f"Scores at truncation {content.best.truncation:g}",
        "".join(parts),
        "The truncation with the least Frechet distance of those that were scored. "
        "Figures compare only with others of the same features, reference, sample "
        "count and settings, which are listed at the end.",
    )


def _tile(found: Scores, quantity: str) -> str:
    name = found.name_of(quantity)
    if name is None:
        return ""
    return (
        f"<div class=tile><span class=soft>{QUANTITIES[quantity].label}</span>"
        f"<b>{_shown(quantity, found.values[name])}</b><code>{name}</code></div>"
    )


def _shown(quantity: str, value: float) -> str:
    if quantity == "conditional_accuracy":
        return f"{value:.1%}"
    return results.number(float(f"{value:.4g}"))


def _table(found: Scores) -> str:
    rows = "".join(
        f"<tr><td>{QUANTITIES[quantity].label}<br><code>{name}</code></td>"
        f"<td class=number>{results.number(found.values[name])}</td>"
        f"<td>{QUANTITIES[quantity].better}</td>"
        f"<td class=soft>{QUANTITIES[quantity].meaning}</td></tr>"
        for name, quantity in found.quantities.items()
    )
    return (
        "<div class=scroll><table><thead><tr><th>Figure<th class=number>Value"
        f"<th>Better<th>Meaning</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _sweep(content: Content) -> str:
    if len(content.evaluations) < 2:
        return ""
    parts = []
    for space, _ in content.measures:
        curve = results.curve_of(content.evaluations, space)
        table = _sweep_table(content, space.name)
        chart = ""
        if curve is not None:
            chart = (
                f'<figure><img class=chart alt="truncation sweep" '
                f'src="{sweep_figure(curve)}"></figure>'
            )
        parts.append(f'<div class="grid wide">{chart}{table}</div><br>')
    return _section(
        "Truncation: fidelity against variety",
        "".join(parts),
        "Smaller truncations give surer images and fewer kinds of them.",
    )


def _sweep_table(content: Content, space: str) -> str:
    shown = [
        quantity
        for quantity in KEY_QUANTITIES
        if content.best.scores[space].name_of(quantity)
    ]
    head = "".join(f"<th class=number>{QUANTITIES[q].label}" for q in shown)
    rows = ""
    for evaluation in sorted(content.evaluations, key=lambda e: e.truncation):
        found = evaluation.scores[space]
        cells = "".join(
            f"<td class=number>{_shown(q, found.value_of(q) or 0.0)}</td>"
            for q in shown
        )
        best = " class=best" if evaluation is content.best else ""
        rows += f"<tr{best}><td>{evaluation.truncation:g}</td>{cells}</tr>"
    return (
        f"<div class=scroll><table><thead><tr><th>Truncation{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _sheets(content: Content) -> str:
    found = content.best.scores[content.measures[0].space.name]
    cards = ""
    for label, strip in content.sheets.items():
        lines = []
        if label in found.class_accuracies:
            lines.append(f"{found.class_accuracies[label]:.0%} given this class")
        if label in found.class_distances:
            lines.append(f"Frechet distance {found.class_distances[label]:.3g}")
        name = "Samples"
        if content.best.num_classes:
            name = content.class_names[label]
        cards += (
            f'<figure><h3>{html.escape(name)}</h3><img class=pixels alt="samples of '
            f'{html.escape(name)}" src="{png_uri(strip)}">'
            f"<figcaption>{', '.join(lines)}</figcaption></figure>"
        )
    return _section(
        "Samples", f"<div class=grid>{cards}</div>", "Drawn at random, not chosen."
    )


def _pairs(content: Content) -> str:
    parts = []
    for space, pairs in content.pairs.items():
        cards = "".join(_pair(pair) for pair in pairs)
        parts.append(
            f"<h3>In {html.escape(space)} features</h3><div class=pairs>{cards}</div>"
            "<br>"
        )
    return _section(
        "Nearest training images",
        "".join(parts),
        "Left a sample, right the training image nearest to it: the samples that are "
        "nearest to one first, then others at random. The same picture twice would "
        "be a copy.",
    )


def _pair(pair: Pair) -> str:
    images = "".join(
        f'<img class=pixels alt="{what}" src="{png_uri(image)}">'
        for what, image in (
            ("sample", pair.sample),
            ("nearest training image", pair.nearest),
        )
    )
    return (
        f"<figure><div class=pair>{images}</div><figcaption>distance "
        f"{pair.distance:.3g}</figcaption></figure>"
    )


def _training(content: Content) -> str:
    scored = [
        name
        for row in content.metrics
        for name in row
        if name.startswith(("classifier_frechet_distance", "fid_"))
    ]
    charts = [
        (("discriminator_loss", "generator_loss"), ("discriminator", "generator")),
        (tuple(dict.fromkeys(scored)),) * 2,
        (("conditional_accuracy",), ("conditional accuracy",)),
        (("images_per_second",), ("images/s",)),
    ]
    titles = ("Losses", "Distances while training", "Accuracy", "Speed")
    cards = ""
    for title, (names, labels) in zip(titles, charts):
        uri = training_figure(content.metrics, names, labels)
        if uri:
            cards += (
                f'<figure><h3>{title}</h3><img class=chart alt="{title} by step" '
                f'src="{uri}"></figure>'
            )
    return _section("Training", cards and f"<div class=grid>{cards}</div>")


def _settings(content: Content) -> str:
    cards = [_card("What was scored", _scored_facts(content))]
    for space, reference in content.measures:
        cards.append(_card(f"Features: {space.name}", space.facts()))
        facts = {"count": reference.count, **reference.facts, "file": reference.path}
        repeated = set(space.facts())
        facts = {k: v for k, v in facts.items() if k not in repeated}
        cards.append(_card(f"Reference: {space.name}", facts))
    cards.append(_card("Software", content.versions))
    return _section("Settings", f"<div class=grid>{''.join(cards)}</div>")


def _scored_facts(content: Content) -> dict[str, Any]:
    best = content.best
    tried = sorted(evaluation.truncation for evaluation in content.evaluations)
    return {
        **content.facts,
        "truncations": ", ".join(f"{t:g}" for t in tried),
        "num_samples": f"{best.num_samples:,}",
        "num_classes": best.num_classes,
    }


def _card(title: str, facts: dict[str, Any]) -> str:
    rows = "".join(
        f"<dt>{html.escape(str(key).replace('_', ' '))}</dt>"
        f"<dd>{html.escape(str(value))}</dd>"
        for key, value in facts.items()
    )
    return f"<div class=card><h3>{html.escape(title)}</h3><dl>{rows}</dl></div>"
