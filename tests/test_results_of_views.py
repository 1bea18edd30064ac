"""Saved results of several views, of points and of frames: reading returns what was written, and damage is one sentence."""

import copy
import pickle
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dataset_fits import draw_fits
from rigs import ring
from scipy.spatial.transform import Rotation

from smplify_jax.camera.extrinsics import Extrinsics
from smplify_jax.camera.pinhole import Camera
from smplify_jax.errors import InputError
from smplify_jax.result import FitResult

NUM_FRAMES, NUM_VIEWS = 4, 3


@pytest.fixture(scope="module")
def of_pictures() -> FitResult:
    return jax.tree.map(jnp.asarray, draw_fits(NUM_FRAMES, num_failed=1)[1])


@pytest.fixture(scope="module")
def of_views(of_pictures) -> FitResult:
    """Bodies as three cameras see them; what the fields hold is not what a fit would give."""
    cameras = ring(NUM_VIEWS)

    def repeated(array):
        return jnp.broadcast_to(jnp.asarray(array, jnp.float32), (NUM_FRAMES, *np.shape(array)))

    def by_view(array):
        return jnp.stack([array + view for view in range(NUM_VIEWS)], axis=1)

    return replace(
        of_pictures,
        camera=Camera(by_view(of_pictures.camera.focal_length), by_view(of_pictures.camera.camera_center)),
        keypoints_px=by_view(of_pictures.keypoints_px),
        reprojection_error_px=by_view(of_pictures.reprojection_error_px),
        velocities=jnp.ones_like(of_pictures.joints),
        extrinsics=Extrinsics(
            repeated([camera.rotation for camera in cameras]), repeated([camera.translation for camera in cameras])
        ),
    )


@pytest.fixture(scope="module")
def of_points(of_views) -> FitResult:
    none = jax.tree.map(
        lambda leaf: leaf[:, :0],
        (of_views.camera, of_views.keypoints_px, of_views.reprojection_error_px, of_views.extrinsics),
    )
    camera, keypoints_px, errors, extrinsics = none
    return replace(
        of_views,
        camera=camera,
        keypoints_px=keypoints_px,
        reprojection_error_px=errors,
        extrinsics=extrinsics,
        point_errors=of_views.reprojection_error_px[:, 0] / 1000,
        point_scale=jnp.full(NUM_FRAMES, 1.1),
    )


@pytest.fixture(params=["of_pictures", "of_views", "of_points"])
def result(request) -> FitResult:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("people", [slice(None), 0, slice(0, 0)], ids=["batch", "one", "nobody"])
def test_what_is_loaded_equals_what_was_saved(result, people, tmp_path):
    result[people].save(tmp_path / "fit.npz")
    loaded = FitResult.load(tmp_path / "fit.npz")
    assert loaded == result[people]
    assert jax.tree.structure(loaded) == jax.tree.structure(replace(result[people], body=loaded.body))


def test_pickles_and_copies_keep_everything(result):
    assert pickle.loads(pickle.dumps(result)) == result
    assert copy.deepcopy(result) == result


def test_tracks_of_frames_are_saved_too(result, tmp_path):
    tracks = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), result)
    tracks.save(tmp_path / "tracks.npz")
    assert FitResult.load(tmp_path / "tracks.npz") == tracks


def test_results_differ_if_only_their_extrinsics_do(of_views, of_pictures):
    moved = replace(of_views, extrinsics=replace(of_views.extrinsics, translation=of_views.extrinsics.translation + 1))
    assert moved != of_views
    assert of_views != replace(of_views, velocities=None)
    assert of_views != of_pictures


