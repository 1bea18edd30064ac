"""Draw the figures of docs/conventions.md: `python docs/make_convention_pictures.py`.

Frames and axes, the camera, the pixels of a picture, SMPL's joints, and the keypoints of the common layouts, all on the open body.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.spatial.transform import Rotation
from stage import AXIS_COLORS, INK, PAPER, TEXT_SIZE, Stage

from smplify_jax import BodyModel, get_layout, load_body
from smplify_jax.cli.example import EXAMPLE_PICTURE
from smplify_jax.files.images import load_image
from smplify_jax.geometry.frames import UPRIGHT_FROM_CAMERA
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, SMPL_PARENTS
from smplify_jax.pictures.canvas import Canvas
from smplify_jax.pictures.overlay import LIMBS, side_color
from smplify_jax.pictures.palette import BODY_COLOR, SKY_BLUE, YELLOW
from smplify_jax.pictures.raycast import Shape, render_shapes
from smplify_jax.pictures.views import contact_sheet

FOLDER = Path(__file__).parent / "pictures"
NUM_COLORS = 200
"""Shaded skin needs few; a picture is then a third as large."""

PERSON = np.array([0.15, -0.05, 3.0])
"""[m] Where the person of the figures of cameras stands, in the camera frame."""

PICTURE_DEPTH, PICTURE_HALF = 1.0, np.array([0.32, 0.42])
"""[m] Where the picture is drawn before the camera, and half its width and height there."""

LAYOUTS_SHOWN = (
    "coco17",
    "openpose25",
    "openpose18",
    "halpe26",
    "lsp14",
    "mpii16",
    "h36m17",
    "openpose25b",
    "mediapipe33",
)


@dataclass(frozen=True)
class Inset:
    """A part of the body, larger, with keypoints that stand close together.

    Attributes:
        words: what the names of its keypoints begin or end with.
        corner: its top left corner in the picture of a layout [px].
        size: (width, height) [px].
        zoom: as for the whole body, which has 0.66.
        shift: of its middle from that of its keypoints [m].
    """

    words: tuple[str, ...]
    corner: tuple[int, int]
    size: tuple[int, int]
    zoom: float
    shift: tuple[float, float] = (0.0, 0.0)

    def shows(self, name: str, names: Sequence[str]) -> bool:
        """Whether a keypoint is on it; an ankle or wrist alone needs no larger part."""
        shown = [one for one in names if one.startswith(self.words)]
        return name in shown and len(shown) > 1


INSETS = (
    Inset(("nose", "left_eye", "right_eye", "left_ear", "right_ear"), (220, 116), (104, 104), 1.5, (0.0, 0.02)),
    Inset(("left_wrist", "left_pinky", "left_index", "left_thumb"), (220, 228), (104, 60), 2.0),
    Inset(("left_ankle", "left_heel", "left_big", "left_small", "left_foot_index"), (220, 296), (104, 106), 2.3),
    Inset(("right_wrist", "right_pinky", "right_index", "right_thumb"), (6, 228), (104, 60), 2.0),
    Inset(("right_ankle", "right_heel", "right_big", "right_small", "right_foot_index"), (6, 296), (104, 106), 2.3),
)

_FOCAL = 1500.0  # [px] of the drawings of joints and layouts; the body is 5 m away
_DISTANCE = 5.0


def main() -> None:
    """Draw and write every figure."""
    body = load_body()
    _save("frames.png", np.concatenate([_body_frame(body), _camera_frame(body, is_upright=True)], axis=1))
    _save("camera_frame.png", _camera_frame(body, is_upright=False))
    Image.fromarray(_image_axes()).save(FOLDER / "image_axes.jpg", quality=88, optimize=True)
    _save("joints.png", _joints(body))
    _save("layouts.png", _layouts(body))


def _rest(body: BodyModel) -> np.ndarray:
    return np.asarray(body.v_template)


def _in_camera(body: BodyModel) -> np.ndarray:
    """The vertices of a person who stands upright before the camera and faces it, arms lowered a little."""
    pose = np.zeros((23, 3), np.float32)
    for side, sign in (("left", -1), ("right", 1)):
        pose[SMPL_JOINT_NAMES.index(f"{side}_shoulder") - 1, 2] = sign * 1.0
    orient = (Rotation.from_euler("x", 180, degrees=True) * Rotation.from_euler("y", -8, degrees=True)).as_rotvec()
    blocks = {"betas": np.zeros(10), "global_orient": orient, "body_pose": pose.ravel(), "transl": PERSON}
    return np.asarray(body.vertices(**{name: np.asarray(block, np.float32) for name, block in blocks.items()}))


def _body_frame(body: BodyModel) -> np.ndarray:
    stage = Stage((470, 470), np.array([1.9, 1.3, 3.4]), np.array([0.0, -0.16, 0.0]), 830.0)
    stage.shapes([Shape(_rest(body), np.asarray(body.faces), BODY_COLOR)])
    stage.axes(np.zeros(3), np.eye(3), ("x", "y", "z"), 0.52)
    stage.write((235, 22), "body frame: the rest pose", anchor="mm")
    words = ("x to the body's left", "y up", "z to its front")
    for row, (one, color) in enumerate(zip(words, AXIS_COLORS, strict=True)):
        stage.write((14, 395 + 26 * row), one, color)
    return stage.image()


def _camera_frame(body: BodyModel, *, is_upright: bool) -> np.ndarray:
    """A person before a camera, seen from behind the camera and above."""
    size = (560, 470) if is_upright else (1040, 560)
    eye = np.array([2.6, 1.35, 2.2]) if is_upright else np.array([4.2, 1.5, 0.9])
    target = np.array([0.05, -0.25, -1.2]) if is_upright else np.array([0.0, -0.2, -1.45])
    stage = Stage(size, eye, target, 600.0 if is_upright else 1080.0)
    stage.shapes([Shape(_in_camera(body) @ UPRIGHT_FROM_CAMERA.T, np.asarray(body.faces), BODY_COLOR)])
    corners = _corners() @ UPRIGHT_FROM_CAMERA.T
    for start, end in zip(corners, np.roll(corners, 1, axis=0), strict=True):
        stage.line(start, end)
        stage.line(start, np.zeros(3), opacity=0.4)
    if is_upright:
        stage.axes(np.zeros(3), np.eye(3), ("x", "y", "z"), 0.7)
        stage.write((280, 22), "upright frame: mesh() and exported files", anchor="mm")
        words = ("x right", "y up", "z towards the camera, which is at the origin")
    else:
        _draw_projection(stage, body, corners)
        stage.axes(np.zeros(3), UPRIGHT_FROM_CAMERA.T, ("x", "y", "z"), 0.6)
        stage.write((520, 24), "camera frame: every field of a FitResult", anchor="mm")
        words = ("x right", "y down", "z forward; the camera is at the origin")
    for row, (one, color) in enumerate(zip(words, AXIS_COLORS, strict=True)):
        stage.write((14, size[1] - 75 + 26 * row), one, color)
    return stage.image()


def _corners() -> np.ndarray:
    """The corners of the picture in the camera frame, from its top left one on."""
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    return np.column_stack([signs * PICTURE_HALF, np.full(4, PICTURE_DEPTH)])


def _draw_projection(stage: Stage, body: BodyModel, corners: np.ndarray) -> None:
    """A point of the body, its ray, its pixel, and the axes of the pixels."""
    top_left, top_right, _, bottom_left = corners
    right, down = top_right - top_left, bottom_left - top_left
    stage.arrow(top_left, top_left + 1.18 * right, AXIS_COLORS[0], "u")
    stage.arrow(top_left, top_left + 1.14 * down, AXIS_COLORS[1], "v")
    stage.write(stage.pixels(top_left) - (6, 18), "pixel (0, 0)", anchor="rm")
    middle = np.array([0.0, 0.0, -PICTURE_DEPTH])
    stage.dot(middle, YELLOW, 4)
    stage.write(stage.pixels(middle) - (0, 16), "c", anchor="mm")
    vertices = _in_camera(body) @ UPRIGHT_FROM_CAMERA.T
    hand = vertices[vertices[:, 0].argmax()]
    on_picture = hand * PICTURE_DEPTH / -hand[2]
    stage.line(np.zeros(3), hand, INK, 2)
    stage.dot(hand, SKY_BLUE)
    stage.dot(on_picture, SKY_BLUE)
    stage.write(stage.pixels(hand) + np.array([14, 16]), "(x, y, z) [m]")
    stage.write(stage.pixels(on_picture) + np.array([16, 24]), "(u, v) = f · (x/z, y/z) + c [px]")


def _image_axes() -> np.ndarray:
    """The packaged picture with the axes of its pixels."""
    photo = load_image(EXAMPLE_PICTURE)
    height, width = photo.shape[:2]
    left, top = 120, 60
    sheet = np.full((height + 110, width + 400, 3), PAPER, np.uint8)
    sheet[top : top + height, left : left + width] = photo
    canvas = Canvas((sheet.shape[1], sheet.shape[0]), sheet)
    corner, center = np.array([left, top]), np.array([left + width / 2, top + height / 2])
    for tip, color in (((left + width + 26, top), AXIS_COLORS[0]), ((left, top + height + 26), AXIS_COLORS[1])):
        _flat_arrow(canvas, corner, np.array(tip), color)
    point = np.array([left + 356, top + 288])
    for end in ((point[0], top), (left, point[1])):
        canvas.line(point, np.array(end), 2, INK, 0.6)
    for place, color in ((point, SKY_BLUE), (center, YELLOW)):
        canvas.disc(place, 7, INK)
        canvas.disc(place, 5, color)
    picture = Image.fromarray(canvas.to_image()).convert("RGB")
    pen = ImageDraw.Draw(picture)
    beside = left + width + 16
    lines = (
        ((left - 8, top - 18), "(0, 0): the top left corner of the first pixel", INK, "lm"),
        ((beside + 18, top), f"x, to {width}", AXIS_COLORS[0], "lm"),
        ((left - 12, top + height + 20), f"y, to {height}", AXIS_COLORS[1], "rm"),
        ((point[0], top - 6), "356", INK, "mb"),
        ((left - 6, point[1]), "288", INK, "rm"),
        ((beside, point[1]), "keypoint (356, 288, confidence),", INK, "lm"),
        ((beside, point[1] + 22), "the person's left wrist", INK, "lm"),
        ((beside, center[1] + 80), f"camera_center ({width / 2:.0f}, {height / 2:.0f}),", INK, "lm"),
        ((beside, center[1] + 102), "the middle, unless you know it", INK, "lm"),
        ((beside, top + height - 30), f"image_size ({width}, {height})", INK, "lm"),
    )
    font = ImageFont.load_default(TEXT_SIZE - 1)
    for at, words, color, anchor in lines:
        pen.text(at, words, fill=color, font=font, anchor=anchor, stroke_width=3, stroke_fill=PAPER)
    pen.line([(center[0] + 8, center[1] + 3), (beside - 6, center[1] + 80)], fill=INK, width=1)
    pen.line([(point[0] + 8, point[1]), (beside - 6, point[1])], fill=INK, width=1)
    return np.asarray(picture)


def _flat_arrow(canvas: Canvas, start: np.ndarray, end: np.ndarray, color: tuple[int, int, int]) -> None:
    along = (end - start) / np.linalg.norm(end - start)
    across = np.array([-along[1], along[0]])
    canvas.line(start, end, 4, color)
    for side in (1, -1):
        canvas.line(end, end - 14 * along + side * 9 * across, 4, color)


def _seen_from_front(points: np.ndarray, size: tuple[int, int], zoom: float, middle: np.ndarray) -> np.ndarray:
    """Pixels (N, 2) of points in the body frame; `middle` (x, y) [m] is in the middle of the picture."""
    scale = zoom * _FOCAL / (_DISTANCE - points[:, 2:])
    return scale * (points[:, :2] - middle) * (1, -1) + np.array(size) / 2


def _drawn_body(body: BodyModel, size: tuple[int, int], zoom: float, middle: np.ndarray) -> Canvas:
    """The rest pose from its front, pale, so that marks stand out."""
    seen = (_rest(body) - (*middle, 0)) * (1, -1, -1) + (0, 0, _DISTANCE)
    canvas = Canvas(size, np.full((size[1], size[0], 3), PAPER, np.uint8))
    shape = Shape(seen, np.asarray(body.faces), BODY_COLOR)
    canvas.lay_over(render_shapes([shape], np.full(2, zoom * _FOCAL), np.array(size) / 2, size, 3), 0.6)
    return canvas


def _joints(body: BodyModel) -> np.ndarray:
    """SMPL's joints with their numbers, joined to their parents, and their names."""
    size, middle = (620, 580), np.array([0.0, -0.2])
    places = _seen_from_front(np.asarray(body.J_regressor @ body.v_template), size, 1.0, middle)
    canvas = _drawn_body(body, size, 1.0, middle)
    for joint, parent in enumerate(SMPL_PARENTS):
        if parent >= 0:
            canvas.line(places[joint], places[parent], 3, INK, 0.7)
    picture = _numbered(canvas, places, range(len(places)), SMPL_JOINT_NAMES)
    legend = Image.new("RGB", (300, size[1]), PAPER)
    pen, font = ImageDraw.Draw(legend), ImageFont.load_default(TEXT_SIZE - 1)
    for joint, (name, parent) in enumerate(zip(SMPL_JOINT_NAMES, SMPL_PARENTS, strict=True)):
        row = 24 + 23 * joint
        words = f"{joint}  {name}" + (f"  (on {parent})" if parent >= 0 else "  (the root)")
        pen.ellipse((6, row - 7, 20, row + 7), fill=side_color(name), outline=INK)
        pen.text((30, row), words, fill=INK, font=font, anchor="lm")
    return np.concatenate([picture, np.asarray(legend)], axis=1)


