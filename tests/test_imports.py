"""Imports go one way: from commands down to leaves."""

import ast
import pathlib

ROOT = pathlib.Path(__file__).parent.parent

# A module may import those of lower rank, or of its own package.
RANKS = {
    "tf_smallgan": 0,
    "tf_smallgan.errors": 0,
    "tf_smallgan.atomic": 0,
    "tf_smallgan.arrays": 1,
    "tf_smallgan.torch_archive": 1,
    "tf_smallgan.config_sections": -1,
    "tf_smallgan.command_sections": 0,
    "tf_smallgan.experiment_sections": 0,
    "tf_smallgan.config": 1,
    "tf_smallgan.gan_library": 1,
    "tf_smallgan.pictures": 1,
    "tf_smallgan.replicas": 1,
    "tf_smallgan.tensor_float": 1,
    "tf_smallgan.command": 2,
    "tf_smallgan.coreset": 2,
    "tf_smallgan.data": 3,
    "tf_smallgan.models": 3,
    "tf_smallgan.settings": 4,
    "tf_smallgan.workdir": 4,
    "tf_smallgan.training": 5,
    "tf_smallgan.preparation": 6,
    "tf_smallgan.evaluation": 7,
    "export": 7,
}
TOP = 9  # commands, their wiring and the experiments


def _rank(module: str) -> int:
    parts = module.split(".")
    for end in range(len(parts), 0, -1):
        name = ".".join(parts[:end])
        if name in RANKS and (end > 1 or len(parts) == 1 or name == "export"):
            return RANKS[name]
    return TOP


def _package(module: str) -> str:
    parts = module.split(".")
    return parts[0] if parts[0] == "export" else ".".join(parts[:2])


def _imports(path: pathlib.Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in ("tf_smallgan", "export")}


def _modules() -> dict[str, pathlib.Path]:
    paths = [*ROOT.glob("tf_smallgan/**/*.py"), *ROOT.glob("export/**/*.py")]
    names = (p.relative_to(ROOT).with_suffix("").parts for p in paths)
    return {
        ".".join(part for part in name if part != "__init__"): path
        for name, path in zip(names, paths)
    }


def test_imports_go_down():
    modules = _modules()
    upward = [
        f"{module} imports {imported}"
        for module, path in modules.items()
        for imported in _imports(path) & set(modules)
        if _package(imported) != _package(module)
        and imported != "tf_smallgan"
        and _rank(module) < TOP
        and _rank(imported) >= _rank(module)
    ]
    assert not upward


def test_nothing_imports_export():
    assert not [
        module
        for module, path in _modules().items()
        if module.split(".")[0] != "export"
        and any(name.split(".")[0] == "export" for name in _imports(path))
    ]


def test_the_core_set_knows_nothing_of_images():
    for module, path in _modules().items():
        if module.startswith("tf_smallgan.coreset"):
            assert {_package(name) for name in _imports(path)} <= {
                "tf_smallgan.coreset",
                "tf_smallgan.errors",
            }


def test_one_place_imports_tensorflow_gan():
    importers = [
        module
        for module, path in _modules().items()
        if "import tensorflow_gan" in path.read_text()
    ]
    assert importers == ["tf_smallgan.gan_library"]


def test_servings_own_package_is_not_needed():
    assert not [
        module
        for module, path in _modules().items()
        if "tensorflow_serving" in path.read_text().replace("tensorflow_serving/", "")
    ]


def test_grpc_is_imported_where_it_is_used():
    importers = [
        module
        for module, path in _modules().items()
        if any(line.strip() == "import grpc" for line in path.read_text().split("\n"))
    ]
    assert importers == ["export.grpc_transport"]


def test_only_config_and_commands_see_absl_flags():
    readers = {
        module
        for module, path in _modules().items()
        if "flags.FLAGS" in path.read_text()
    }
    assert readers <= {"tf_smallgan.command"}
