"""Pictures show what the camera sees, at the right place and the right side up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import ExifTags, Image

from smplify_jax.errors import InputError
from smplify_jax.files.images import load_image, read_image_size, save_image
from smplify_jax.geometry.mesh_normals import vertex_normals
from smplify_jax.pictures.raycast import Shape, render, render_shapes
from smplify_jax.pictures.views import contact_sheet, render_views

SIZE = (120, 160)
FOCAL = np.array([200.0, 220.0])
CENTER = np.array([57.0, 83.0])
RED, BLUE = (255, 0, 0), (0, 0, 255)


def _ball(center: tuple[float, float, float], radius: float) -> tuple[np.ndarray, np.ndarray]:
    sphere = trimesh.creation.icosphere(subdivisions=4, radius=radius)
    return np.asarray(sphere.vertices) + center, np.asarray(sphere.faces)


def _project(point: np.ndarray) -> np.ndarray:
    return FOCAL * point[:2] / point[2] + CENTER


def test_silhouette_of_a_ball_has_the_area_of_the_analytic_ellipse():
    center, radius = np.array([0.12, -0.1, 2.0]), 0.3
    alpha = render(*_ball(tuple(center), radius), FOCAL, CENTER, SIZE, supersampling=4)[..., 3] / 255
    # A ray d touches the ball where (d.c)^2 = |d|^2 (|c|^2 - r^2): a conic, counted here on a fine grid.
    fine = (np.arange(SIZE[0] * 8) + 0.5) / 8, (np.arange(SIZE[1] * 8) + 0.5) / 8
    x, y = np.meshgrid((fine[0] - CENTER[0]) / FOCAL[0], (fine[1] - CENTER[1]) / FOCAL[1])
    along = x * center[0] + y * center[1] + center[2]
    inside = along**2 >= (x**2 + y**2 + 1) * (center @ center - radius**2)
    expected = inside.reshape(SIZE[1], 8, SIZE[0], 8).mean(axis=(1, 3))
    # The icosphere's faces lie up to 0.3 % of the radius inside the ball: 0.6 % of the area.
    assert alpha.sum() == pytest.approx(expected.sum(), rel=0.01)
    # Pixel by pixel only the rim can differ, by the sampling of its coverage.
    assert np.abs(alpha - expected).max() < 0.5
    assert np.mean(np.abs(alpha - expected) > 0.02) < 0.05


def test_a_small_ball_is_drawn_where_the_camera_projects_it():
    for point in ([0.4, 0.3, 2.0], [-0.3, 0.5, 1.7], [0.2, -0.6, 3.0]):
        alpha = render(*_ball((point[0], point[1], point[2]), 0.02), FOCAL, CENTER, SIZE, supersampling=4)[..., 3]
        rows, columns = np.nonzero(alpha)
        weights = alpha[rows, columns].astype(float)
        # Pixel (i, j) has its centre at (i + 0.5, j + 0.5).
        seen = np.array([np.average(columns + 0.5, weights=weights), np.average(rows + 0.5, weights=weights)])
        # Samples are 0.25 px apart and a ball of 3 px has some hundred of them on its rim.
        np.testing.assert_allclose(seen, _project(np.array(point)), atol=0.1)


def test_the_nearer_body_covers_the_farther_one_in_any_order():
    near = Shape(*_ball((0.0, 0.0, 2.0), 0.1), color=RED)
    far = Shape(*_ball((0.0, 0.0, 3.0), 0.4), color=BLUE)
    pictures = [render_shapes(shapes, FOCAL, CENTER, SIZE) for shapes in ([near, far], [far, near])]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    x, y = np.floor(CENTER).astype(int)
    assert pictures[0][y, x, 0] > 0
    assert pictures[0][y, x, 2] < pictures[0][y, x, 0]
    beside = pictures[0][y, x + 20]
    assert beside[2] > beside[0]


def test_alpha_is_zero_outside_and_full_inside():
    picture = render(*_ball((0.0, 0.0, 2.0), 0.3), FOCAL, CENTER, SIZE)
    assert picture.shape == (SIZE[1], SIZE[0], 4)
    assert picture.dtype == np.uint8
    assert picture[0, 0, 3] == 0
    assert picture[83, 57, 3] == 255
    assert 0 < picture[..., 3].astype(float).mean() < 255


def test_rim_keeps_the_color_of_the_body():
    # Straight alpha: half covered pixels are not darkened a second time by the black of the missed samples.
    picture = render(*_ball((0.0, 0.0, 2.0), 0.3), FOCAL, CENTER, SIZE, color=(200, 200, 200))
    rim = picture[(picture[..., 3] > 0) & (picture[..., 3] < 255)]
    assert rim[:, :3].min() > 20


def test_a_body_around_the_camera_or_behind_it_is_handled():
    behind = render(*_ball((0.0, 0.0, -2.0), 0.3), FOCAL, CENTER, SIZE)
    assert behind[..., 3].max() == 0
    around = render(*_ball((0.0, 0.0, 0.0), 1.0), FOCAL, CENTER, SIZE)
    assert around[..., 3].min() == 255


def test_a_body_that_is_not_finite_gives_an_empty_picture():
    vertices, faces = _ball((0.0, 0.0, 2.0), 0.3)
    vertices[3] = np.nan
    assert render(vertices, faces, FOCAL, CENTER, SIZE).max() == 0
    assert render_shapes([], FOCAL, CENTER, SIZE).max() == 0


def test_normals_of_a_ball_point_outwards():
    vertices, faces = _ball((0.0, 0.0, 0.0), 1.0)
    np.testing.assert_allclose(vertex_normals(vertices, faces), vertices, atol=0.01)  # facets of 4 degrees


def test_front_view_shows_the_bodys_left_on_the_right_of_the_picture():
    front, right_side, back, left_side = render_views(*_landmarks())
    assert _side_of_small_ball(front) > 0
    assert _side_of_small_ball(back) < 0
    # The big ball's bump is in front (+z): seen from the body's right side, it looks to the right.
    bump_right = _landmarks(bump=True)
    assert _side_of_small_ball(render_views(*bump_right, yaws=[90.0])[0]) > 0
    assert right_side.shape == left_side.shape


def test_views_have_up_at_the_top():
    vertices, faces = _landmarks()
    view = render_views(vertices, faces, yaws=[0.0], orthographic=True)[0]
    rows = np.nonzero(view[..., 3])[0]
    small_is_up = np.nonzero(view[..., 3].any(axis=0))[0]
    top_columns = np.nonzero(view[rows.min()])[0]
    assert top_columns.mean() < small_is_up.mean()  # the big ball reaches highest, and stands left of the small one


def _landmarks(bump: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """A big ball at the origin with a small one to the body's left (+x), or in front (+z)."""
    big, faces = _ball((0.0, 0.0, 0.0), 0.3)
    small, _ = _ball((0.0, 0.0, 0.5) if bump else (0.5, 0.0, 0.0), 0.1)
    return np.concatenate([big, small]), np.concatenate([faces, faces + len(big)])