def _layouts(body: BodyModel) -> np.ndarray:
    cells = [_layout(body, name) for name in LAYOUTS_SHOWN]
    return contact_sheet(cells, 3, labels=LAYOUTS_SHOWN, gap=4)


def _layout(body: BodyModel, name: str) -> np.ndarray:
    """The keypoints of a layout on the body; those that stand close together are on larger parts beside it."""
    size, zoom, middle = (330, 410), 0.66, np.array([0.0, -0.2])
    names = get_layout(name).keypoint_names
    still = {key: np.zeros(length, np.float32) for key, length in (("betas", 10), ("global_orient", 3), ("transl", 3))}
    points = np.asarray(body.keypoints(**still, body_pose=np.zeros(69, np.float32), layout=name))
    defined = [number for number, point in enumerate(points) if np.isfinite(point).all()]
    points = np.nan_to_num(points)
    parts = [(inset, [number for number in defined if inset.shows(names[number], names)]) for inset in INSETS]
    apart = {number for _, numbers in parts for number in numbers}
    places = _seen_from_front(points, size, zoom, middle)
    canvas = _drawn_body(body, size, zoom, middle)
    at = {names[number]: places[number] for number in defined}
    for start, end in LIMBS:
        if start in at and end in at:
            canvas.line(at[start], at[end], 2, INK, 0.6)
    picture = _numbered(canvas, places, [number for number in defined if number not in apart], names)
    for inset, numbers in parts:
        if numbers:
            _set_in(picture, inset, _numbered_part(body, inset, points, numbers, names))
    return picture


