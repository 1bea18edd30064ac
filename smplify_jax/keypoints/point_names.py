"""Place keypoints by their names, in any number and order, in the layout that holds the most of them.

Files spell names in many ways: "left_shoulder", "Left Shoulder", "Right-hip", "leftShoulder", "LShoulder", "l_shoulder", "shoulder_l",
"lsho". `point_of` translates all of them to the names in the layouts. Points that the library does not know (of the face, a belly) are
left out.

Some names are ambiguous; the other names in the file decide:

- `neck` with a top of the head and without a middle of the hips is the lower end of the head, LSP's neck. This is the case in
  CrowdPose, AI Challenger and ExLPose, where it lies 5 to 6 cm above the line between the shoulders, and in JHMDB. With a nose or a
  middle of the hips, as in OpenPose and Halpe, it is the midpoint of the shoulders. The choice of the layout makes the difference:
  `lsp14` holds head top, neck and limbs with the fewest keypoints, `openpose18` nose, neck and limbs.
- `neck` with `thorax` is MPII's upper neck; in Human3.6M it is the "jaw".
- `head` is the top of the head, unless the file also has a head top. In JHMDB, recognised by its belly, it is the middle of the face,
  which no layout has, so it is left out.
- the first joint of a finger (`index1`, `forefinger1`, `left_index_mcp`) is its knuckle, of the thumb the second; one word alone, as
  MediaPipe has it (`left_index`), is MediaPipe's estimate of it. Layouts with hands are chosen only where knuckles are named.
- `pelvis` and the hips are Human3.6M's or SMPL's joints only if there is a spine, which annotators do not mark.

Sources: the names in the annotations of the data sets named here, and in MMPose's descriptions of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.geometry.skeleton import SIDES
from smplify_jax.keypoints.layouts import DETECTED_POINTS, HAND_LAYOUTS, LAYOUTS, Layout, get_layout, pictured_layouts

MIN_KNOWN = 4
"""Minimum number of known points besides knuckles; fewer do not determine a body."""

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_SIDES = {"left": "left", "l": "left", "lft": "left", "right": "right", "r": "right", "rgt": "right"}
_MAX_LISTED = 6
_MAX_LISTED_LENGTH = 30

_OF_A_SIDE = {
    "shoulder": "shoulder sho shldr",
    "elbow": "elbow elb",
    "wrist": "wrist wri",
    "hip": "hip hips",
    "knee": "knee kne",
    "ankle": "ankle ank",
    "eye": "eye",
    "eye_inner": "eyeinner innereye",
    "eye_outer": "eyeouter outereye",
    "mouth": "mouth mouthcorner",
    "ear": "ear",
    "big_toe": "bigtoe toe toes footindex toebig",
    "small_toe": "smalltoe littletoe pinkytoe toesmall",
    "heel": "heel",
    "collar": "collar",
    "foot": "foot",
    "hand": "hand",
    "pinky": "pinky",
    "index": "index",
    "thumb": "thumb",
    "thumb_knuckle": "thumbknuckle thumb2 thumbmcp thumb2knuckles",
    "index_knuckle": "indexknuckle index1 indexmcp indexfinger1 indexfingermcp forefinger1 index1knuckles",
    "middle_knuckle": "middleknuckle middle1 middlemcp middlefinger1 middlefingermcp middle1knuckles",
    "pinky_knuckle": "pinkyknuckle pinky1 pinkymcp pinkyfinger1 pinkyfingermcp littlefinger1 pinky1knuckles",
}
_OF_THE_MIDDLE = {
    "nose": "nose",
    "head": "head",
    "head_top": "headtop tophead topofhead",
    "neck": "neck",
    "upper_neck": "upperneck neckupper headbottom bottomhead",
    "thorax": "thorax midshoulder shouldercenter centershoulder",
    "mid_hip": "midhip hip hips hipcenter hipscenter centerhip middlehip pelvis root rootpelvis bodycenter",
    "neck_base": "neckbase jaw",
    "spine": "spine torso",
    "spine1": "spine1",
    "spine2": "spine2",
    "spine3": "spine3",
    "belly": "belly",
}


def _by_spelling(points: dict[str, str]) -> dict[str, str]:
    return {spelling: point for point, spellings in points.items() for spelling in spellings.split()}


_SIDE_POINTS = _by_spelling(_OF_A_SIDE)
_MIDDLE_POINTS = _by_spelling(_OF_THE_MIDDLE)

_NO_NAME = re.compile(r"(keypoint|kpt|kp|point|joint|p|label)?\d+")
"""Default names that programs write for unnamed keypoints."""

_ANIMAL_WORDS = {"tail", "tailbase", "tailset", "paw", "withers", "hoof", "beak", "wing", "horn", "snout", "muzzle"}
"""Words for points that people do not have; eyes, shoulders and knees do not tell animals from people."""

_NEEDED = {"h36m17": "spine", "smpl24": "spine1"}
"""A point that must be present for a layout of motion capture to be considered."""

_IN_MOTION_CAPTURE = {
    "h36m17": {
        "mid_hip": ("pelvis",),
        "left_foot": ("left_ankle",),
        "right_foot": ("right_ankle",),
        "neck_base": ("jaw",),
        "nose": ("jaw",),
        "neck": ("thorax", "jaw"),
        "upper_neck": ("jaw",),
        "head_top": ("head",),
        "head": ("head", "jaw"),
    },
    "smpl24": {"mid_hip": ("pelvis",)} | {f"{side}_middle_knuckle": (f"{side}_hand",) for side in SIDES},
}
"""For each layout, its candidate keypoints for points with another name, in the order to try."""

_ANNOTATED = {"neck": ("neck", "upper_neck"), "head": ("head_top",)}
"""Possible meanings of an annotated point, the likeliest first; other points have only their own."""

_VAGUE = ("neck", "head")
"""Ambiguous points, which are placed last, where more specific names have left room."""


@dataclass(frozen=True)
class Placement:
    """How the keypoints of a file map to a layout.

    Attributes:
        layout: name of the layout.
        positions: for each of its K keypoints the position among the file's N, -1 for none.
        left_out: the file's names that are not in the layout.
    """

    layout: str
    positions: tuple[int, ...]
    left_out: tuple[str, ...]

    def place(self, keypoints: np.ndarray) -> np.ndarray:
        """Reorder the file's rows (..., N, D) to the layout's (..., K, D); zeros for points that the file lacks."""
        positions = self._position_array
        if self.is_in_order and keypoints.shape[-2] == len(positions):  # most files, and much faster
            return keypoints
        placed = np.take(keypoints, np.maximum(positions, 0), axis=-2)
        placed[..., positions < 0, :] = 0
        return placed

    @cached_property
    def is_in_order(self) -> bool:
        """Whether the file begins with the layout's keypoints, in its order."""
        return self.positions == tuple(range(len(self.positions)))

    @cached_property
    def _position_array(self) -> np.ndarray:
        return np.array(self.positions)


