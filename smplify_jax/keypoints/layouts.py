"""Keypoint layouts: the order of a detector's keypoints, and the body points that define each of them.

A layout is a table of rows (keypoint, body points). A keypoint is the mean of its body points, each of them a joint of
`SMPL_JOINT_NAMES` or a named surface point of the body. Keypoints of the limbs are SMPL joints in every layout. The
trunk differs:

- hips: annotators of COCO, LSP and MPII (and OpenPose, trained on them) mark a different point from the hip joint, hence
  `left_hip_keypoint`; Human3.6M's hips come from motion capture and are the joints themselves;
- neck of OpenPose and Halpe, thorax of MPII: the midpoint of the shoulders;
- mid hip of OpenPose and Halpe, pelvis of MPII: the midpoint of the hips as annotated;
- neck of LSP, upper neck of MPII and BODY_25B: the middle of the neck, between the joints at its lower and upper end.
  Triangulated from a calibrated recording of one person, BODY_25B's lies 8 cm above the shoulders and 10 cm below the
  nose, which is within 2 cm of that midpoint.

`mediapipe33` has knuckles, of which bodies without fingers have estimates near the hand joint (`smplify_jax.body.points`), and corners of
eyes and mouth, which no body here has. MediaPipe's "index" of a foot is its big toe.

Layouts whose names end in `_hands` have four knuckles of each hand behind a detector's body: where they are seen, they tell how the wrist
is bent. Of the 21 points that detectors find on a hand, only these are points of a body whose fingers have no joints.

Three layouts are of programs that give points in 3D:

- `kinect32`: a skeleton in the body. Its navel and chest lie about 19 and 34 cm above the pelvis, which is between the first two joints
  of SMPL's spine and at the third;
- `panoptic19`: CMU Panoptic's, triangulated from detections of OpenPose's kind, and meant as those are;
- `mhr70`: SAM 3D Body's. A finger's joints count from its tip, so that the third is the knuckle: SMPL's hand joint for the middle finger,
  finger joints for bodies that have them. No body has its points on elbows (olecranon, cubital fossa) and shoulders (acromion), nor its
  neck, as nothing says where that lies.

Sources: the COCO keypoint task; OpenPose's output formats BODY_25, BODY_25B and COCO; Johnson and Everingham, BMVC 2010
(LSP); Andriluka et al., CVPR 2014 (MPII); Ionescu et al., PAMI 2014 (Human3.6M, in the order of the 2D-to-3D lifting
literature); Kolotouros et al., ICCV 2019 (the 49 keypoints); Fang et al., PAMI 2022 (Halpe); Microsoft, Azure Kinect body tracking joints;
Joo et al., PAMI 2017 (Panoptic); MediaPipe's "Pose landmark detection guide" and model card (mediapipe33); the key
point names that SAM 3D Body's release lists as mhr70.
"""

from __future__ import annotations

from dataclasses import dataclass

from smplify_jax.errors import InputError
from smplify_jax.geometry.skeleton import SIDES, SMPL_JOINT_NAMES, mirrored_name


@dataclass(frozen=True)
class Layout:
    """An order of keypoints, and the body points that define them.

    Hashable, so it can be a static argument of a jitted function.

    Attributes:
        name: the name for users, such as "coco17".
        keypoint_names: K unique names; those of the person's left and right side start with "left_" and "right_".
        points: for each keypoint the names of the body points whose mean it is.
    """

    name: str
    keypoint_names: tuple[str, ...]
    points: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if len(self.keypoint_names) != len(self.points) or not all(self.points):
            raise InputError(
                f"layout '{self.name}' has {len(self.keypoint_names)} keypoint names but {len(self.points)} lists of "
                "body points; give each keypoint at least one body point"
            )
        if len(set(self.keypoint_names)) != len(self.keypoint_names):
            raise InputError(f"layout '{self.name}' names a keypoint twice; make the names unique")
        missing = {mirrored_name(name) for name in self.keypoint_names} - set(self.keypoint_names)
        if missing:
            raise InputError(
                f"layout '{self.name}' lacks {', '.join(sorted(missing))}; "
                "a keypoint of one side needs its mirror image"
            )

    @property
    def num_keypoints(self) -> int:
        """Number of keypoints, K."""
        return len(self.keypoint_names)

    @property
    def flip(self) -> tuple[int, ...]:
        """Permutation that swaps left and right.

        Keypoint k of a mirrored picture is keypoint `flip[k]` of the picture itself.
        """
        return tuple(self.index(mirrored_name(name)) for name in self.keypoint_names)

    def index(self, keypoint_name: str) -> int:
        """Position of a keypoint.

        Raises:
            InputError: the layout has no keypoint of that name.
        """
        if keypoint_name not in self.keypoint_names:
            raise InputError(
                f"layout '{self.name}' has no keypoint '{keypoint_name}'; it has {', '.join(self.keypoint_names)}"
            )
        return self.keypoint_names.index(keypoint_name)


_Row = tuple[str, tuple[str, ...]]


