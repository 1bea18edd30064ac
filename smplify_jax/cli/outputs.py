"""Write the files of a run, each completely or not at all."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.cli.inputs import PersonInput
from smplify_jax.cli.options import WriteOptions
from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.images import load_image, save_image
from smplify_jax.result import FitResult
from smplify_jax.result.overlay import draw_fit
from smplify_jax.result.person_files import is_exported, write_arrays


def make_folder(folder: Path) -> None:
    """Create the folder for results.

    Raises:
        InputError: it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InputError(f"{folder} is a file: --out needs a folder.") from None
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be created ({error.strerror}): choose another --out.") from error


def write_person(
    folder: Path, person: PersonInput, fitted: FitResult, options: WriteOptions, complain: Callable[[str], None]
) -> tuple[list[str], str | None]:
    """Write one usable person's files.

    Args:
        folder: for the results.
        person: the input.
        fitted: one person's result, without a batch axis.
        options: which files to write.
        complain: is called with a sentence for each export that cannot be written.
    Returns:
        Names of the written files, and a sentence about a picture that the overlay lacks, or None.
    """
    written = [f"{person.name}.npz"]
    write_arrays(folder / written[0], fitted, keypoints=person.keypoints, image_size=person.image_size)
    for ending in export_endings(options, is_motion=False):
        name = person.name + ending
        written += [name] * is_exported(partial(fitted.export, folder / name), complain)
    if not options.overlay:
        return written, None
    written.append(f"{person.name}_overlay.png")
    image, complaint = picture_of(person)
    save_image(folder / written[-1], _overlay(person, fitted, image))
    return written, complaint


MESH_ENDINGS = (".obj", ".ply")
"""Of plain meshes, which a motion has a folder of."""


def export_endings(options: WriteOptions, *, is_motion: bool) -> tuple[str, ...]:
    """What the names of a person's exports end in; those of AMASS's arrays differ from the result's own by more than the suffix."""
    is_written = {
        ".obj": options.obj and not is_motion,
        ".ply": options.ply,
        "_amass.npz": options.amass or is_motion,
        ".glb": options.glb or is_motion,
        ".bvh": options.bvh,
        ".smpl": options.smpl,
    }
    return tuple(ending for ending, is_wanted in is_written.items() if is_wanted)


def write_summary(path: Path, summary: dict[str, Any]) -> None:
    """Write a JSON file; numbers that are not finite become null, because JSON has no NaN."""
    with atomic_write(path) as file:
        file.write(
            json.dumps(_plain(summary), indent=2, ensure_ascii=False, allow_nan=False).encode(errors="backslashreplace")
            + b"\n"
        )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


def picture_of(person: PersonInput) -> tuple[np.ndarray | None, str | None]:
    """The person's picture; or None and why it cannot be shown, if there is one."""
    if person.image_path is None:
        return None, None
    try:
        image = load_image(person.image_path)
    except InputError as error:
        return None, str(error)
    width, height = (round(float(number)) for number in person.image_size)
    if image.shape[:2] == (height, width):
        return image, None
    return None, (
        f"{person.image_path} is {image.shape[1]} x {image.shape[0]} px but the keypoints of {person.name} come from a "
        f"picture of {width} x {height} px: the overlay is drawn without the picture."
    )


def _overlay(person: PersonInput, fitted: FitResult, image: np.ndarray | None) -> np.ndarray:
    is_sized = np.isfinite(person.image_size).all()
    size = (round(float(person.image_size[0])), round(float(person.image_size[1]))) if is_sized else None
    return draw_fit(fitted, person.keypoints, image, image_size=size)
