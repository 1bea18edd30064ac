"""Which module of the package imports which, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import smplify_jax

ROOT = Path(smplify_jax.__file__).parent


def modules() -> list[str]:
    """Every module except the package itself, which imports its public names from everywhere."""
    return [_module_of(path) for path in sorted(ROOT.rglob("*.py")) if path != ROOT / "__init__.py"]


def imports(module: str) -> set[str]:
    """What a module imports anywhere: also inside functions, and for type checkers only."""
    return set(_imports(_file_of(module))) - {"smplify_jax"}


def room(module: str) -> str:
    """The package, or loose module, that a module belongs to."""
    return module.split(".")[1]


def rooms() -> dict[str, set[str]]:
    """Room to the rooms that it imports from."""
    graph: dict[str, set[str]] = {}
    for module in modules():
        here = room(module)
        graph.setdefault(here, set()).update(room(imported) for imported in imports(module))
        graph[here].discard(here)
    return graph


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "smplify_jax":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if _file_of(inner).is_file() else node.module
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("smplify_jax."))


def _file_of(module: str) -> Path:
    path = ROOT.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("smplify_jax", *(parts[:-1] if parts[-1] == "__init__" else parts)))
