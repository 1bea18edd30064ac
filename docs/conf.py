"""How Sphinx builds these pages: `sphinx-build -W -b html docs docs/_build/html`, with the extra `docs` installed."""

import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent))

from gallery_pictures import copy_examples  # beside this file

project = "smplify-jax"
author = "the smplify-jax authors"
release = metadata.version("smplify-jax")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_gallery.gen_gallery"]
exclude_patterns = ["_build", "gallery_header.rst", "gallery/*.ipynb"]
html_theme = "furo"
html_title = f"{project} {release}"

# Equations between dollar signs, as the sites that show Markdown files have them.
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

# The examples run while the documentation is built, one after another in this process, and share compiled programs.
_EXAMPLES = "_build/examples"
copy_examples(Path(__file__).parent / _EXAMPLES)
sphinx_gallery_conf = {
    "examples_dirs": _EXAMPLES,
    "gallery_dirs": "gallery",
    "filename_pattern": "",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("gallery_pictures.written_pictures",),
    "reset_modules": (),
    "capture_repr": (),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": 1e9,
}

autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# The texts give shapes and units; the spelled-out unions behind ArrayLike would bury them.
napoleon_attr_annotations = False
autodoc_type_aliases = {"ArrayLike": "ArrayLike"}
default_role = "code"


def _escape_names(_app: Any, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Docstrings are plain text: "left_" names a prefix there, while reStructuredText would take it for a link."""
    lines[:] = [re.sub(r"(?<=\w)_(?!\w)", r"\\_", line) for line in lines]


def _shorten_aliases(
    _app: Any, _what: str, _name: str, _object: Any, _options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Sphinx writes an alias inside a union as TypeAliasForwardRef('ArrayLike'): ArrayLike is meant."""
    return signature and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", signature), returns


def setup(app: Any) -> None:
    """Escape before napoleon (priority 500) makes fields of the sections, which have underscores of their own."""
    app.connect("autodoc-process-docstring", _escape_names, priority=400)
    app.connect("autodoc-process-signature", _shorten_aliases)