@lru_cache(maxsize=256)
def are_names(names: tuple[str, ...]) -> bool:
    """Whether these are real names, rather than numbers or defaults such as "point_3"."""
    return bool(names) and not all(_NO_NAME.fullmatch(_joined(name)) for name in names)


@lru_cache(maxsize=256)
def place_by_name(names: tuple[str, ...], layout: str | None = None) -> Placement:
    """Map keypoints with these names to a layout.

    Args:
        names: N names, as the file spells them.
        layout: name of the layout; by default the one that holds the most of them and, of several, the one with the fewest
            keypoints.

    Raises:
        InputError: fewer than `MIN_KNOWN` are points of a person that the library (or the layout) knows, or they are an animal's.
    """
    animal = [name for name in names if _ANIMAL_WORDS & set(_words(name))]
    if animal:
        raise InputError(f"the keypoints are an animal's ({_listed(animal)}); only people can be fitted")
    exact = next((one for one in LAYOUTS.values() if one.keypoint_names == names and layout in (None, one.name)), None)
    if exact is not None:  # `point_of` does not know the 49 keypoints' names, which end in a data set's name
        return Placement(exact.name, tuple(range(len(names))), ())
    points = _points_of(names)
    candidates = _meant(points) if layout is None else [get_layout(layout)]
    # max returns the first of equals, and LAYOUTS is ordered, so the choice is deterministic.
    chosen, positions = max(
        ((candidate, _positions(candidate, points)) for candidate in candidates),
        key=lambda pair: (_num_known(pair[1]), -len(pair[1])),
    )
    left_out = tuple(name for k, name in enumerate(names) if k not in positions)
    num_known = _num_known(positions) - sum(_is_knuckle(points[position]) for position in positions if position >= 0)
    if num_known < MIN_KNOWN:
        whose = "the library" if layout is None else f"layout {layout}"
        raise InputError(
            f"{whose} knows {num_known} of the {len(names)} names of keypoints, but not {_listed(left_out)}; "
            f"a person needs {MIN_KNOWN}: use names such as 'left_shoulder', or give the layout when reading"
        )
    return Placement(chosen.name, positions, left_out)


