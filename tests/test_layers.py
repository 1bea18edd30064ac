"""Imports go one way: from room to room as data flow, and never in a circle inside a room."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import smplify_jax

ROOT = Path(smplify_jax.__file__).parent
# From the ground floor up; a room may import from itself and from those before it in this list.
ROOMS = (
    "moved",
    "errors",
    "files",
    "geometry",
    "execution",
    "camera",
    "keypoints",
    "body",
    "prior",
    "solver",
    "terms",
    "proposal",
    "quality",
    "result",
    "fitting",
    "pictures",
    "datasets",
    "cli",
    "learn",
)


def _imports(path):
    """Modules of the package that a file imports anywhere, also inside functions and for type checkers only."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "smplify_jax":
            for alias in node.names:
                is_module = _file_of(f"{node.module}.{alias.name}").is_file()
                yield f"{node.module}.{alias.name}" if is_module else node.module
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("smplify_jax."))


def _file_of(module):
    path = ROOT.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("smplify_jax", *(parts[:-1] if parts[-1] == "__init__" else parts)))


def _inside():
    """Every module but the package itself, whose public names come from everywhere."""
    return [path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py"]


def _room(module):
    return module.split(".")[1]


def test_every_module_belongs_to_a_room():
    names = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert names - {"__init__"} == set(ROOMS)


def test_no_room_imports_from_a_later_one():
    rank = {name: floor for floor, name in enumerate(ROOMS)}
    upward = [
        f"{_module_of(path)} imports {module}"
        for path in _inside()
        for module in _imports(path)
        if module != "smplify_jax" and rank[_room(module)] > rank[_room(_module_of(path))]
    ]
    assert not upward


def test_modules_do_not_import_in_circles():
    graph = {_module_of(path): set(_imports(path)) - {"smplify_jax"} for path in _inside()}
    TopologicalSorter(graph).prepare()  # raises CycleError with the circle


def test_the_solver_knows_nothing_of_bodies():
    for path in (ROOT / "solver").glob("*.py"):
        assert all(_room(module) in ("solver", "execution") for module in _imports(path))


def test_proposals_do_not_know_how_a_fit_goes_on():
    assert not [path for path in (ROOT / "proposal").glob("*.py") for m in _imports(path) if _room(m) == "fitting"]
