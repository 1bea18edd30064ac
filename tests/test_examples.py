"""Every example in the folder itself runs as it is, without arguments; all in this process, so that they share compiled programs."""

from __future__ import annotations

import ast
import re
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((REPOSITORY / "examples").glob("*.py"))
NUMBERED = [path for path in EXAMPLES if path.name[0].isdigit()]
WITH_TORCH = (
    pytest.mark.smplx,
    pytest.mark.skipif(find_spec("torch") is None, reason="needs the extra torch"),
)
AS_IT_IS = [pytest.param(path, marks=WITH_TORCH if "torch" in path.stem else (), id=path.stem) for path in EXAMPLES]


@pytest.mark.parametrize("path", AS_IT_IS)
def test_example_runs_and_writes_what_it_says(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(path)])
    runpy.run_path(str(path), run_name="__main__")
    written = {file.name for file in tmp_path.iterdir()}
    assert written
    assert all(f"`{name}`" in _docstring(path) for name in written)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_begins_with_what_it_shows_and_how_to_run_it(path: Path):
    assert f"python examples/{path.name}" in _docstring(path)


@pytest.mark.parametrize("path", NUMBERED, ids=lambda path: path.stem)
def test_numbered_example_has_a_title_and_a_picture_for_the_gallery(path: Path):
    title, line = _docstring(path).splitlines()[:2]
    assert line == "=" * len(title)
    assert re.search(r"`\w+\.png`", _docstring(path))


def test_examples_are_numbered_without_gaps():
    assert [int(path.name[:2]) for path in NUMBERED] == list(range(1, len(NUMBERED) + 1))


def test_every_example_is_listed_in_the_folder():
    listed = re.findall(r"^\| \[([\w.]+)\]\(\1\)", (REPOSITORY / "examples" / "README.md").read_text(), re.MULTILINE)
    assert listed == [path.name for path in EXAMPLES]


def _docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text())) or ""
