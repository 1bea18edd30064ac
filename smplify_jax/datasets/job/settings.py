"""Whether a job may go on with the settings that it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from smplify_jax.errors import InputError

_PLACES = ("input", "image_folder")
"""Settings that say where something is."""

_VERSION = "library_version"


def check_settings(
    folder: Path,
    begun_with: dict[str, Any],
    settings: dict[str, Any],
    content: Callable[[], str],
    *,
    accept_version: bool,
) -> None:
    """Make sure that a job was begun with the same settings, and with an input of the same content.

    Args:
        folder: the job's.
        begun_with: the settings that it was begun with.
        settings: those that it is told now.
        content: gives the fingerprint of the input, for which it has to be read.
        accept_version: whether another release of the library may go on with it.

    Raises:
        InputError: it was not.
    """
    names = [name for name in {**begun_with, **settings} if name not in (*_PLACES, "input_content")]
    changed = [name for name in names if begun_with.get(name) != settings.get(name)]
    if changed == [_VERSION]:
        if not accept_version:
            raise InputError(
                f"{folder}: the job was begun by release {begun_with.get(_VERSION)}, and this is {settings.get(_VERSION)}, whose fits may "
                "differ: use that release, or accept this one with --accept-version (accept_version=True); each file of fits says its own."
            )
        changed = []
    # Where things are may change; whether they are anywhere may not.
    changed += [name for name in _PLACES if (begun_with.get(name) is None) != (settings.get(name) is None)]
    if changed:
        changes = ", ".join(
            f"{name} was {begun_with.get(name)!r} and is {settings.get(name)!r} now" for name in changed
        )
        raise InputError(
            f"{folder}: the job was begun with other settings: {changes}; use the same, or another folder."
        )
    is_moved = begun_with.get("input") != settings.get("input")
    if is_moved and begun_with.get("input_content") != content():
        raise InputError(
            f"{folder}: the job was begun with {begun_with.get('input')}, and {settings.get('input')} does not hold the same: "
            "give what that was, wherever it lies now, or another folder for the results."
        )
