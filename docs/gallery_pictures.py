"""The gallery of examples: which scripts sphinx-gallery runs, and how the pictures that they write come into their pages.

Sphinx-gallery runs a script in its own folder, where it leaves its files, so it gets copies of the examples in a folder of built files.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sphinx_gallery.scrapers import figure_rst

DOCS = Path(__file__).parent
EXAMPLES = DOCS.parent / "examples"
HEADER = DOCS / "gallery_header.rst"


def copy_examples(folder: Path) -> None:
    """Copy the numbered examples, and the text above them, to a folder; nothing else of it is kept."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for example in EXAMPLES.glob("[0-9]*.py"):
        shutil.copy(example, folder)
    shutil.copy(HEADER, folder / "GALLERY_HEADER.rst")


def written_pictures(_block: Any, variables: dict[str, Any], gallery: dict[str, Any]) -> str:
    """Move the pictures that a block of an example wrote to its page; returns the reStructuredText that shows them."""
    written = sorted(Path(variables["src_file"]).parent.glob("*.png"), key=lambda path: path.stat().st_mtime_ns)
    shown, titles = [], []
    for picture, target in zip(written, variables["image_path_iterator"], strict=False):
        shown.append(shutil.move(picture, target))
        titles.append(picture.stem.replace("_", " "))
    return figure_rst(shown, gallery["src_dir"], ", ".join(titles))
