"""Write scenes as one HTML file that needs nothing else: it opens from disk, and asks no network for anything.

The page draws with three.js (MIT), of which `assets/three.min.js` is a bundle; `assets/three.entry.js` says how it is made.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from importlib import resources
from typing import Any

import numpy as np

from smplify_jax.files.printable import MAX_LINE, printable
from smplify_jax.pictures.overlay import LEFT_COLOR, LIMBS, MIDDLE_COLOR, RIGHT_COLOR, side_color
from smplify_jax.pictures.palette import LARGEST_DEVIATION_M, body_color, uncertainty_color
from smplify_jax.pictures.report.packing import encoding_for, jpeg, packed, quantized, skin
from smplify_jax.pictures.report.scene import Scene, SceneCamera, SkinnedPerson

PICTURE_BUDGET = 2_400_000
"""Characters of all pictures of a page: as many as the bodies of a person in 300 frames take."""

SINGLE_PICTURE = 150_000
"""Characters that a single picture may have in any case: one of 1,280 px looks well then."""

_STILL_SIDE, _STILL_QUALITY = 720, 70

_SCRIPTS = ("three.min.js", "decode.js", "view.js", "panel.js", "main.js")

_UNSAFE = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
"""What could end a script in HTML; JSON strings may have escapes in place of any character."""


def report_page(scenes: Sequence[Scene], title: str, *, generator: str, notes: Sequence[str] = ()) -> str:
    """The page.

    Args:
        scenes: at least one; the reader chooses among several.
        title: of the page.
        generator: the program and its version.
        notes: sentences about the whole page, such as what is left out of it.
    Returns:
        HTML, ASCII but for what the assets hold.
    """
    shown = escape(printable(title))
    data = json.dumps(_content(scenes, generator, notes), separators=(",", ":"), allow_nan=False).translate(_UNSAFE)
    still = scenes[0].still
    scripts = "\n".join(f"<script>{_asset(name)}</script>" for name in _SCRIPTS)
    page = _asset("page.html")
    parts = {
        "title": shown,
        "style": _asset("page.css"),
        "still": "" if still is None else f'src="{jpeg(still, _STILL_SIDE, _STILL_QUALITY)}"',
        "data": data,
        "scripts": scripts,
    }
    for name, text in parts.items():
        page = page.replace(f"<!--{name}-->", text)
    return page


@lru_cache
def _asset(name: str) -> str:
    return resources.files("smplify_jax.pictures.report").joinpath("assets", name).read_text("utf-8")


def _content(scenes: Sequence[Scene], generator: str, notes: Sequence[str]) -> dict[str, Any]:
    bodies: dict[int, int] = {}
    meshes: list[dict[str, Any]] = []
    for person in (person for scene in scenes for person in scene.people):
        if id(person.faces) not in bodies:
            bodies[id(person.faces)] = len(meshes)
            meshes.append(_mesh(person))
    num_pictures = sum(len(scene.times) * len(scene.cameras) for scene in scenes)
    return {
        "generator": generator,
        "notes": [printable(note, MAX_LINE) for note in notes],
        "colors": {
            "left": LEFT_COLOR,
            "right": RIGHT_COLOR,
            "middle": MIDDLE_COLOR,
            "largest_deviation": LARGEST_DEVIATION_M,
            "uncertainty": [uncertainty_color(step / 16) for step in range(17)],
        },
        "meshes": meshes,
        "scenes": [_scene(scene, bodies, num_pictures) for scene in scenes],
    }


def _mesh(person: SkinnedPerson) -> dict[str, Any]:
    joints, weights = skin(np.asarray(person.lbs_weights))
    faces = np.asarray(person.faces)
    return {
        "faces": packed(faces.astype(np.uint16 if len(person.rest) < 2**16 else np.uint32)),
        "joints": packed(joints),
        "weights": packed(weights),
        "joint_names": list(person.joint_names),
        "joint_of_weights": [int(one) for one in person.joint_of_weights],
    }


def _scene(scene: Scene, bodies: dict[int, int], num_pictures: int) -> dict[str, Any]:
    return {
        "name": printable(scene.name),
        "times": [round(float(time), 4) for time in scene.times],
        "frame_names": [printable(name) for name in scene.frame_names],
        "still": None if scene.still is None else jpeg(scene.still, _STILL_SIDE, _STILL_QUALITY),
        "cameras": [_camera(camera, len(scene.times), num_pictures) for camera in scene.cameras],
        "people": [_person(person, bodies[id(person.faces)], k) for k, person in enumerate(scene.people)],
    }


def _camera(camera: SceneCamera, num_frames: int, num_pictures: int) -> dict[str, Any]:
    return {
        "name": printable(camera.name),
        "size": list(camera.image_size),
        "focal": _numbers(camera.focal_length),
        "center": _numbers(camera.camera_center),
        "rotation": _numbers(camera.rotation),
        "translation": _numbers(camera.translation),
        "pictures": _pictures(camera, num_frames, max(PICTURE_BUDGET * num_frames // num_pictures, SINGLE_PICTURE)),
    }


def _pictures(camera: SceneCamera, num_frames: int, budget: int) -> list[tuple[int, str]]:
    """Frames and data URLs of their pictures; a frame without one shows the picture before it."""
    first = camera.picture(0)
    if first is None and num_frames == 1:
        return []
    sample = next(
        (image for k in range(num_frames) if (image := first if k == 0 else camera.picture(k)) is not None), None
    )
    if sample is None:
        return []
    longest, quality, stride = encoding_for(sample, num_frames, budget)
    return [
        (k, jpeg(image, longest, quality))
        for k in range(0, num_frames, stride)
        if (image := camera.picture(k)) is not None
    ]


def _person(person: SkinnedPerson, mesh: int, number: int) -> dict[str, Any]:
    has_body = np.isfinite(person.transforms).all(axis=(1, 2, 3))
    return {
        "name": printable(person.name),
        "mesh": mesh,
        "color": body_color(number),
        "rest": quantized(np.nan_to_num(person.rest)),
        "displacements": quantized(person.displacements, np.int8),
        "amounts": packed(np.asarray(person.amounts, np.float32)),
        "transforms": packed(np.nan_to_num(person.transforms).astype(np.float32)),
        "has_body": has_body.astype(int).tolist(),
        "joint_places": quantized(np.nan_to_num(person.joints)),
        "axes_of_std": list(person.axes_of_std),
        "joints_std": packed(np.asarray(person.joints_std, np.float32)),
        "keypoint_names": list(person.keypoint_names),
        "sides": [_side(name) for name in person.keypoint_names],
        "limbs": _limbs(person.keypoint_names),
        "observed": None if person.observed is None else packed(np.asarray(person.observed, np.float32)),
        "fitted": packed(np.asarray(person.fitted, np.float32)),
        "errors_px": packed(np.asarray(person.errors_px, np.float32)),
        "heights_px": packed(np.asarray(person.heights_px, np.float32)),
        "point_errors_m": None
        if person.point_errors_m is None
        else packed(np.asarray(person.point_errors_m, np.float32)),
        "quality": packed(np.asarray(person.quality, np.float32)),
        "cost_by_round": {
            name: packed(np.asarray(values, np.float32)) for name, values in (person.cost_by_round or {}).items()
        },
        "cost_by_term": {name: packed(np.asarray(values, np.float32)) for name, values in person.cost_by_term.items()},
        "statuses": list(person.statuses),
        "is_good": np.asarray(person.is_good).astype(int).tolist(),
        "warnings": [printable(one, MAX_LINE) for one in person.warnings],
    }


def _side(name: str) -> str:
    return {LEFT_COLOR: "left", RIGHT_COLOR: "right"}.get(side_color(name), "middle")


def _limbs(names: Sequence[str]) -> list[list[Any]]:
    """Numbers of two keypoints to join, and the side of the line."""
    at = {name: number for number, name in enumerate(names)}
    sides = {LEFT_COLOR: "left", RIGHT_COLOR: "right"}
    return [
        [at[start], at[end], sides.get(side_color(start, end), "middle")]
        for start, end in LIMBS
        if start in at and end in at
    ]


def _numbers(array: np.ndarray) -> list[float]:
    return [float(f"{value:.7g}") for value in np.asarray(array, np.float64).ravel()]
