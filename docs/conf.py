"""How Sphinx builds these pages: `sphinx-build -W -b html docs docs/_build/html`, with the extra `docs` installed."""

import re
from importlib import metadata
from typing import Any

project = "smplify-jax"
author = "the smplify-jax authors"
release = metadata.version("smplify-jax")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"{project} {release}"

# Equations between dollar signs, as the sites that show Markdown files have them.
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

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