def point_of(name: str) -> str:
    """Translate a keypoint's name to that in the layouts, such as "left_shoulder" or "head_top"; "" if it is unknown."""
    words = list(_words(name))
    for k in (0, -1):
        side = _SIDES.get(words[k]) if len(words) > 1 else None
        part = _SIDE_POINTS.get("".join(words[1:] if k == 0 else words[:-1]))
        if side and part:
            return f"{side}_{part}"
    joined = "".join(words)
    if joined in _MIDDLE_POINTS:
        return _MIDDLE_POINTS[joined]
    for prefix, side in _SIDES.items():
        for part in (joined.removeprefix(prefix), joined.removesuffix(prefix)):
            if part != joined and part in _SIDE_POINTS:
                return f"{side}_{_SIDE_POINTS[part]}"
    return ""


def _words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORDS.findall(name))


def _joined(name: str) -> str:
    return "".join(_words(name))


def _points_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """The points of the names; "" for unknown names, repeated points, and JHMDB's belly and middle of the face."""
    points: list[str] = []
    for name in names:
        point = point_of(name)
        points.append("" if point in points else point)
    if "belly" in points:
        return tuple("" if point in ("belly", "head") else point for point in points)
    return tuple(points)


def _meant(points: tuple[str, ...]) -> list[Layout]:
    without_hands = [layout for layout in pictured_layouts() if _NEEDED.get(layout.name, "") in (*points, "")]
    return [*without_hands, *map(get_layout, HAND_LAYOUTS if any(map(_is_knuckle, points)) else ())]


def _is_knuckle(point: str) -> bool:
    return point.endswith("_knuckle")


def _positions(layout: Layout, points: tuple[str, ...]) -> tuple[int, ...]:
    """For each keypoint of the layout its position among the points, -1 for none."""
    positions = [-1] * layout.num_keypoints
    ordered = sorted(range(len(points)), key=lambda k: points[k] in _VAGUE)
    for k in ordered:
        for index in _places(layout, points[k]):
            if positions[index] < 0:
                positions[index] = k
                break
    return tuple(positions)


def _places(layout: Layout, point: str) -> list[int]:
    """The keypoints of the layout that a point may stand for, the best first."""
    in_motion_capture = _IN_MOTION_CAPTURE.get(layout.name)
    if in_motion_capture is not None:
        tried = in_motion_capture.get(point, (point,))
        return [layout.index(name) for name in tried if name in layout.keypoint_names]
    places = [layout.index(point)] if point in layout.keypoint_names else []
    for meant in _ANNOTATED.get(point, (point,)):
        body_points = DETECTED_POINTS.get(meant, (meant,))
        places += [k for k, one in enumerate(layout.points) if one == body_points]
    return places


def _num_known(positions: tuple[int, ...]) -> int:
    return sum(position >= 0 for position in positions)


def _listed(names: list[str] | tuple[str, ...]) -> str:
    more = ", ..." if len(names) > _MAX_LISTED else ""
    return ", ".join(repr(name[:_MAX_LISTED_LENGTH]) for name in names[:_MAX_LISTED]) + more
