"""JSON files of the people of one moment: EasyMocap's `keypoints3d` and CMU Panoptic's `body3DScene`; a folder of them is a motion.

EasyMocap: a list of people `{"id": 0, "keypoints3d": [[x, y, z, confidence], ...]}` in metres; 25 points are OpenPose's BODY_25, also with
hands and face behind them, 17 COCO's, 15 the first of BODY_25's.

CMU Panoptic: `{"univTime": ..., "fpsType": "hd_29_97", "bodies": [{"id": 0, "joints19": [x, y, z, confidence, ...]}]}` in centimetres, y
down; a confidence of -1 is a point that was not found.

Sources: EasyMocap's documentation, "Dataset"; the page and the toolbox of CMU's Panoptic Studio (Joo et al., PAMI 2017).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array
from smplify_jax.files.budget import Allowance, ReadingTime, check_limit
from smplify_jax.files.plain import open_plain, read_plain, size_of
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.points3d.found import FoundPoints

_EASYMOCAP = {25: "openpose25", 17: "coco17", 67: "openpose25", 137: "openpose25"}
_PANOPTIC = {19: "panoptic19"}
_NUM_BODY15 = 15
_NUMBERS = re.compile(r"\d+")
_MAX_DIGITS = 15
_RATE = re.compile(r"(\d{1,3})(?:_(\d{1,3}))?$")


@dataclass(frozen=True)
class _Person:
    """A person of one file: (N, 4) points."""

    name: str
    points: np.ndarray
    is_panoptic: bool


def read_scene(path: Path) -> list[FoundPoints]:
    """The people of one file: of one moment.

    Raises:
        InputError: it is no such file, or a person's points are no numbers.
    """
    tree = _tree(path)
    return [_found([person], np.zeros(1, np.int64), _rate(tree), is_motion=False) for person in _people(tree)]


def read_scenes(paths: Sequence[Path]) -> list[FoundPoints]:
    """The people of the files of a folder, each through all its frames, in the order in which they appear.

    Raises:
        InputError: a file is no such file, or a person has other points in one than in another.
    """
    frames, allowance = _frame_numbers(paths), Allowance(sum(path.stat().st_size for path in paths))
    people: dict[str, dict[int, _Person]] = {}
    rate = np.nan
    for place, number in enumerate(np.argsort(frames, kind="stable").tolist()):
        tree = _tree(paths[number])
        rate = _rate(tree) if np.isnan(rate) else rate
        for person in _people(tree, paths[number]):
            people.setdefault(person.name, {})[place] = person
    tracks, numbers = [], np.sort(frames)
    for seen in people.values():
        own = range(min(seen), max(seen) + 1)
        allowance.charge(
            len(own) * next(iter(seen.values())).points.nbytes
        )  # they may be seen in the first and the last alone
        tracks.append(_found([seen.get(place) for place in own], numbers[own.start : own.stop], rate, is_motion=True))
    return tracks


def _tree(path: Path) -> Any:
    with open_plain(path) as file:
        check_limit(size_of(file), "value_letters", f"{path}: more bytes than the people of a moment have,")
    try:
        with ReadingTime(path).running():
            return json.loads(read_plain(path).decode("utf-8-sig", errors="replace"))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: it is damaged or cut-off JSON ({error.msg}, line {error.lineno})") from None


def _people(tree: Any, path: Path | None = None) -> Iterator[_Person]:
    where = "" if path is None else f"{path}: "
    is_panoptic = isinstance(tree, dict) and "bodies" in tree
    people = tree["bodies"] if is_panoptic else tree
    if not isinstance(people, list) or not all(isinstance(person, dict) for person in people):
        raise InputError(f"{where}it is neither EasyMocap's list of people nor CMU Panoptic's 'bodies'")
    for number, person in enumerate(people):
        key = next((one for one in ("joints19", "keypoints3d", "keypoints3D") if one in person), None)
        if key is None:
            raise InputError(f"{where}person {number} has neither 'keypoints3d' nor 'joints19'")
        numbers = host_array(person[key], f"{where}'{key}' of person {number}").astype(np.float64)
        width = 4 if key == "joints19" or numbers.ndim == 1 else numbers.shape[-1]
        if width not in (3, 4) or not numbers.size or numbers.size % width or numbers.ndim > 2:
            raise InputError(f"{where}'{key}' of person {number} is not x, y, z and a confidence for each point")
        points = numbers.reshape(-1, width)
        points = points if width == 4 else np.concatenate([points, np.ones((len(points), 1))], axis=1)
        points[~np.isfinite(points).all(axis=1) | (points[:, 3] <= 0)] = 0.0
        name = person.get("id", person.get("personID", number))
        yield _Person(str(name)[:40] if isinstance(name, (int, str)) else str(number), points, is_panoptic)


def _found(seen: Sequence[_Person | None], frames: np.ndarray, rate: float, *, is_motion: bool) -> FoundPoints:
    """One person in T frames."""
    known = [person for person in seen if person is not None]
    first = known[0]
    if any(person.points.shape != first.points.shape for person in known):
        raise InputError(f"person {first.name} has {len(first.points)} points in one file and another number in others")
    nowhere = np.zeros_like(first.points)
    points = np.stack([nowhere if person is None else person.points for person in seen])
    is_body15 = not first.is_panoptic and len(first.points) == _NUM_BODY15
    return FoundPoints(
        points=points,
        is_motion=is_motion,
        names=get_layout("openpose25").keypoint_names[:_NUM_BODY15] if is_body15 else (),
        layouts=_PANOPTIC if first.is_panoptic else _EASYMOCAP,
        person=first.name,
        frames=frames,
        frame_rate=rate,
        unit="cm" if first.is_panoptic else None,
        up="-y" if first.is_panoptic else None,
    )


def _frame_numbers(paths: Sequence[Path]) -> np.ndarray:
    """(T,) the last number in each name; their order where some have none, or two the same."""
    found = [_NUMBERS.findall(path.stem) for path in paths]
    numbers = [int(one[-1]) for one in found if one and len(one[-1]) <= _MAX_DIGITS]
    if len(set(numbers)) < len(paths):
        return np.arange(len(paths))
    return np.array(numbers, np.int64)


def _rate(tree: Any) -> float:
    """Frames per second of CMU Panoptic's "hd_29_97"; NaN where nothing is said."""
    kind = tree.get("fpsType") if isinstance(tree, dict) else None
    found = _RATE.search(kind) if isinstance(kind, str) else None
    if found is None:
        return np.nan
    rate = float(f"{found[1]}.{found[2] or 0}")
    return rate if rate > 0 else np.nan
