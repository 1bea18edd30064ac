"""The renderer for videos draws what the renderer for pictures draws."""

from __future__ import annotations

import numpy as np
import trimesh

from smplify_jax.pictures.quick_raycast import render_tile
from smplify_jax.pictures.raycast import Shape, render_shapes
from smplify_jax.pictures.side_view import SideView

SIZE, FOCAL, CENTER = (160, 120), np.array([150.0, 150.0]), np.array([80.0, 60.0])


def ball(center: tuple[float, float, float], radius: float, color: tuple[int, int, int]) -> Shape:
    mesh = trimesh.creation.icosphere(3, radius)
    return Shape(np.asarray(mesh.vertices) + center, np.asarray(mesh.faces), color)


NEAR, FAR = ball((-0.2, 0.0, 2.0), 0.4, (200, 60, 60)), ball((0.3, 0.0, 3.0), 0.6, (60, 60, 200))


def drawn(shapes: list[Shape]) -> np.ndarray:
    picture = np.full((SIZE[1], SIZE[0], 3), 100, np.uint8)
    tile = render_tile(shapes, FOCAL, CENTER, SIZE)
    assert tile is not None
    tile.lay_over(picture, 0.8)
    return picture


def test_it_differs_from_the_other_renderer_by_no_more_than_smooth_surfaces_do():
    rendered = render_shapes([NEAR, FAR], FOCAL, CENTER, SIZE).astype(float)
    coverage = 0.8 * rendered[..., 3:] / 255
    expected = rendered[..., :3] * coverage + 100 * (1 - coverage)
    difference = np.abs(drawn([NEAR, FAR]) - expected).max(axis=2)
    assert np.percentile(difference, 99) < 4  # of 255
    assert (difference > 30).mean() < 0.002  # rims that pass between the centres of pixels


def test_the_nearer_body_covers_the_farther_one_in_any_order():
    one, other = drawn([NEAR, FAR]), drawn([FAR, NEAR])
    np.testing.assert_array_equal(one, other)
    middle = one[60, 65].astype(int)  # where the balls overlap
    assert middle[0] > middle[2] + 40


def test_the_rest_of_the_picture_stays_as_it_is():
    assert (drawn([NEAR])[:, 120:] == 100).all()


def test_nothing_to_see_gives_nothing():
    assert render_tile([], FOCAL, CENTER, SIZE) is None
    assert render_tile([ball((50.0, 0.0, 2.0), 0.3, (9, 9, 9))], FOCAL, CENTER, SIZE) is None
    broken = Shape(np.full((3, 3), np.nan), np.array([[0, 1, 2]]))
    assert render_tile([broken], FOCAL, CENTER, SIZE) is None


def test_from_the_side_what_is_farther_is_on_the_right():
    joints = np.array([[[0.0, -0.8, 2.0], [0.0, 0.8, 2.0]], [[0.0, -0.8, 4.0], [0.0, 0.8, 4.0]]])
    view = SideView.of([joints], 200)
    assert view.size == (100, 200)
    empty = view.draw([]).astype(int)

    def column(depth: float) -> float:
        drawn = view.draw([ball((0.3, 0.0, depth), 0.2, (200, 60, 60))]).astype(int)
        return float(np.nonzero(np.abs(drawn - empty).max(axis=2) > 20)[1].mean())

    assert 5 < column(2.0) < 35 < 65 < column(4.0) < 95


def test_from_the_side_without_anybody_there_is_an_empty_room():
    assert SideView.of([], 100).draw([]).shape == (100, 50, 3)
    assert SideView.of([np.full((2, 24, 3), np.nan)], 100).draw([]).shape == (100, 50, 3)
