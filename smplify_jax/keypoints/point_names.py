"""Keypoints placed by their names, whatever their number and order, in the layout that holds the most of them.

Files spell names in many ways: "left_shoulder", "Left Shoulder", "Right-hip", "leftShoulder", "LShoulder", "l_shoulder", "shoulder_l",
"lsho". All of them become the words that the layouts use (`point_of`). Points that the library does not know (of the face, a
belly) are left out.

One word can mean two points, and its neighbours tell which:

- `neck` beside the top of the head, and without a middle of the hips, is the lower end of the head, LSP's neck: so it is in
  CrowdPose, AI Challenger and ExLPose, where it lies 5 to 6 cm above the line between the shoulders, and in JHMDB. As in OpenPose
  and Halpe, with a nose or a middle of the hips, it is the midpoint of the shoulders. The choice of the layout makes the difference:
  `lsp14` holds head top, neck and limbs with the fewest keypoints, `openpose18` nose, neck and limbs.
- `neck` beside `thorax` is MPII's upper neck; in Human3.6M it is the "jaw".
- `head` is the top of the head, unless the file has a head top of its own. JHMDB, known by its belly, means the middle of the
  face, which no layout has: it is left out.
- `pelvis` and the hips are Human3.6M's or SMPL's joints only beside a spine, which annotators do not mark.

Sources: the names in the annotations of the data sets named here, and in MMPose's descriptions of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.layouts import DETECTED_POINTS, LAYOUTS, Layout, get_layout

MIN_KNOWN = 4
"""Fewer points of a person place no body."""

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
    "ear": "ear",
    "big_toe": "bigtoe toe toes footindex toebig",
    "small_toe": "smalltoe littletoe pinkytoe toesmall",
    "heel": "heel",
    "collar": "collar",
    "foot": "foot",
    "hand": "hand",
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
"""What programs write for a name when nobody gave one."""

_ANIMAL_WORDS = {"tail", "tailbase", "tailset", "paw", "withers", "hoof", "beak", "wing", "horn", "snout", "muzzle"}
"""Animals have eyes, shoulders and knees, too; people have none of these."""

_NEEDED = {"h36m17": "spine", "smpl24": "spine1"}
"""The point without which a layout of motion capture is not meant."""

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
    "smpl24": {"mid_hip": ("pelvis",)},
}
"""The layout's keypoints for a point of another name, in the order in which they are tried."""

_ANNOTATED = {"neck": ("neck", "upper_neck"), "head": ("head_top",)}
"""What a point may mean where annotators marked it, the likeliest first; any other means itself."""

_VAGUE = ("neck", "head")
"""They take what names that say more have left."""


@dataclass(frozen=True)
class Placement:
    """Where the keypoints of a file belong.

    Attributes:
        layout: name of the layout.
        positions: for each of its K keypoints the position among the file's N, -1 for none.
        left_out: the file's names that have no place.
    """

    layout: str
    positions: tuple[int, ...]
    left_out: tuple[str, ...]

    def place(self, keypoints: np.ndarray) -> np.ndarray:
        """(..., K, D) rows in the layout's order, zeros where the file has no such point, from (..., N, D) rows of the file."""
        positions = self._position_array
        if self.is_in_order and keypoints.shape[-2] == len(positions):  # most files, and much faster
            return keypoints
        placed = np.take(keypoints, np.maximum(positions, 0), axis=-2)
        placed[..., positions < 0, :] = 0
        return placed

    @cached_property
    def is_in_order(self) -> bool:
        """Whether the file's keypoints are the layout's, in its order."""
        return self.positions == tuple(range(len(self.positions)))

    @cached_property
    def _position_array(self) -> np.ndarray:
        return np.array(self.positions)


@lru_cache(maxsize=256)
def are_names(names: tuple[str, ...]) -> bool:
    """Whether these say anything: numbers, "point_3" and the like do not."""
    return bool(names) and not all(_NO_NAME.fullmatch(_joined(name)) for name in names)


@lru_cache(maxsize=256)
def place_by_name(names: tuple[str, ...], layout: str | None = None) -> Placement:
    """Where keypoints of these names belong.

    Args:
        names: N names, as the file spells them.
        layout: name of the layout to place them in; by default the one that holds the most, of several the one with the fewest
            keypoints.

    Raises:
        InputError: fewer than `MIN_KNOWN` are points of a person that the library (the layout) knows, or they are an animal's.
    """
    animal = [name for name in names if _ANIMAL_WORDS & set(_words(name))]
    if animal:
        raise InputError(f"the keypoints are an animal's ({_listed(animal)}); only people can be fitted")
    exact = next((one for one in LAYOUTS.values() if one.keypoint_names == names and layout in (None, one.name)), None)
    if exact is not None:  # the 49's names with a dataset's at their end are nobody else's
        return Placement(exact.name, tuple(range(len(names))), ())
    points = _points_of(names)
    candidates = _meant(points) if layout is None else [get_layout(layout)]
    # Python's max keeps the first of equals, and LAYOUTS has an order: the choice is the same everywhere.
    chosen, positions = max(
        ((candidate, _positions(candidate, points)) for candidate in candidates),
        key=lambda pair: (_num_known(pair[1]), -len(pair[1])),
    )
    left_out = tuple(name for k, name in enumerate(names) if k not in positions)
    num_known = _num_known(positions)
    if num_known < MIN_KNOWN:
        whose = "the library" if layout is None else f"layout {layout}"
        raise InputError(
            f"{whose} knows {num_known} of the {len(names)} names of keypoints, and not {_listed(left_out)}; "
            f"a person needs {MIN_KNOWN}: name them like 'left_shoulder', or name the layout when reading"
        )
    return Placement(chosen.name, positions, left_out)


def point_of(name: str) -> str:
    """A keypoint's name in the words of the layouts, such as "left_shoulder" or "head_top"; "" if it is no known point."""
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
    """The points of the names, "" for unknown ones, for what is said twice, and for JHMDB's middle of the face."""
    points: list[str] = []
    for name in names:
        point = point_of(name)
        points.append("" if point in points else point)
    if "belly" in points:
        return tuple("" if point in ("belly", "head") else point for point in points)
    return tuple(points)


def _meant(points: tuple[str, ...]) -> list[Layout]:
    return [layout for layout in LAYOUTS.values() if _NEEDED.get(layout.name, "") in (*points, "")]


def _positions(layout: Layout, points: tuple[str, ...]) -> tuple[int, ...]:
    """For each keypoint of the layout the position among the points, -1 for none."""
    positions = [-1] * layout.num_keypoints
    ordered = sorted(range(len(points)), key=lambda k: points[k] in _VAGUE)
    for k in ordered:
        for index in _places(layout, points[k]):
            if positions[index] < 0:
                positions[index] = k
                break
    return tuple(positions)


def _places(layout: Layout, point: str) -> list[int]:
    """The keypoints of the layout that a point may be, the best first."""
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
