"""Camera conversions: each undoes its opposite, and each puts body points on the pixels that projecting by hand gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags

from smplify_jax import InputError
from smplify_jax.camera.conversions import (
    camera_of_crop,
    crop_of_camera,
    focal_length_as_35mm,
    focal_length_from_35mm,
    focal_length_from_exif,
    points_in_crop,
    points_in_picture,
    transl_from_weak_perspective,
    transl_in_picture,
    weak_perspective_from_transl,
    weak_perspective_in_crop,
)
from smplify_jax.camera.crop_box import CropBox
from smplify_jax.camera.pinhole import Camera

# Float64 keeps 15 digits; the numbers below span 4 orders of magnitude and a few operations.
EXACT = 1e-9

# All points at the body's own depth: there the crop camera's and the full picture's pixels agree exactly.
BODY = np.array([[0.0, 0.0, 0.0], [0.3, -0.7, 0.0], [-0.4, 0.9, 0.0]])

metres = st.floats(-3, 3)
weak = st.tuples(st.floats(0.1, 2.0), metres, metres)
pixels = st.tuples(st.floats(-500, 3000), st.floats(-500, 3000))
side = st.floats(20, 3000)
focal = st.floats(200, 10000)


def by_hand(points: np.ndarray, focal_length: float, center: tuple[float, float]) -> np.ndarray:
    return focal_length * points[:, :2] / points[:, 2:] + np.array(center)


@given(weak=weak, focal_length=focal, crop_size=side)
def test_weak_perspective_and_transl_undo_each_other(weak, focal_length, crop_size):
    transl = transl_from_weak_perspective(weak, focal_length, crop_size)
    np.testing.assert_allclose(weak_perspective_from_transl(transl, focal_length, crop_size), weak, EXACT, EXACT)


@given(weak=weak, focal_length=focal, crop_size=side)
def test_weak_perspective_puts_points_where_its_transl_projects_them(weak, focal_length, crop_size):
    scale, shift_x, shift_y = weak
    expected = (1 + scale * (BODY[:, :2] + [shift_x, shift_y])) * crop_size / 2
    transl = transl_from_weak_perspective(weak, focal_length, crop_size)
    np.testing.assert_allclose(by_hand(BODY + transl, focal_length, (crop_size / 2,) * 2), expected, 1e-7, 1e-7)


def test_the_published_numbers_of_a_224_px_crop_give_the_published_depth():
    transl = transl_from_weak_perspective((0.9, 0.01, 0.2), 5000.0, 224)
    np.testing.assert_allclose(transl, (0.01, 0.2, 2 * 5000 / (224 * 0.9)), EXACT)


@given(weak=weak, center=pixels, box_side=side, focal_length=focal, camera_center=pixels)
def test_crop_and_picture_undo_each_other(weak, center, box_side, focal_length, camera_center):
    transl = transl_in_picture(weak, center, box_side, focal_length, camera_center)
    back = weak_perspective_in_crop(transl, center, box_side, focal_length, camera_center)
    # The offset of a small, far box is up to thousands of metres, of which the shift is a difference.
    np.testing.assert_allclose(back, weak, 1e-7, 1e-7)


@given(weak=weak, center=pixels, box_side=side, focal_length=focal, camera_center=pixels, crop_size=side)
def test_picture_and_crop_show_points_at_the_same_place(weak, center, box_side, focal_length, camera_center, crop_size):
    in_crop = by_hand(BODY + transl_from_weak_perspective(weak, 5000.0, crop_size), 5000.0, (crop_size / 2,) * 2)
    transl = transl_in_picture(weak, center, box_side, focal_length, camera_center)
    in_picture = by_hand(BODY + transl, focal_length, camera_center)
    expected = points_in_picture(in_crop, center, box_side, crop_size)
    np.testing.assert_allclose(in_picture, expected, 1e-6, 1e-6)


@given(center=pixels, box_side=side, crop_size=side, focal_length=focal, camera_center=pixels)
def test_a_cut_out_keeps_the_transl(center, box_side, crop_size, focal_length, camera_center):
    camera = Camera(np.array([focal_length, 0.9 * focal_length]), np.array(camera_center))
    cut_out = crop_of_camera(camera, center, box_side, crop_size)
    points = np.random.default_rng(0).normal((0.0, 0.0, 6.0), 1.0, (5, 3))
    in_picture = camera.focal_length * points[:, :2] / points[:, 2:] + camera.camera_center
    in_crop = np.asarray(cut_out.focal_length) * points[:, :2] / points[:, 2:] + np.asarray(cut_out.camera_center)
    np.testing.assert_allclose(points_in_crop(in_picture, center, box_side, crop_size), in_crop, 1e-7, 1e-6)
    back = camera_of_crop(cut_out, center, box_side, crop_size)
    np.testing.assert_allclose(back.focal_length, camera.focal_length, EXACT)
    np.testing.assert_allclose(back.camera_center, camera.camera_center, 1e-7, 1e-6)


def test_many_people_are_converted_as_one_by_one():
    generator = np.random.default_rng(1)
    weak = generator.uniform(0.5, 1.0, (4, 3))
    centers, sides, focals = generator.uniform(100, 900, (4, 2)), generator.uniform(100, 300, 4), np.full(4, 1200.0)
    together = transl_in_picture(weak, centers, sides, focals, (640, 360))
    for k in range(4):
        alone = transl_in_picture(weak[k], centers[k], sides[k], focals[k], (640, 360))
        np.testing.assert_allclose(together[k], alone, EXACT)


@given(center=pixels, size=side)
def test_boxes_of_spin_and_of_4d_humans_are_the_same_box_in_other_units(center, size):
    box = CropBox.from_center_and_size(center, size)
    assert box.spin_scale == pytest.approx(size / 200)
    assert CropBox.from_spin(center, box.spin_scale).side == pytest.approx(box.side)
    assert CropBox.from_xywh(*box.xywh).center == pytest.approx(box.center, abs=1e-9)
    assert box.enlarged(1.2).side == pytest.approx(1.2 * size)


def test_the_side_of_a_box_is_its_longer_one():
    box = CropBox.from_xyxy(100, 50, 200, 350)
    assert (box.center, box.size, box.side, box.spin_scale) == ((150, 200), (100, 300), 300, 1.5)
    assert CropBox.from_spin(np.array([150.0, 200.0]), np.array([0.5, 1.5])) == box


@pytest.mark.parametrize(
    ("center", "size"),
    [
        ((1, 2), 0),
        ((1, 2), -5),
        ((1, np.nan), 5),
        ((1,), 5),
        ((1, 2), (1, 2, 3)),
        ("ab", 5),
        (None, 5),
        ((1j, 2), 5),
        ((1, 2), [10**400]),
    ],
)
def test_a_box_that_is_none_is_refused(center, size):
    with pytest.raises(InputError, match="a box"):
        CropBox.from_center_and_size(center, size)


def test_scales_and_depths_that_are_not_positive_are_refused():
    for bad in ((0.0, 0, 0), (-1.0, 0, 0), (np.nan, 0, 0)):
        with pytest.raises(InputError, match="s holds a number that is not finite and positive"):
            transl_from_weak_perspective(bad, 5000, 224)
    with pytest.raises(InputError, match="depth"):
        weak_perspective_in_crop((0, 0, -1.0), (5, 5), 10, 1000, (5, 5))
    with pytest.raises(InputError, match="box_side"):
        points_in_crop((0, 0), (5, 5), 0, 224)
    with pytest.raises(InputError, match=r"shape \(2,\)"):
        weak_perspective_from_transl((0, 1.0), 5000, 224)


@given(millimetres=st.floats(8, 800), size=st.tuples(st.integers(100, 8000), st.integers(100, 8000)))
def test_the_35_mm_equivalent_is_undone_and_does_not_change_when_the_picture_is_resized(millimetres, size):
    focal_length = focal_length_from_35mm(millimetres, size)
    assert focal_length_as_35mm(focal_length, size) == pytest.approx(millimetres)
    assert focal_length_from_35mm(millimetres, (2 * size[0], 2 * size[1])) == pytest.approx(2 * focal_length)


def test_a_50_mm_lens_on_film_sees_a_diagonal_of_47_degrees():
    focal_length = focal_length_from_35mm(50.0, (3600, 2400))
    angle = 2 * np.degrees(np.arctan(np.hypot(3600, 2400) / 2 / focal_length))
    assert angle == pytest.approx(46.8, abs=0.1)  # as printed in the tables of lens makers


def exif(**values: object) -> dict[int, object]:
    return {int(ExifTags.Base[name]): value for name, value in values.items()}


def test_exif_tells_the_focal_length():
    expected = 28 * 5000 / np.hypot(36, 24)
    assert focal_length_from_exif(exif(FocalLengthIn35mmFilm=28), (4000, 3000)) == pytest.approx(expected)
    # A sensor of 4000 px on 20 mm behind a lens of 25 mm: 5000 px, of which half is left after halving the picture.
    sensor = exif(
        FocalLengthIn35mmFilm=0,
        FocalLength=25.0,
        FocalPlaneXResolution=2000.0,
        FocalPlaneResolutionUnit=3,
        ExifImageWidth=4000,
        ExifImageHeight=3000,
    )
    assert focal_length_from_exif(sensor, (4000, 3000)) == pytest.approx(5000)
    assert focal_length_from_exif(sensor, (1500, 2000)) == pytest.approx(2500)


@pytest.mark.parametrize("tags", [{}, {"FocalLength": 25.0}, {"FocalLength": "f", "FocalPlaneXResolution": 2000.0}])
def test_exif_that_does_not_tell_gives_no_focal_length(tags):
    assert focal_length_from_exif(exif(**tags), (4000, 3000)) is None