def _rows(names: str) -> tuple[_Row, ...]:
    """Rows of keypoint names, separated by spaces, that have the same meaning in every detector's layout."""
    return tuple((name, DETECTED_POINTS.get(name, (name,))) for name in names.split())


def _layout(name: str, *rows: _Row) -> Layout:
    keypoint_names, points = zip(*rows, strict=True)
    return Layout(name, keypoint_names, points)


_SHOULDERS = ("left_shoulder", "right_shoulder")
_HIPS = ("left_hip_keypoint", "right_hip_keypoint")
_MIDDLE_OF_NECK = ("neck", "head")

DETECTED_POINTS: dict[str, tuple[str, ...]] = {
    "left_hip": ("left_hip_keypoint",),
    "right_hip": ("right_hip_keypoint",),
    "neck": _SHOULDERS,
    "thorax": _SHOULDERS,
    "mid_hip": _HIPS,
    "pelvis": _HIPS,
    "upper_neck": _MIDDLE_OF_NECK,
}
"""Body points of the keypoints that differ from the body point of the same name; any other keypoint is that body point."""

_COCO17 = _rows(
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow "
    "left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
)
_FEET = _rows("left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel")
_OPENPOSE_UPPER_BODY = _rows("nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist")
_OPENPOSE_LEGS = _rows("right_hip right_knee right_ankle left_hip left_knee left_ankle")
_OPENPOSE_FACE = _rows("right_eye left_eye right_ear left_ear")
_OPENPOSE25 = (*_OPENPOSE_UPPER_BODY, *_rows("mid_hip"), *_OPENPOSE_LEGS, *_OPENPOSE_FACE, *_FEET)
_HALPE26 = (
    *_COCO17,
    *_rows("head_top neck mid_hip"),
    *_rows("left_big_toe right_big_toe left_small_toe right_small_toe left_heel right_heel"),
)
_LSP_LIMBS = _rows(
    "right_ankle right_knee right_hip left_hip left_knee left_ankle "
    "right_wrist right_elbow right_shoulder left_shoulder left_elbow left_wrist"
)
_LSP14 = (*_LSP_LIMBS, ("neck", _MIDDLE_OF_NECK), *_rows("head_top"))

# Human3.6M's trunk is the motion capture skeleton. Its bones from pelvis to spine, spine to thorax, thorax to "jaw"
# (also called neck or nose) and thorax to head are about 23, 26, 12 and 24 cm long; these body points reproduce them.
_H36M_SPINE: _Row = ("spine", ("spine2",))
_H36M_JAW: _Row = ("jaw", ("head", "nose"))
_H36M_HEAD: _Row = ("head", ("head_top",))
_H36M_LEFT_LEG: tuple[_Row, ...] = tuple((name, (name,)) for name in ("left_hip", "left_knee", "left_ankle"))
_H36M_RIGHT_LEG: tuple[_Row, ...] = tuple((name, (name,)) for name in ("right_hip", "right_knee", "right_ankle"))


def _joints(names: str) -> tuple[_Row, ...]:
    """Rows of keypoints that are the body's own joints, hips and neck too."""
    return tuple((name, (name,)) for name in names.split())


def _kinect_arm(side: str) -> tuple[_Row, ...]:
    return (
        (f"{side}_clavicle", (f"{side}_collar",)),
        *_joints(" ".join(f"{side}_{name}" for name in ("shoulder", "elbow", "wrist", "hand"))),
        (f"{side}_hand_tip", (f"{side}_middle_tip",)),
        (f"{side}_thumb", (f"{side}_thumb_tip",)),
    )


def _mhr_hand(side: str) -> tuple[_Row, ...]:
    """A hand's fingers from their tips to their knuckles, then the wrist."""
    rows: list[_Row] = []
    for finger in ("thumb", "index", "middle", "ring", "pinky"):
        rows.append((f"{side}_{finger}_tip", (f"{side}_{finger}_tip",)))
        for number, joint in ((3, "first"), (2, "second"), (1, "third")):
            is_hand_joint = (finger, number) == ("middle", 1)
            point = f"{side}_hand" if is_hand_joint else f"{side}_{finger}{number}"
            rows.append((f"{side}_{finger}_{joint}_joint", (point,)))
    return (*rows, *_rows(f"{side}_wrist"))


