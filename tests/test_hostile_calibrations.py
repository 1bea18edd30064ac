"""Calibrations changed at random: each gives cameras with finite numbers, or is one sentence."""

import calibration_files as files
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_hostile_loaders import changes_of_arrays, write_changed

from smplify_jax.camera.calibration import load_calibration, save_calibration
from smplify_jax.errors import InputError

bounded = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

TOKENS = (
    "nan",
    "-1",
    "1e400",
    '"',
    "'",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    "\n",
    "- ",
    "&a ",
    "<a>",
    "#",
    "0x",
    "\x00",
    "é",
)
changes_of_text = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 30), st.sampled_from(TOKENS) | st.just("")),
    min_size=1,
    max_size=4,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("calibrations")


@pytest.fixture(scope="module")
def texts(folder):
    save_calibration(folder / "rig.toml", files.RIG)
    (folder / "extri.yml").write_text(files.easymocap_places())
    return {
        "qca.txt": files.qualisys(),
        "toml": (folder / "rig.toml").read_text(),
        "yml": files.easymocap_intrinsics(),
        "json": files.opencv_json(),
    }


def check_loads(path):
    try:
        cameras = load_calibration(path, unit="m")
    except InputError as error:
        assert path.name in str(error)  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017
        return
    assert cameras
    for camera in cameras:
        numbers = (camera.matrix, camera.rotation, camera.translation, camera.distortion)
        assert all(np.isfinite(array).all() for array in numbers)
        np.testing.assert_allclose(camera.rotation @ camera.rotation.T, np.eye(3), atol=1e-12)
        assert (camera.camera.focal_length > 0).all()


@pytest.mark.parametrize("kind", ["qca.txt", "toml", "yml", "json"])
@bounded
@given(changes=changes_of_text, share=st.floats(0.3, 1) | st.just(1.0))
def test_a_changed_text_gives_cameras_or_is_a_sentence(folder, texts, kind, changes, share):
    text = texts[kind]
    for place, num_lost, token in changes:
        start = int(place * len(text))
        text = text[:start] + token + text[start + num_lost :]
    path = folder / ("intri.yml" if kind == "yml" else f"changed.{kind}")
    path.write_text(text[: int(share * len(text))], encoding="utf-8", newline="")
    check_loads(path)


@bounded
@given(changes=changes_of_arrays)
def test_changed_arrays_give_cameras_or_are_a_sentence(folder, changes):
    path = folder / "changed.npz"
    write_changed(path, files.stacked(), changes)
    check_loads(path)
