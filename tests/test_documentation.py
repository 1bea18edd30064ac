"""The documentation builds without a warning. Here and not in a command of its own, because its examples find compiled programs here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.mark.skipif(find_spec("sphinx_gallery") is None, reason="needs the extra docs")
def test_the_documentation_builds_and_every_example_is_a_page_with_its_pictures(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", "docs", str(tmp_path)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    for example in (REPOSITORY / "examples").glob("[0-9]*.py"):
        page = (tmp_path / "gallery" / example.with_suffix(".html").name).read_text()
        pictures = re.findall(r'src="\.\./_images/(sphx_glr_[^"]*)"', page)
        assert pictures, example.name
        assert all((tmp_path / "_images" / picture).stat().st_size for picture in pictures)
