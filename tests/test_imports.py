"""Imports go down, from commands to leaves; those inside functions count too."""

import ast
import functools
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parent.parent
TREES = ("tf_smallgan", "export", "experiments", "benchmarks", "examples")

# From the bottom to the top: a package imports those above it in this list, and itself.
LAYERS = (
    ("errors",),
    ("console", "files", "randomness"),
    ("config",),
    ("workdir", "cli"),
    ("coreset", "distribution"),
    ("models",),
    ("data", "importing"),
    ("training",),
    ("sampling",),
    ("evaluation",),
    ("trainer", "tpu_check"),
)
RANKS = {name: rank for rank, names in enumerate(LAYERS) for name in names}
SHELL = len(LAYERS)  # the commands


@functools.cache
def modules() -> dict[str, pathlib.Path]:
    """The path of each module, by its dotted name."""
    paths = [path for tree in TREES for path in (ROOT / tree).glob("**/*.py")]
    names = (path.relative_to(ROOT).with_suffix("").parts for path in paths)
    return {
        ".".join(part for part in name if part != "__init__"): path
        for name, path in zip(names, paths)
    }


@functools.cache
def imports(module: str) -> frozenset[str]:
    """The modules of this project that a module imports, anywhere in its text."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(modules()[module].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{module} has a relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            submodules = names & set(modules())
            found |= submodules
            # A package's own names live in its __init__.
            if submodules != names:
                found.add(node.module)
    return frozenset(found & set(modules())) - {module}


def package(module: str) -> str:
    """`tf_smallgan.data.batches` is of `data`, `export.run` of `export`."""
    tree, *rest = module.split(".")
    return rest[0] if tree == "tf_smallgan" and rest else tree


def circles(graph: dict[str, frozenset[str]]) -> list[list[str]]:
    """Groups of modules that reach one another (Tarjan's components above size 1)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in graph:
        if node not in index:
            visit(node)
    return found


def test_a_circle_is_found():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}
    assert circles({k: frozenset(v) for k, v in graph.items()}) == [["b", "c"]]


def test_there_is_no_circle():
    assert circles({module: imports(module) for module in modules()}) == []


def test_imports_go_down():
    upward = []
    for module in modules():
        if not module.startswith("tf_smallgan."):
            continue
        own = RANKS.get(package(module), SHELL)
        for imported in imports(module) - {"tf_smallgan"}:
            other = package(imported)
            below = RANKS.get(other, SHELL) < own
            if other != package(module) and not below:
                upward.append(f"{module} imports {imported}")
    assert not upward


def test_every_package_has_its_layer():
    folders = {
        path.parent.name for path in (ROOT / "tf_smallgan").glob("*/__init__.py")
    }
    assert folders <= set(RANKS)


@pytest.mark.parametrize("tree", ["export", "experiments", "benchmarks", "examples"])
def test_the_package_imports_none_of_the_other_trees(tree):
    assert not [
        module
        for module in modules()
        if module.split(".")[0] == "tf_smallgan"
        and any(name.split(".")[0] == tree for name in imports(module))
    ]


def test_export_imports_neither_experiments_nor_benchmarks():
    assert not [
        module
        for module in modules()
        if module.split(".")[0] == "export"
        and any(
            name.split(".")[0] in ("experiments", "benchmarks")
            for name in imports(module)
        )
    ]


def test_core_sets_know_nothing_of_images_or_flags():
    used = {
        package(name)
        for module in modules()
        if module.startswith("tf_smallgan.coreset")
        for name in imports(module)
    }
    assert used <= {"coreset", "errors", "randomness"}


def _modules_with(text: str) -> list[str]:
    return [
        module
        for module, path in modules().items()
        if module.split(".")[0] in ("tf_smallgan", "export")
        and text in path.read_text()
    ]


def test_one_place_imports_tensorflow_gan():
    assert len(_modules_with("import tensorflow_gan")) == 1


def test_grpc_is_imported_where_it_is_used():
    assert _modules_with("    import grpc\n") == ["export.grpc_transport"]
    assert not _modules_with("\nimport grpc\n")


def test_only_the_command_line_sees_absls_flags():
    assert _modules_with("flags.FLAGS") == ["tf_smallgan.cli"]
