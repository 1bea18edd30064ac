"""Run the builders of shipped data as commands."""

from __future__ import annotations

import sys
from collections.abc import Callable

import tyro

from smplify_jax.errors import InputError


def run(main: Callable[..., None]) -> None:
    """Run a function with the options of the command line; exit with a sentence and status 1 if the input cannot be used."""
    try:
        tyro.cli(main)
    except InputError as error:
        sys.exit(str(error))