def _side_of_small_ball(view: np.ndarray) -> float:
    """Where the narrow half of the silhouette is: positive on the right."""
    columns = (view[..., 3] > 0).sum(axis=0)
    extent = np.nonzero(columns)[0]
    halves = np.array_split(columns[extent.min() : extent.max() + 1], 2)
    return float(halves[0].max() - halves[1].max())


def test_contact_sheet_has_a_cell_for_every_picture():
    pictures = [np.full((20, 10, 3), value, np.uint8) for value in (10, 60, 110, 160, 210)]
    sheet = contact_sheet(pictures, columns=3, gap=2)
    assert sheet.shape == (2 * 22 + 2, 3 * 12 + 2, 3)
    for index, value in enumerate((10, 60, 110, 160, 210)):
        row, column = divmod(index, 3)
        assert (sheet[2 + row * 22 + 10, 2 + column * 12 + 5] == value).all()


def test_a_saved_picture_reads_back(tmp_path: Path):
    picture = np.random.default_rng(0).integers(0, 255, (12, 9, 3), np.uint8)
    save_image(tmp_path / "a.png", picture)
    np.testing.assert_array_equal(load_image(tmp_path / "a.png"), picture)


def test_a_file_that_is_no_picture_is_named_in_the_error(tmp_path: Path):
    path = tmp_path / "notes.png"
    path.write_text("not a picture")
    with pytest.raises(InputError, match=r"notes\.png cannot be read as a picture"):
        load_image(path)
    with pytest.raises(InputError, match=r"gone\.png: there is no such file"):
        load_image(tmp_path / "gone.png")


def test_colors_of_vertices_are_blended_between_them():
    vertices = np.array([[-1.0, -1.0, 2.0], [1.0, -1.0, 2.0], [1.0, 1.0, 2.0], [-1.0, 1.0, 2.0]])
    faces = np.array([[0, 2, 1], [0, 3, 2]])
    colors = np.array([[200, 0, 0], [0, 200, 0], [0, 200, 0], [200, 0, 0]])  # red on the left, green on the right
    picture = render_shapes([Shape(vertices, faces, colors)], FOCAL, CENTER, SIZE)
    row = picture[83].astype(float)
    share_of_red = row[:, 0] / (row[:, 0] + row[:, 1])
    expected = 0.5 - (np.arange(SIZE[0]) + 0.5 - CENTER[0]) * 2 / FOCAL[0] / 2
    np.testing.assert_allclose(share_of_red, expected, atol=0.02)  # 8 bits of at most 200


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_size_of_a_turned_picture_is_that_of_its_pixels(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / "turned.png"
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(path, kind, exif=exif)
    width, height = read_image_size(path)
    assert load_image(path).shape == (height, width, 3)
    assert (width, height) == ((30, 40) if orientation in (6, 8) else (40, 30))