def _numbered_part(
    body: BodyModel, inset: Inset, points: np.ndarray, numbers: Sequence[int], names: tuple[str, ...]
) -> np.ndarray:
    middle = points[numbers, :2].mean(axis=0) + inset.shift
    canvas = _drawn_body(body, inset.size, inset.zoom, middle)
    return _numbered(canvas, _seen_from_front(points, inset.size, inset.zoom, middle), numbers, names)


def _set_in(picture: np.ndarray, inset: Inset, part: np.ndarray) -> None:
    (left, top), (width, height) = inset.corner, inset.size
    framed = np.full((height + 2, width + 2, 3), 170, np.uint8)
    framed[1:-1, 1:-1] = part
    picture[top - 1 : top + height + 1, left - 1 : left + width + 1] = framed


def _numbered(canvas: Canvas, places: np.ndarray, shown: Iterable[int], names: tuple[str, ...]) -> np.ndarray:
    """Discs in the colours of their side, with their numbers inside."""
    shown = list(shown)
    for number in shown:
        canvas.disc(places[number], 10.5, INK)
        canvas.disc(places[number], 9.5, side_color(names[number]))
    picture = Image.fromarray(canvas.to_image()).convert("RGB")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    for number in map(int, shown):
        pen.text(tuple(places[number]), str(number), fill=(0, 0, 0), font=font, anchor="mm")
    return np.array(picture)


def _save(name: str, picture: np.ndarray) -> None:
    image = Image.fromarray(picture).quantize(NUM_COLORS, dither=Image.Dither.NONE)
    image.save(FOLDER / name, optimize=True)


if __name__ == "__main__":
    main()