_KINECT32 = (
    *_joints("pelvis"),
    ("spine_navel", ("spine1", "spine2")),
    ("spine_chest", ("spine3",)),
    *_joints("neck"),
    *_kinect_arm("left"),
    *_kinect_arm("right"),
    *_joints("left_hip left_knee left_ankle left_foot right_hip right_knee right_ankle right_foot"),
    *_joints("head nose left_eye left_ear right_eye right_ear"),
)
_PANOPTIC19 = (
    *_rows("neck nose mid_hip"),
    *_rows("left_shoulder left_elbow left_wrist left_hip left_knee left_ankle"),
    *_rows("right_shoulder right_elbow right_wrist right_hip right_knee right_ankle"),
    *_rows("left_eye left_ear right_eye right_ear"),
)
_MEDIAPIPE33 = (
    *_rows("nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer left_ear right_ear"),
    *_rows("left_mouth right_mouth"),
    *_rows("left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist"),
    *((f"{side}_{finger}", (f"{side}_{finger}_knuckle",)) for finger in ("pinky", "index", "thumb") for side in SIDES),
    *_rows("left_hip right_hip left_knee right_knee left_ankle right_ankle left_heel right_heel"),
    *((f"{side}_foot_index", (f"{side}_big_toe",)) for side in SIDES),
)
_KNUCKLES = tuple(
    (f"{side}_{finger}_knuckle", (f"{side}_hand" if finger == "middle" else f"{side}_{finger}_knuckle",))
    for side in SIDES
    for finger in ("thumb", "index", "middle", "pinky")
)
_MHR70 = (
    *(row for row in _COCO17 if not row[0].endswith("_wrist")),
    *_FEET,
    *_mhr_hand("right"),
    *_mhr_hand("left"),
    *_joints("left_olecranon right_olecranon left_cubital_fossa right_cubital_fossa left_acromion right_acromion"),
    ("neck", ("mhr_neck",)),
)


def _from_dataset(dataset: str, rows: tuple[_Row, ...]) -> tuple[_Row, ...]:
    """Rows with the data set's name appended to the keypoint's: the 49 keypoints contain most of the body twice."""
    return tuple((f"{name}_{dataset}", points) for name, points in rows)


LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        _layout("lsp14", *_LSP14),
        _layout("coco17", *_COCO17),
        _layout("coco23", *_COCO17, *_FEET),
        _layout("openpose18", *_OPENPOSE_UPPER_BODY, *_OPENPOSE_LEGS, *_OPENPOSE_FACE),
        _layout("openpose25", *_OPENPOSE25),
        _layout("openpose25b", *_COCO17, *_rows("upper_neck head_top"), *_FEET),
        _layout("halpe26", *_HALPE26),
        _layout(
            "mpii16",
            *_rows("right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis thorax upper_neck head_top"),
            *_rows("right_wrist right_elbow right_shoulder left_shoulder left_elbow left_wrist"),
        ),
        _layout(
            "h36m17",
            ("pelvis", ("pelvis",)),
            *_H36M_RIGHT_LEG,
            *_H36M_LEFT_LEG,
            _H36M_SPINE,
            ("thorax", ("neck",)),
            _H36M_JAW,
            _H36M_HEAD,
            *_rows("left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist"),
        ),
        _layout("smpl24", *((name, (name,)) for name in SMPL_JOINT_NAMES)),
        _layout(
            "spin49",
            *_OPENPOSE25,
            *_from_dataset("lsp", _LSP14),
            *_from_dataset("mpii", _rows("pelvis thorax")),
            *_from_dataset("h36m", (_H36M_SPINE, _H36M_JAW, _H36M_HEAD)),
            *_from_dataset("coco", _rows("nose left_eye right_eye left_ear right_ear")),
        ),
        _layout("mediapipe33", *_MEDIAPIPE33),
        _layout("coco23_hands", *_COCO17, *_FEET, *_KNUCKLES),
        _layout("openpose25_hands", *_OPENPOSE25, *_KNUCKLES),
        _layout("halpe26_hands", *_HALPE26, *_KNUCKLES),
        _layout("kinect32", *_KINECT32),
        _layout("panoptic19", *_PANOPTIC19),
        _layout("mhr70", *_MHR70),
    )
}
"""All layouts of the library by name."""

POINTS_OF_NO_BODY = frozenset(
    [
        *(f"{side}_{name}" for side in SIDES for name in ("olecranon", "cubital_fossa", "acromion")),
        *(f"{side}_{name}" for side in SIDES for name in ("eye_inner", "eye_outer", "mouth")),
        "mhr_neck",
    ]
)
"""Points in layouts that no body here defines; their keypoints are not used, unless a body with such points of its own is given."""

POINT_LAYOUTS = ("kinect32", "panoptic19", "mhr70")
"""Layouts of programs that give 3D points."""


HAND_LAYOUTS: dict[str, tuple[str, ...]] = {
    "coco23_hands": ("coco23", "coco17"),
    "openpose25_hands": ("openpose25", "openpose18"),
    "halpe26_hands": ("halpe26",),
}
"""Layouts with knuckles, and those without whose keypoints they all have: the first is the body that they begin with."""


def pictured_layouts() -> list[Layout]:
    """Layouts of keypoints in pictures that files have: one that does not say its layout is taken to have one of these.

    Those with knuckles are not among them: readers take the knuckles from files with all points of hands.
    """
    return [layout for layout in LAYOUTS.values() if layout.name not in (*POINT_LAYOUTS, *HAND_LAYOUTS)]


def get_layout(layout: str | Layout) -> Layout:
    """The layout of that name; a `Layout` is returned as it is, so that users can define their own.

    Raises:
        InputError: no layout has that name; the message lists the known ones.
    """
    if isinstance(layout, Layout):
        return layout
    if layout not in LAYOUTS:
        raise InputError(f"there is no keypoint layout {layout!r}; use one of {', '.join(LAYOUTS)}")
    return LAYOUTS[layout]
