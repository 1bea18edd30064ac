"""The report page: what is in it, and what a browser makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest
from browser import CHROMIUM, Page, open_browser
from dataset_fits import draw_fits
from pages import data_of, unpacked
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.geometry.frames import UPRIGHT_FROM_CAMERA
from smplify_jax.pictures.report.packing import encoding_for, quantized, skin
from smplify_jax.result import FitResult
from smplify_jax.result.skinning import skinned
from smplify_jax.result.warned import warnings_of

SIZE = (640, 480)
NUM_FRAMES = 8
EVIL = "</script><img src=x onerror=alert(1)>"
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, which is not installed")


@pytest.fixture(scope="module")
def people() -> tuple[np.ndarray, FitResult]:
    """Keypoints and fits of three people, the last without a body."""
    rows, result = draw_fits(3, num_failed=1)
    return np.stack([row.keypoints for row in rows]), result


@pytest.fixture(scope="module")
def motion() -> FitResult:
    """A person of one shape in eight frames, one of them without a body."""
    _, result = draw_fits(NUM_FRAMES)
    leaves = {"betas": np.tile(result.betas[:1], (NUM_FRAMES, 1))}
    result = jax.tree.map(np.array, result)
    for name, value in leaves.items():
        getattr(result, name)[:] = value
    for leaf in (result.transl, result.global_orient, result.body_pose, result.keypoints_px):
        leaf[3] = np.nan
    result.status[3] = 2
    return result


@pytest.fixture(scope="module")
def page_of_people(people: tuple[np.ndarray, FitResult], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "people.html"
    picture = np.full((*SIZE[::-1], 3), (200, 60, 60), np.uint8)
    people[1].report(path, images=picture, keypoints=people[0], names=["a", "b", EVIL], title=f"All {EVIL}")
    return path


@pytest.fixture(scope="module")
def page_of_motion(motion: FitResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "motion.html"
    pictures = [np.full((*SIZE[::-1], 3), 20 * k, np.uint8) for k in range(NUM_FRAMES)]
    motion.report(path, images=pictures, times=np.arange(NUM_FRAMES) / 4)
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


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


def test_what_does_not_go_together_is_refused(people: tuple[np.ndarray, FitResult], tmp_path: Path):
    keypoints, result = people
    path = tmp_path / "page.html"
    with pytest.raises(InputError, match="those of the result 3 times"):
        result.report(path, keypoints=keypoints[:2])
    with pytest.raises(InputError, match="2 names for 3 people"):
        result.report(path, names=["a", "b"])
    with pytest.raises(InputError, match="2 times for 3 frames"):
        result.report(path, times=np.arange(2.0))
    assert not path.exists()


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


@needs_browser
def test_a_browser_shows_people_and_obeys_keys(
    browser: Page, page_of_people: Path, people: tuple[np.ndarray, FitResult]
):
    browser.resize(1000, 700)
    browser.open(page_of_people)
    assert browser.value("document.body.dataset.view") == "camera"
    vertices = browser.value("Array.from(SmplReport.view.people[1].pose(0))")
    expected = np.asarray(people[1].vertices())[1] @ UPRIGHT_FROM_CAMERA.T
    # Shapes are in steps of 0.04 mm.
    np.testing.assert_allclose(np.asarray(vertices).reshape(-1, 3), expected, atol=2e-4)
    assert len(colors(browser)) > 50
    seen = shot(browser)
    for key, view in (("2", "front"), ("3", "side"), ("4", "top")):
        browser.press(key)
        assert browser.value("document.body.dataset.view") == view
        before, seen = seen, shot(browser)
        assert seen != before
    browser.press("ArrowLeft")
    assert browser.value("document.body.dataset.view") == "free"
    browser.press("r")
    assert browser.value("document.body.dataset.view") == "camera"
    browser.press("Tab")
    assert browser.value("document.activeElement.matches(':focus-visible')")
    assert browser.value("document.querySelector('#people').textContent.includes('</script>')")
    assert not browser.problems


@needs_browser
def test_the_body_is_drawn_where_the_camera_sees_it(
    browser: Page, page_of_people: Path, people: tuple[np.ndarray, FitResult]
):
    browser.resize(1000, 700)
    browser.open(page_of_people)
    browser.value("(SmplReport.view.setShown(1, false), SmplReport.view.showsPicture = false)")
    covered = np.array(browser.value(f"({COVERED})()"))
    placed = browser.value("SmplReport.view.placed")
    pixels = (covered - [placed["x"], placed["y"]]) / placed["scale"]
    vertices = np.asarray(people[1].vertices())[0]
    projected = 800.0 * vertices[:, :2] / vertices[:, 2:] + [320.0, 240.0]
    inside = np.clip(projected, -placed["x"] / placed["scale"], 1e4)
    # To a pixel of the canvas, which is about one of the picture.
    np.testing.assert_allclose(pixels[0], inside.min(axis=0), atol=2.5)
    np.testing.assert_allclose(pixels[1], inside.max(axis=0), atol=2.5)


@needs_browser
def test_a_motion_steps_plays_and_ends(browser: Page, page_of_motion: Path):
    browser.resize(1000, 700)
    browser.open(page_of_motion)
    frame = "Number(document.body.dataset.frame)"
    browser.press("ArrowRight")
    assert browser.value(frame) == 1
    browser.press("ArrowLeft")
    assert browser.value(frame) == 0
    browser.value(
        "document.getElementById('speed').value = '4', document.getElementById('speed').dispatchEvent(new Event('change'))"
    )
    browser.press(" ")
    assert browser.value("document.body.dataset.playing") == "true"
    browser.wait_for(f"{frame} === {NUM_FRAMES - 1} && document.body.dataset.playing === 'false'")
    browser.value(
        "(document.getElementById('frame').value = 3, document.getElementById('frame').dispatchEvent(new Event('input')))"
    )
    assert "fewer than 4 keypoints" in browser.value("document.getElementById('details').textContent")
    assert not browser.problems


@needs_browser
def test_nothing_is_cut_off_from_320_px_to_4k(browser: Page, page_of_motion: Path):
    for width, height, is_dark in ((320, 640, True), (3840, 2160, False)):
        browser.resize(width, height, is_dark=is_dark)
        browser.open(page_of_motion)
        assert browser.value("document.documentElement.scrollWidth") <= width
        assert len(colors(browser)) > 10  # shades of the body
        background = browser.value("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", background))) < 300) == is_dark
        assert not browser.problems


@needs_browser
def test_without_webgl_there_is_a_still_picture(page_of_people: Path, tmp_path: Path):
    with open_browser(tmp_path / "profile", "--disable-gpu", "--disable-3d-apis") as browser:
        browser.open(page_of_people)
        assert "cannot draw in 3D" in browser.value("document.getElementById('message').textContent")
        assert browser.value("document.getElementById('still').naturalWidth") == SIZE[0]
        assert "quality" in browser.value("document.getElementById('details').textContent")
        assert not browser.problems


PIXELS = """() => { const view = SmplReport.view; view.draw(); const canvas = document.createElement('canvas');
  canvas.width = view.canvas.width; canvas.height = view.canvas.height; const pen = canvas.getContext('2d');
  pen.drawImage(view.canvas, 0, 0); return pen.getImageData(0, 0, canvas.width, canvas.height); }"""
COVERED = f"""() => {{ const {{ data, width }} = ({PIXELS})(), low = [1e9, 1e9], high = [0, 0];
  for (let k = 0; 4 * k < data.length; k++) if (data[4 * k + 3] > 100) [k % width, Math.floor(k / width)].forEach((at, axis) => {{
    low[axis] = Math.min(low[axis], at); high[axis] = Math.max(high[axis], at + 1); }});
  return [low, high]; }}"""


def colors(browser: Page) -> set:
    """The colours of every 97th pixel of the canvas."""
    data = f"Array.from(new Uint32Array(({PIXELS})().data.buffer)).filter((_, k) => k % 97 === 0)"
    return set(browser.value(data))


def shot(browser: Page) -> list:
    return browser.value(f"Array.from(new Uint32Array(({PIXELS})().data.buffer)).filter((_, k) => k % 997 === 0)")
