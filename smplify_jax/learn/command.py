"""How the builders of shipped data run as commands."""

from __future__ import annotations

import sys
from collections.abc import Callable

import tyro

from smplify_jax.errors import InputError


def run(main: Callable[..., None]) -> None:
    """Run a function with the command line's options; what is wrong with the input is said in a sentence, exit status 1."""
    try:
        tyro.cli(main)
    except InputError as error:
        sys.exit(str(error))
