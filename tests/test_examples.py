"""Every example in the folder itself runs as it is, without arguments."""

from __future__ import annotations

import ast
import os
import subprocess
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
def test_example_runs_and_writes_what_it_says(path: Path, tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    result = subprocess.run(
        [sys.executable, "-W", "error", path],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    written = [file.name for file in tmp_path.iterdir()]
    assert written
    assert all(name in path.read_text() for name in written)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_begins_with_what_it_shows_and_how_to_run_it(path: Path):
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring
    assert f"python examples/{path.name}" in docstring


def test_examples_are_numbered_without_gaps():
    assert [int(path.name[:2]) for path in NUMBERED] == list(range(1, len(NUMBERED) + 1))
