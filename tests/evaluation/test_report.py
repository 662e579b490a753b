"""The report in a real browser: it opens offline, shows its images, fits its page."""

import html
import pathlib
import re
import shutil
import subprocess

import numpy as np
import pytest

from tf_smallgan.evaluation import report
from tf_smallgan.evaluation.evaluator import Evaluation, Measure, Scores
from tf_smallgan.evaluation.frechet import Gaussian
from tf_smallgan.evaluation.reference import Reference
from tf_smallgan.evaluation.report import Content, Pair
from tf_smallgan.evaluation.results import QUANTITIES

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--virtual-time-budget=5000",
    "--dump-dom",
)

# The page in a frame of a given width; what it is found to be goes into the title.
_PROBE = """<!doctype html><title>waiting</title>
<iframe id=frame style="width:{width}px;height:900px;border:0" srcdoc="{page}"></iframe>
<script>
const frame = document.getElementById("frame");
frame.onload = () => {{
  const inner = frame.contentDocument, root = inner.documentElement;
  inner.querySelectorAll("details").forEach(d => d.open = true);
  const images = [...inner.images];
  const fetched = frame.contentWindow.performance.getEntriesByType("resource")
    .filter(entry => !entry.name.startsWith("data:"));
  const outside = [...inner.querySelectorAll("main *")].filter(e =>
    !e.closest(".scroll") && e.getBoundingClientRect().right > {width} + 1);
  document.title = ["found", root.scrollWidth, root.clientWidth, images.length,
    images.filter(i => i.complete && i.naturalWidth > 0).length,
    fetched.length, outside.length].join(" ");
}};
</script>"""


@pytest.fixture(scope="module")
def content(pixel_space) -> Content:
    """Made up, with long names and numbers of many digits."""
    rng = np.random.default_rng(0)

    def image() -> np.ndarray:
        return rng.integers(0, 256, (32, 32, 1), np.uint8)

    def evaluation(truncation: float) -> Evaluation:
        scores = Scores(pixel_space, notes=["A note that takes a whole line. " * 4])
        for quantity in QUANTITIES:
            scores.add(quantity, 123_456, truncation * 1234.56789)
        scores.class_accuracies, scores.class_distances = {0: 0.5}, {0: 12.345}
        images = np.stack([image()])
        return Evaluation(
            truncation, 123_456, 2, {"pixels": scores}, images, np.zeros(1, int), 1.0
        )

    gaussian = Gaussian(np.zeros(16), np.eye(16))
    facts = {"dataset": "made <up>", "file": "/a/long/path" * 12}
    reference = Reference(gaussian, 7, None, None, None, facts, "path")
    return Content(
        title="Evaluation: <digits> & more",
        evaluations=[evaluation(t) for t in (0.2, 0.6, 1.0)],
        measures=[Measure(pixel_space, reference)],
        facts={
            "step": 12,
            "ema": True,
            "bn": "standing",
            "truncation_rule": "hub",
            "checkpoint": "checkpoints/" * 20,
        },
        class_names=["a class of quite a long name" * 3, "b"],
        sheets={0: image(), 1: image()},
        pairs={"pixels": [Pair(image(), image(), 0.5)] * 3},
        metrics=[
            {"step": step, "discriminator_loss": 1.0, "generator_loss": "nan"}
            for step in range(5)
        ],
        versions={"tensorflow": "2"},
    )


def test_text_is_escaped_and_parts_without_content_are_left_out(content):
    page = report.page(content)
    assert "<title>Evaluation: &lt;digits&gt; &amp; more</title>" in page
    assert "made &lt;up&gt;" in page and "made <up>" not in page
    assert "conditional accuracy by step" not in page
    assert "Losses by step" in page


def test_the_least_distance_is_shown_first(content):
    assert content.best.truncation == 0.2
    assert "Scores at truncation 0.2" in report.page(content)


def test_written_whole_or_not_at_all(content, tmp_path):
    path = tmp_path / "deep" / "report.html"
    report.write(path, content)
    assert path.read_text(encoding="utf-8") == report.page(content)
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


@pytest.mark.parametrize("width", [400, 1400])
def test_in_a_browser(content, tmp_path, width):
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        pytest.skip("no Chromium is installed")
    found = _measure(browser, report.page(content), tmp_path, width)
    scroll_width, client_width, images, shown, fetched, outside = found
    # A scroll bar takes a little of the frame.
    assert scroll_width <= client_width and width - 20 <= client_width <= width
    assert outside == 0
    assert images == shown > 8
    assert fetched == 0


def _measure(
    browser: str, page: str, folder: pathlib.Path, width: int
) -> tuple[int, ...]:
    """What the probe's title says."""
    probe = folder / "probe.html"
    probe.write_text(_PROBE.format(width=width, page=html.escape(page)))
    command = [browser, *_FLAGS, f"--user-data-dir={folder / 'profile'}"]
    command += [f"--window-size={max(width, 600)},1000", probe.as_uri()]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    title = re.search(r"<title>found ([\d ]+)</title>", ran.stdout)
    assert title, (ran.stdout[:300], ran.stderr[-600:])
    return tuple(map(int, title.group(1).split()))
