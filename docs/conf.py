"""How Sphinx builds these pages: `sphinx-build -W -b html docs docs/_build/html`, with the extra `docs` installed."""

from importlib.metadata import version

project = "smplify-jax"
author = "the smplify-jax authors"
release = version("smplify-jax")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"{project} {release}"

# Equations between dollar signs, as the sites that show Markdown files have them.
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
# The docstrings give shapes and units, which say more than Array; signatures keep the types.
autodoc_typehints = "signature"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
