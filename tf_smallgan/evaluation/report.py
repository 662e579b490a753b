"""One self-contained page with the scores and all that they were measured with."""

import html
import pathlib
from typing import Any

from tf_smallgan.atomic import replacing
from tf_smallgan.evaluation import figures, results, sweep
from tf_smallgan.evaluation.quantities import KEY_QUANTITIES, QUANTITIES
from tf_smallgan.evaluation.report_content import Content, Pair
from tf_smallgan.evaluation.report_style import STYLE
from tf_smallgan.evaluation.scoring import Scores


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
        curve = sweep.curve_of(content.evaluations, space)
        table = _sweep_table(content, space.name)
        chart = ""
        if curve is not None:
            chart = (
                f'<figure><img class=chart alt="truncation sweep" '
                f'src="{figures.sweep_figure(curve)}"></figure>'
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
            f'{html.escape(name)}" src="{figures.png_uri(strip)}">'
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
        f'<img class=pixels alt="{what}" src="{figures.png_uri(image)}">'
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
        uri = figures.training_figure(content.metrics, names, labels)
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
