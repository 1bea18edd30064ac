"""Take the picture of docs/report.md, in Chromium: `python docs/make_report_picture.py`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

from smplify_jax.cli.fit import main

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.append(str(REPOSITORY / "tests"))

from browser import open_browser  # noqa: E402  # beside the tests that look at the page

PICTURE = REPOSITORY / "docs" / "pictures" / "report.png"
SIZE = (1100, 700)
RIGHT, UP = -0.9, 0.2
"""[rad] By how much the view is turned from the camera's."""


def take() -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        main(["--example", "--out", folder, "--report", str(page)])
        with open_browser(Path(folder) / "profile") as browser:
            browser.resize(*SIZE)
            browser.open(page)
            browser.value(f"(SmplReport.view.turn({RIGHT}, {UP}), SmplReport.view.zoom(1.15))")
            browser.resize(*SIZE)  # waits until the page is drawn
            browser.screenshot(PICTURE)
    Image.open(PICTURE).convert("RGB").save(PICTURE, optimize=True)


if __name__ == "__main__":
    take()
