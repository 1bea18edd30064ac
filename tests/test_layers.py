"""Imports go one way, from the low layers to the high ones."""

import ast
from pathlib import Path

import smplify_jax

ROOT = Path(smplify_jax.__file__).parent
# Low to high; a module may import from its own layer and those above it in this list.
LAYERS = (
    ("errors", "metrics", "skeleton", "mirror", "batching", "lanes", "devices", "precision", "groups"),
    ("files", "traces", "compilation", "rotations", "camera", "crop_box"),
    ("keypoints",),
    ("body", "camera_setup", "camera_conversions"),
    ("prior", "observation"),
    ("terms", "solver"),
    ("start",),
    ("stages", "proposal"),
    ("profiles", "search", "quality"),
    ("result",),
    ("given", "person", "focal_search"),
    ("report", "fit_setup"),
    ("people",),
    ("fitting",),
    ("pictures",),
    ("datasets",),
    ("cli",),
    ("learn",),
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("smplify_jax."):
            yield node.module
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("smplify_jax."))


def _layer(module):
    return module.split(".")[1]


def test_every_module_belongs_to_a_layer():
    names = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert names - {"__init__"} == set(RANK)


def test_no_module_imports_from_a_higher_layer():
    upward = []
    for path in ROOT.rglob("*.py"):
        if path.parent == ROOT and path.name == "__init__.py":
            continue  # the public names come from everywhere
        here = path.relative_to(ROOT).parts[0].removesuffix(".py")
        upward += [f"{path.relative_to(ROOT)} imports {m}" for m in _imports(path) if RANK[_layer(m)] > RANK[here]]
    assert not upward


def test_the_solver_knows_nothing_of_bodies():
    for path in (ROOT / "solver").glob("*.py"):
        assert all(_layer(module) in ("solver", "groups") for module in _imports(path))
