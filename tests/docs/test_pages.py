"""README and docs: flags of commands exist, snippets run, links lead somewhere."""

import pathlib
import re
import shlex

import pytest
from absl import flags as absl_flags

from experiments.anomaly_detection import flags as anomaly_detection
from experiments.batch_cost import flags as batch_cost
from experiments.biggan_effects import flags as biggan_effects
from experiments.gaussian_grid import flags as gaussian_grid
from experiments.image_quality import flags as image_quality
from tests.commands import ROOT
from tf_smallgan import config
from tf_smallgan.config.parsing import define_flags

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
COMMANDS = {
    "tf_smallgan.train": config.TRAIN,
    "tf_smallgan.prepare": config.PREPARE,
    "tf_smallgan.sample": config.SAMPLE,
    "tf_smallgan.evaluate": config.EVALUATE,
    "tf_smallgan.tpu_check": config.TPU_CHECK,
    "export": config.EXPORT,
    **{
        f"experiments.{study.COMMAND.name}": study.COMMAND
        for study in (
            anomaly_detection,
            batch_cost,
            biggan_effects,
            gaussian_grid,
            image_quality,
        )
    },
}
_COMMAND = re.compile(
    r"python -m ((?:tf_smallgan|export|experiments)[\w.]*)([^\n`|#]*)"
)


def _commands(page: pathlib.Path) -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", " ", page.read_text())
    return [(m.group(1), m.group(2)) for m in _COMMAND.finditer(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist_and_have_the_flags_they_use(page):
    for module, rest in _commands(page):
        command = COMMANDS.get(module)
        if command is None:
            path = ROOT / pathlib.Path(*module.split("."))
            found = path.with_suffix(".py").exists() or (path / "__main__.py").exists()
            assert found, f"{page.name}: python -m {module}"
            continue
        known = absl_flags.FlagValues()
        define_flags(command, known)
        known_names = set(known) | {"flagfile", "help"}
        for word in shlex.split(rest.split(" [")[0], posix=False):
            if word.startswith("--"):
                name = word[2:].split("=")[0]
                assert name.removeprefix("no") in known_names or name in known_names, (
                    f"{page.name}: python -m {module} has no flag --{name}"
                )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def _snippets(page: pathlib.Path) -> list[str]:
    text = page.read_text()
    text = re.sub(r"<!-- test: skipped, .*? -->\n```.*?```", "", text, flags=re.DOTALL)
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("name", ["docs/api.md"])
def test_snippets_run_as_they_stand(name):
    namespace: dict[str, object] = {}
    found = _snippets(ROOT / name)
    assert found
    for snippet in found:
        exec(snippet, namespace)


def test_the_readmes_snippet_of_a_core_set_runs():
    (snippet,) = [s for s in _snippets(ROOT / "README.md") if "CoresetSelection" in s]
    namespace: dict[str, object] = {}
    exec(snippet, namespace)
    assert namespace["kept"].shape == (64, 64)


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120
    assert len((ROOT / "CHANGELOG.md").read_text().splitlines()) <= 40
