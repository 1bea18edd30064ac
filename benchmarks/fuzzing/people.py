"""`fit` on hostile batches: numbers that are not finite, huge, zero or repeated, in all forms in which arguments come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.draw import IMAGE_SIZE, draw_keypoints
from benchmarks.fuzzing.choices import Choices
from benchmarks.fuzzing.prepared import Prepared
from benchmarks.fuzzing.promise import BrokenPromiseError, check_usable
from benchmarks.fuzzing.values import change_array, hostile_value
from smplify_jax import BodyParameters, Camera, fit, load_body

NUM_PEOPLE, LAYOUT = 16, "coco17"
"""As many as a batch has that `fit` compiles for, and no other, so that nothing is compiled while inputs are timed."""

_NUMBERS = (np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0, 1.0, 1e-38, 1e-12, 0.5, 1e4, 1e8, 1e19, 3e38, -3e38, 1e300)
_UNKNOWN = ("start_margin", "quality", "reprojection_error_px")
"""Arrays of usable people that may be NaN: what was not observed has no error, and not every start a margin or a score."""


def prepare(folder: Path) -> Prepared:
    """Compile the fits, and draw the people that are then changed."""
    keypoints, focal_length = draw_keypoints(LAYOUT, NUM_PEOPLE)
    body = load_body()
    fitted = fit(keypoints, layout=LAYOUT, image_size=IMAGE_SIZE, camera=focal_length[:, None], body=body)
    starts = {name: np.asarray(block, np.float64) for name, block in fitted.parameters.blocks().items()}

    def make(choices: Choices) -> dict[str, Any]:
        has_start = choices.below(2) == 1
        arrays: dict[str, Any] = {"keypoints": keypoints.astype(np.float64)} | _cameras(focal_length, choices)
        arrays |= starts if has_start else {}
        for _ in range(choices.below(5)):
            name = choices.pick(sorted(arrays))
            arrays[name] = _change(arrays[name], choices)
        options = _arguments(arrays, has_start)
        if choices.one_in(16):
            options[choices.pick(("layout", "image_size", "camera", "num_betas", "anchor", "profile"))] = hostile_value(
                choices
            )
        return {"layout": LAYOUT, "body": body} | options

    return Prepared(2, make, lambda options, _: _is_any_usable(fit(**options)))


def _cameras(focal_length: np.ndarray, choices: Choices) -> dict[str, Any]:
    """Sizes of pictures and cameras in one of the forms that `fit` takes."""
    sizes = np.tile(np.array(IMAGE_SIZE, np.float64), (NUM_PEOPLE, 1))
    pairs = np.repeat(focal_length[:, None], 2, axis=1)
    matrices = np.tile(np.eye(3), (NUM_PEOPLE, 1, 1))
    matrices[:, 0, 0] = matrices[:, 1, 1] = focal_length
    matrices[:, :2, 2] = sizes / 2
    forms: tuple[Callable[[], dict[str, Any]], ...] = (
        lambda: {"image_size": sizes, "camera": pairs},
        lambda: {"image_size": sizes},
        lambda: {"camera": matrices},
        lambda: {"image_size": sizes, "camera": focal_length[0]},
        lambda: {"focal_length": pairs, "camera_center": sizes / 2, "image_size": sizes},
        lambda: {"focal_length": pairs, "camera_center": sizes / 2},
    )
    return choices.pick(forms)()


def _change(array: Any, choices: Choices) -> Any:
    """Other numbers for some people, or now and then another array altogether."""
    numbers = np.asarray(array)
    if choices.one_in(12) or numbers.dtype.kind not in "iuf" or not numbers.ndim or not numbers.size:
        return change_array(array, choices)
    changed = numbers.astype(np.float64)
    rows = changed.reshape(len(changed), -1)
    people = slice(choices.below(len(rows)), None) if choices.one_in(3) else [choices.below(len(rows))]
    number, place = choices.pick(_NUMBERS), choices.below(max(1, rows.shape[1]))
    with np.errstate(all="ignore"):
        match choices.below(8):
            case 0:
                rows[people, place] = number
            case 1:
                rows[people] = number
            case 2:
                rows[people] *= number
            case 3:
                rows[people] += number
            case 4:
                rows[people] = rows[choices.below(len(rows))]
            case 5:
                rows[people, place::3] = number
            case 6:
                rows[people] = rows[people][:, ::-1]
            case _:
                rows[people] *= 10.0 ** choices.generator().uniform(-45, 45, rows[people].shape)
    return changed


def _arguments(arrays: dict[str, Any], has_start: bool) -> dict[str, Any]:
    """The arguments of `fit`: a camera and a start made of their arrays."""
    names = BodyParameters.__dataclass_fields__
    options = {name: value for name, value in arrays.items() if name not in names}
    if "focal_length" in options:
        options["camera"] = Camera(options.pop("focal_length"), options.pop("camera_center"))
    if has_start:
        options["init"] = BodyParameters(**{name: arrays[name] for name in names})
    return options


def _is_any_usable(result: Any) -> bool:
    usable = [status.is_usable for status in result.statuses()] if result.is_batched else []
    if result.is_batched and len(usable) != len(result):
        raise BrokenPromiseError(f"{len(result)} people have {len(usable)} statuses")
    arrays = {name: value for name, value in result.arrays().items() if np.ndim(value)} if usable else {}
    unknown = (*_UNKNOWN, *(name for name in arrays if name.startswith("quality_features")))
    check_usable(arrays, usable, unknown)
    return any(usable)