def without(name):
    return {name: None}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (without("rotation"), "lacks rotation"),
        (without("translation"), "lacks translation"),
        ({"rotation": np.zeros((NUM_FRAMES, NUM_VIEWS, 3))}, r"'rotation' has shape"),
        (
            {"rotation": np.zeros((NUM_FRAMES, 2, 3, 3)), "translation": np.zeros((NUM_FRAMES, 2, 3))},
            r"arrays of 2 and 3 views",
        ),
        ({"translation": np.array("far")}, "'translation' does not hold numbers"),
        ({"velocities": np.zeros((NUM_FRAMES, 5, 3))}, "'velocities' has shape"),
        ({"velocities": np.zeros((NUM_FRAMES, 24, 3), "U1")}, "'velocities' does not hold numbers"),
        ({"keypoints_px": np.zeros((NUM_FRAMES, 17, 2))}, "'keypoints_px' has shape"),
        ({"focal_length": np.zeros((NUM_FRAMES, 2))}, "'focal_length' has shape"),
        ({"point_errors": np.zeros((NUM_FRAMES, 5, 2))}, "'point_errors' has shape"),
        ({"point_errors": np.zeros((NUM_FRAMES, 5))}, "'point_errors' has 5"),
        ({"point_scale": np.zeros((NUM_FRAMES, 5))}, "'point_scale' has shape"),
        (
            {"translation": np.full((NUM_FRAMES, NUM_VIEWS, 3), np.nan)},
            "'translation' of person 0 holds numbers that are not finite",
        ),
        (
            {"rotation": np.full((NUM_FRAMES, NUM_VIEWS, 3, 3), np.inf)},
            "'rotation' of person 0 holds numbers that are not finite",
        ),
    ],
)
def test_damaged_files_are_one_sentence(of_views, changed, words, tmp_path):
    arrays = {name: value for name, value in (of_views.arrays() | changed).items() if value is not None}
    np.savez(tmp_path / "fit.npz", **arrays)
    with pytest.raises(InputError, match=words):
        FitResult.load(tmp_path / "fit.npz")


def test_a_view_can_be_taken_of_one_frame_and_of_all(of_views):
    assert of_views.in_view(1)[2] == of_views[2].in_view(1)


def test_words_of_programs_for_one_picture_are_refused_for_several(of_views, of_points):
    for one in (of_views, of_points):
        with pytest.raises(InputError, match="in_view"):
            one.to_smplify()
    assert of_views.in_view(0).to_smplify()["f"].shape == (NUM_FRAMES, 2)


def test_exported_meshes_of_a_world_with_z_up_have_y_up(of_views, of_points):
    for one in (of_views, of_points):
        x, y, z = np.moveaxis(np.asarray(one[0].vertices()), -1, 0)
        np.testing.assert_allclose(one[0].vertices("upright"), np.stack([x, z, -y], axis=-1), atol=1e-6)
        np.testing.assert_allclose(one.mesh(0).vertices, np.stack([x, z, -y], axis=-1), atol=1e-6)


def same_shape(one):
    return replace(one, betas=jnp.broadcast_to(one.betas[:1], one.betas.shape))


def test_the_world_of_the_first_camera_is_a_camera_frame(of_views):
    """Cameras that nobody calibrated are placed in the frame of the first, which has y down."""
    first = of_views.extrinsics
    turned = np.asarray(first.rotation) @ np.swapaxes(np.asarray(first.rotation)[:, :1], -1, -2)
    turned[:, 0] = np.eye(3)
    shifts = np.asarray(first.translation).copy()
    shifts[:, 0] = 0
    turned[3], shifts[3] = np.nan, np.nan  # the frame without a body
    placed = replace(of_views, extrinsics=Extrinsics(jnp.asarray(turned), jnp.asarray(shifts)))
    vertices = np.asarray(placed[0].vertices())
    np.testing.assert_allclose(placed[0].vertices("upright"), vertices * [1, -1, -1], atol=1e-6)
    motion, of_camera = same_shape(placed).to_amass(25), same_shape(replace(placed, extrinsics=None)).to_amass(25)
    np.testing.assert_array_equal(motion["trans"], of_camera["trans"])
    np.testing.assert_array_equal(motion["poses"], of_camera["poses"])


def test_the_motion_of_a_world_with_z_up_stays_as_it_is(of_views):
    motion = same_shape(of_views).to_amass(25)
    np.testing.assert_allclose(motion["trans"][:3], of_views.transl[:3], atol=1e-6)
    turns = (Rotation.from_rotvec(one[:3]) for one in (motion["poses"][:3, :3], np.asarray(of_views.global_orient)))
    one, other = turns
    np.testing.assert_allclose((one.inv() * other).magnitude(), 0, atol=1e-5)
