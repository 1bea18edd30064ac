"""Overlays put bodies and keypoints where they belong in the picture, in the colours of their side."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from smplify_jax.errors import InputError
from smplify_jax.pictures.canvas import Canvas
from smplify_jax.pictures.overlay import LEFT_COLOR, LIMBS, RIGHT_COLOR, Marks, OverlayStyle, draw_overlay
from smplify_jax.pictures.raycast import Shape

SIZE = (200, 300)
FOCAL = np.array([400.0, 400.0])
CENTER = np.array([100.0, 150.0])
NAMES = ("left_knee", "right_knee", "nose")
DETECTED = np.array([[150.0, 200.0, 1.0], [50.0, 200.0, 0.4], [100.0, 20.0, 1.0]])
PLAIN = OverlayStyle(show_limbs=False, show_fitted=False)


def _ball_ahead(x: float = 0.0, radius: float = 0.2) -> Shape:
    sphere = trimesh.creation.icosphere(subdivisions=3, radius=radius)
    return Shape(np.asarray(sphere.vertices) + np.array([x, 0.0, 2.0]), np.asarray(sphere.faces))


def _gray() -> np.ndarray:
    return np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)


def test_keypoints_are_drawn_at_their_pixels_in_the_color_of_their_side():
    picture = draw_overlay(SIZE, FOCAL, CENTER, marks=[Marks(NAMES, DETECTED)], style=PLAIN)
    assert tuple(picture[200, 150, :3]) == LEFT_COLOR
    assert tuple(picture[200, 50, :3]) == RIGHT_COLOR
    assert picture[200, 150, 3] == 255


def test_without_a_picture_the_background_is_transparent():
    picture = draw_overlay(SIZE, FOCAL, CENTER, [_ball_ahead()], [Marks(NAMES, DETECTED)])
    assert picture.shape == (300, 200, 4)
    assert picture[0, 0, 3] == 0
    assert picture[150, 100, 3] == round(OverlayStyle().body_opacity * 255)


def test_the_picture_stays_as_it_is_where_nothing_is_drawn():
    picture = draw_overlay(SIZE, FOCAL, CENTER, [_ball_ahead()], [Marks(NAMES, DETECTED)], _gray())
    assert (picture[..., 3] == 255).all()
    assert (picture[280:, :, :3] == 90).all()
    assert (picture[150, 100, :3] != 90).any()


def test_a_missing_keypoint_is_not_drawn():
    for missing in ([np.nan, np.nan, 1.0], [80.0, 80.0, 0.0], [80.0, 80.0, np.nan]):
        picture = draw_overlay(SIZE, FOCAL, CENTER, marks=[Marks(("nose",), np.array([missing]))])
        assert picture.max() == 0


def test_a_doubtful_keypoint_is_smaller_than_a_sure_one():
    areas = []
    for confidence in (0.1, 0.5, 1.0):
        marks = Marks(NAMES, DETECTED * (1, 1, 0) + (0, 0, confidence))
        areas.append(int((draw_overlay(SIZE, FOCAL, CENTER, marks=[marks], style=PLAIN)[..., 3] > 0).sum()))
    assert areas[0] < areas[1] < areas[2]


def test_keypoints_of_the_fit_are_marked():
    fitted = DETECTED[:, :2] + (0.0, 25.0)
    picture = draw_overlay(SIZE, FOCAL, CENTER, marks=[Marks(NAMES, DETECTED, fitted)])
    assert picture[225, 150, :3].min() > 150  # the middle of a white cross
    assert picture[200, 150, :3].min() < 100


def test_a_large_picture_is_scaled_down_with_everything_in_place():
    large = (2000, 3000)
    marks = Marks(NAMES, DETECTED * (10, 10, 1))
    body = _ball_ahead(0.1, 0.05)
    style = OverlayStyle(show_limbs=False, show_fitted=False, max_side=300)
    picture = draw_overlay(large, 10 * FOCAL, 10 * CENTER, [body], [marks], style=style)
    np.testing.assert_array_equal(
        picture, draw_overlay(SIZE, FOCAL, CENTER, [body], [Marks(NAMES, DETECTED)], style=PLAIN)
    )


def test_a_picture_of_another_size_is_refused_with_both_sizes():
    with pytest.raises(InputError, match=r"200 x 300 px but the keypoints are of one of 640 x 480 px"):
        draw_overlay((640, 480), FOCAL, CENTER, image=_gray())


def test_marks_beyond_the_border_are_cut_off():
    outside = np.array([[-500.0, 10.0, 1.0], [50.0, 900.0, 1.0], [198.0, 299.0, 1.0]])
    picture = draw_overlay(SIZE, FOCAL, CENTER, marks=[Marks(NAMES, outside)], style=PLAIN)
    assert picture[299, 198, 3] == 255
    assert picture[:200, :150].max() == 0


def test_limbs_join_only_keypoints_that_are_there():
    names = ("left_hip", "left_knee", "left_ankle")
    marks = Marks(names, np.array([[50.0, 50.0, 1.0], [50.0, 150.0, 1.0], [50.0, 250.0, 0.0]]))
    picture = draw_overlay(SIZE, FOCAL, CENTER, marks=[marks])
    assert picture[100, 50, 3] > 0
    assert picture[200, 50, 3] == 0


def test_limbs_are_symmetric():
    mirrored = {frozenset(_mirror(name) for name in limb) for limb in LIMBS}
    assert mirrored == {frozenset(limb) for limb in LIMBS}


def _mirror(name: str) -> str:
    swap = {"left": "right", "right": "left"}
    head, _, tail = name.partition("_")
    return f"{swap.get(head, head)}_{tail}" if tail else name


def test_layers_over_transparency_blend_as_over_a_picture():
    half = np.zeros((4, 4, 4), np.uint8)
    half[...] = (200, 100, 0, 128)
    on_nothing, on_black = Canvas((4, 4)), Canvas((4, 4), np.zeros((4, 4, 3), np.uint8))
    on_nothing.lay_over(half)
    on_black.lay_over(half)
    assert tuple(on_nothing.to_image()[0, 0]) == (200, 100, 0, 128)
    assert tuple(on_black.to_image()[0, 0]) == (100, 50, 0, 255)


def test_a_disc_covers_its_area():
    canvas = Canvas((40, 40))
    canvas.disc(np.array([20.3, 18.8]), 7.5, (255, 255, 255))
    alpha = canvas.to_image()[..., 3].astype(float) / 255
    # Coverage by distance is exact for straight rims; for this radius the curvature is worth less than 0.5 %.
    assert alpha.sum() == pytest.approx(np.pi * 7.5**2, rel=0.005)
    rows, columns = np.indices(alpha.shape) + 0.5
    middle = np.average(columns, weights=alpha), np.average(rows, weights=alpha)
    np.testing.assert_allclose(middle, (20.3, 18.8), atol=0.02)
