"""What a browser makes of the report page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browser import CHROMIUM, Page, open_browser
from pages import NUM_FRAMES, SIZE, draw_motion, draw_people, draw_reports, write_motion, write_people

from smplify_jax.cli.options import FitCommand, WriteOptions
from smplify_jax.cli.report_page import write_people_page
from smplify_jax.geometry.frames import UPRIGHT_FROM_CAMERA
from smplify_jax.result import FitResult

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, which is not installed")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(scope="module")
def people() -> tuple[np.ndarray, FitResult]:
    return draw_people()


@pytest.fixture(scope="module")
def page_of_people(people: tuple[np.ndarray, FitResult], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_people(tmp_path_factory.mktemp("page") / "people.html", people)


@pytest.fixture(scope="module")
def page_of_motion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_motion(tmp_path_factory.mktemp("page") / "motion.html", draw_motion())


def test_a_browser_shows_people_and_obeys_keys(
    browser: Page, page_of_people: Path, people: tuple[np.ndarray, FitResult]
):
    browser.resize(700, 500)
    browser.open(page_of_people)
    assert browser.value("document.body.dataset.view") == "camera"
    vertices = browser.value("Array.from(SmplReport.view.people[1].pose(0))")
    expected = np.asarray(people[1].vertices())[1] @ UPRIGHT_FROM_CAMERA.T
    # Shapes are in steps of 0.04 mm.
    np.testing.assert_allclose(np.asarray(vertices).reshape(-1, 3), expected, atol=2e-4)
    assert len(colors(browser)) > 50
    seen, places = shot(browser), set()
    for key, view in (("2", "front"), ("3", "side"), ("4", "top")):
        browser.press(key)
        assert browser.value("document.body.dataset.view") == view
        places.add(tuple(browser.value("SmplReport.view.camera.position.toArray()")))
    assert len(places) == 3
    assert shot(browser) != seen
    without = shot(browser)
    browser.value("document.querySelector('#show-ellipsoids').click()")
    ellipsoid = "SmplReport.view.bodies[1].ellipsoids.geometry.attributes.position.array"
    corners = np.asarray(browser.value(f"Array.from({ellipsoid})")).reshape(24, -1, 3)
    joints, std = (np.asarray(getattr(people[1], name))[1] for name in ("joints", "joints_std"))
    # Places are in steps of a 32,767th of the largest; on 16 meridians and 11 circles the axes are hit.
    np.testing.assert_allclose(0.5 * np.ptp(corners, axis=1), std, rtol=1e-4)
    np.testing.assert_allclose(corners.mean(axis=1), joints @ UPRIGHT_FROM_CAMERA.T, atol=1e-3)
    assert shot(browser) != without
    browser.value("document.querySelector('#show-ellipsoids').click()")
    browser.press("ArrowLeft")
    assert browser.value("document.body.dataset.view") == "free"
    browser.press("r")
    assert browser.value("document.body.dataset.view") == "camera"
    before = browser.value("SmplReport.view.camera.position.toArray()")
    browser.drag((150, 250), (250, 260))
    assert browser.value("document.body.dataset.view") == "free"
    assert browser.value("SmplReport.view.camera.position.toArray()") != before
    browser.press("Tab")
    assert browser.value("document.activeElement.matches(':focus-visible')")
    assert browser.value("document.querySelector('#people').textContent.includes('</script>')")
    rounds = browser.value("document.querySelector('[aria-label=\"Cost by round\"]').textContent")
    assert "round 2" in rounds
    assert "data50.0" in rounds
    assert not browser.problems


def test_the_body_is_drawn_where_the_camera_sees_it(
    browser: Page, page_of_people: Path, people: tuple[np.ndarray, FitResult]
):
    browser.resize(700, 500)
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


def test_a_motion_steps_plays_and_ends(browser: Page, page_of_motion: Path):
    browser.resize(700, 500)
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


def test_nothing_is_cut_off_from_320_px_to_4k(browser: Page, page_of_motion: Path):
    browser.open(page_of_motion)
    for width, height, is_dark in ((320, 640, True), (3840, 600, False)):
        browser.resize(width, height, is_dark=is_dark)
        assert browser.value("document.documentElement.scrollWidth") <= width
        assert len(colors(browser)) > 10  # shades of the body
        background = browser.value("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", background))) < 300) == is_dark
    assert not browser.problems


def test_without_webgl_there_is_a_still_picture(browser: Page, page_of_people: Path):
    with browser.scripted("HTMLCanvasElement.prototype.getContext = () => null"):
        browser.open(page_of_people)
        assert "cannot draw in 3D" in browser.value("document.getElementById('message').textContent")
        assert browser.value("document.getElementById('still').naturalWidth") == SIZE[0]
        assert "quality" in browser.value("document.getElementById('details').textContent")
        assert not browser.problems


def test_pictures_are_turned_over_like_pages(browser: Page, tmp_path: Path):
    path = tmp_path / "run.html"
    write_people_page(FitCommand((Path("a.json"),), write=WriteOptions(report=path)), draw_reports())
    browser.open(path)
    shown = "document.getElementById('people').textContent"
    assert browser.value(shown) == "p0p1"
    browser.press("PageDown")
    assert browser.value(shown) == "p2p3"
    browser.press("PageUp")
    browser.press("PageUp")
    assert browser.value(shown) == "p4p5"
    browser.value("document.querySelector('#people input').click()")
    assert browser.value("SmplReport.view.bodies.map((body) => body.surface.visible)") == [False, True]
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
