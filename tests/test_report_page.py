"""The report page: what is in it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from dataset_fits import draw_fits
from pages import EVIL, NUM_FRAMES, data_of, draw_motion, draw_people, unpacked, write_people
from scipy.spatial.transform import Rotation

from smplify_jax.camera.pinhole import Camera
from smplify_jax.errors import InputError
from smplify_jax.geometry.frames import UPRIGHT_FROM_CAMERA
from smplify_jax.pictures.report.packing import encoding_for, quantized, skin
from smplify_jax.result import FitResult
from smplify_jax.result.skinning import skinned
from smplify_jax.result.warning_sentences import warnings_of


@pytest.fixture(scope="module")
def people() -> tuple[np.ndarray, FitResult]:
    return draw_people()


@pytest.fixture(scope="module")
def motion() -> FitResult:
    return draw_motion()


@pytest.fixture(scope="module")
def page_of_people(people: tuple[np.ndarray, FitResult], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_people(tmp_path_factory.mktemp("page") / "people.html", people)


def test_a_skinned_motion_has_the_vertices_of_the_result(motion: FitResult):
    one = skinned(motion)
    joints, weights = skin(np.asarray(motion.body.lbs_weights))
    expected = np.asarray(motion.vertices()) @ UPRIGHT_FROM_CAMERA.T
    for frame in range(NUM_FRAMES):
        posed = one.rest + np.tensordot(one.amounts[frame], one.displacements, 1)
        moved = np.einsum("vnab,vb->vna", one.transforms[frame, :, :, :3][joints], posed)
        moved += one.transforms[frame, :, :, 3][joints]
        vertices = np.einsum("vn,vna->va", weights / 65535, moved)
        if frame == 3:
            assert not np.isfinite(one.transforms[frame]).any()
            continue
        # Seven poses have six directions, so nothing is left out: weights of 16 bits are off by 8e-6, times metres.
        np.testing.assert_allclose(vertices, expected[frame], atol=5e-5)


def test_few_directions_reproduce_a_long_motion():
    _, result = draw_fits(2)
    shares = np.linspace(0, 1, 60)[:, None]
    turns = [Rotation.from_rotvec(np.asarray(result.body_pose)[k].reshape(-1, 3)).as_rotvec().ravel() for k in (0, 1)]
    pose = (1 - shares) * turns[0] + shares * turns[1]
    frames = jax.tree.map(lambda leaf: np.repeat(np.asarray(leaf)[:1], 60, axis=0), result)
    frames.body_pose[:] = pose
    one = skinned(frames)
    assert len(one.displacements) <= 6  # between two poses, displacements lie near a curve
    at = [10, 35]
    vertices = np.asarray(frames[np.arange(8) + 30].vertices())  # eight at a time, for which other tests compile too
    posed = one.rest + np.tensordot(one.amounts[at[1]], one.displacements, 1)
    blended = np.einsum("vj,jab->vab", np.asarray(result.body.lbs_weights), one.transforms[at[1]])
    here = np.einsum("vab,vb->va", blended[..., :3], posed) + blended[..., 3]
    distance = np.linalg.norm(here @ UPRIGHT_FROM_CAMERA.T - vertices[5], axis=-1)
    assert np.sqrt((distance**2).mean()) < 3e-4
    assert distance.max() < 4e-3


def test_frames_that_were_fitted_apart_keep_their_shapes(motion: FitResult):
    betas = np.array(motion.betas)
    betas[:, 0] += np.linspace(-1.0, 1.0, NUM_FRAMES)
    apart = replace(motion, betas=betas)
    one = skinned(apart)
    posed = one.rest + np.tensordot(one.amounts[-1], one.displacements, 1)
    blended = np.einsum("vj,jab->vab", np.asarray(apart.body.lbs_weights), one.transforms[-1])
    here = np.einsum("vab,vb->va", blended[..., :3], posed) + blended[..., 3]
    expected = np.asarray(apart.vertices())[-1] @ UPRIGHT_FROM_CAMERA.T
    # Few frames have as few directions, so nothing is left out but float32's rounding.
    np.testing.assert_allclose(here, expected, atol=5e-5)


def test_packed_numbers_are_within_half_a_step():
    rows = np.random.default_rng(0).normal(size=(40, 3))
    packed = quantized(rows)
    assert np.abs(unpacked(packed) - rows).max() <= 0.5 * packed["scale"] * 1.0001
    assert packed["scale"] == pytest.approx(np.abs(rows).max() / 32767)


def test_many_pictures_become_small_and_then_fewer():
    noisy = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    large, small, some = (encoding_for(noisy, count, 300_000) for count in (1, 4, 40))
    assert large[0] > small[0]
    assert (small[2], some[0]) == (1, 320)
    assert some[2] > 1


def test_the_page_asks_for_nothing_and_names_cannot_break_out(page_of_people: Path):
    page = page_of_people.read_text()
    assert "<img src=x" not in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    assert data_of(page_of_people)["scenes"][0]["people"][2]["name"] == EVIL
    assert "three.js authors" in page


def test_a_person_of_300_frames_stays_small(motion: FitResult, tmp_path: Path):
    many = jax.tree.map(lambda leaf: np.tile(leaf, (38, *(1,) * (leaf.ndim - 1)))[:300], motion)
    picture = np.random.default_rng(0).integers(0, 256, (90, 160, 3), np.uint8)
    keypoints = np.zeros((300, 17, 3))
    path = tmp_path / "long.html"
    many.report(path, images=lambda _frame: picture, keypoints=keypoints, times=np.arange(300) / 30)
    assert path.stat().st_size < 6e6


def test_frames_that_were_fitted_together_are_a_motion(motion: FitResult, tmp_path: Path):
    path = tmp_path / "motion.html"
    replace(motion, velocities=np.zeros((NUM_FRAMES, 24, 3))).report(path)
    (scene,) = data_of(path)["scenes"]
    assert len(scene["people"]) == 1
    np.testing.assert_allclose(scene["times"], np.arange(NUM_FRAMES) / 30, atol=1e-4)
    two = jax.tree.map(lambda leaf: np.stack([leaf, leaf]), motion)
    two.report(path, fps=10)
    (scene,) = data_of(path)["scenes"]
    assert [len(person["statuses"]) for person in scene["people"]] == [NUM_FRAMES] * 2
    assert scene["times"][1] == pytest.approx(0.1)


def test_what_does_not_go_together_is_refused(people: tuple[np.ndarray, FitResult], tmp_path: Path):
    keypoints, result = people
    path = tmp_path / "page.html"
    with pytest.raises(InputError, match="those of the result 3 times"):
        result.report(path, keypoints=keypoints[:2])
    with pytest.raises(InputError, match="2 names for 3 people"):
        result.report(path, names=["a", "b"])
    with pytest.raises(InputError, match="2 times for 3 frames"):
        result.report(path, times=np.arange(2.0))
    with pytest.raises(InputError, match="increasing"):
        result.report(path, times=np.array([0.0, np.nan, 1.0]))
    with pytest.raises(InputError, match="0 names for 3 people"):
        result.report(path, names=[])
    with pytest.raises(InputError, match="layout lsp14 has 14 keypoints, and the result 17"):
        result.report(path, layout="lsp14")
    for fps in (None, 30.0):
        with pytest.raises(InputError, match="nobody to show"):
            result[:0].report(path, keypoints=keypoints[:0], fps=fps)
    camera = Camera(np.array(result.camera.focal_length) * [[1.0], [1.1], [1.0]], result.camera.camera_center)
    with pytest.raises(InputError, match="different cameras"):
        replace(result, camera=camera).report(path)
    assert not path.exists()


@pytest.mark.parametrize(
    ("images", "complaint"),
    [
        ("photo.jpg", "images is 'photo.jpg': give the picture itself"),
        (np.zeros((40, 60), np.uint8), r"the picture is shape \(40, 60\)"),
        (np.zeros((40, 60, 3)), "type float64"),
        ([np.zeros((40, 60, 3), np.uint8)] * 2, "2 images for 3 frames"),
    ],
)
def test_what_is_no_picture_is_refused(people: tuple[np.ndarray, FitResult], tmp_path: Path, images, complaint: str):
    with pytest.raises(InputError, match=complaint):
        people[1].report(tmp_path / "page.html", images=images, fps=30)


def test_warnings_name_what_is_wrong(people: tuple[np.ndarray, FitResult]):
    names = [f"point_{k}" for k in range(17)]
    one = jax.tree.map(lambda leaf: np.array(leaf[:1]), people[1])
    one.quality[:] = 0.3
    one.reprojection_error_px[0, 4] = 0.25 * one.person_height_px[0]
    one.joints_std[0, 22] = (0.0, 0.0, 0.3)
    quality, errors, uncertainty = warnings_of(one, names)
    assert "quality is 0.30" in quality
    assert errors.endswith("person's height: point 4 (25 %).")
    assert uncertainty.endswith(": left hand (30 cm).")
    assert "fewer than 4 keypoints" in warnings_of(people[1][2:], names)[0]
