"""How files are read, and what is promised of what comes out: the promises of targets."""

from __future__ import annotations

import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np

from benchmarks.fuzzing import corpus
from benchmarks.fuzzing.choices import Choices
from benchmarks.fuzzing.promise import check_attributes, check_finite, check_row
from smplify_jax.errors import InputError


def read_pickle(path: Path, choices: Choices) -> bool:
    from smplify_jax.files.safe_pickle import load_pickle

    load_pickle(path)
    return True


def read_npz(path: Path, choices: Choices) -> bool:
    from smplify_jax.files.npz import load_npz

    load_npz(path)
    return True


def read_npy(path: Path, choices: Choices) -> bool:
    from smplify_jax.files.npy import load_npy, map_npy

    load_npy(path)
    map_npy(path)
    return True


def read_keypoints(path: Path, choices: Choices, known_layout: str | None = None) -> bool:
    from smplify_jax import load_keypoints
    from smplify_jax.datasets.job.row_content import row_content
    from smplify_jax.keypoints.formats.reading import ReadOptions
    from smplify_jax.keypoints.formats.registry import FORMAT_NAMES
    from smplify_jax.keypoints.layouts import LAYOUTS
    from smplify_jax.keypoints.read import read_rows
    from smplify_jax.keypoints.rows import DatasetRow

    size = choices.pick((corpus.SIZE, None, (1e-3, 1e9)))
    folder = choices.pick((None, None, None, path.parent))
    layout = choices.pick((*[known_layout] * len(LAYOUTS), None, *sorted(LAYOUTS)))
    format = choices.pick((*[None] * len(FORMAT_NAMES), *FORMAT_NAMES))
    num_people = 0
    for row in read_rows(path, format, ReadOptions(layout, size, folder)):
        num_people += check_row(row)
        if isinstance(row, DatasetRow):
            with suppress(InputError):  # a job rejects the row then
                row_content(row)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # says that something was rejected
        people = load_keypoints(path, format, layout=layout, image_size=size, image_folder=folder)
    check_finite("keypoints", people.keypoints)
    return num_people > 0


def read_picture(path: Path, choices: Choices) -> bool:
    from smplify_jax.files.images import load_image, read_image_size

    width, height = read_image_size(path)
    pixels = load_image(path)
    assert pixels.shape == (height, width, 3), (pixels.shape, width, height)
    return True


def read_body(path: Path, choices: Choices) -> bool:
    from smplify_jax import load_body

    body = load_body(path, num_betas=1)
    check_attributes(body)
    faces = np.asarray(body.faces)
    assert faces.size == 0 or (faces.min() >= 0 and faces.max() < len(body.v_template)), "a face names no vertex"
    return True


def read_prior(path: Path, choices: Choices) -> bool:
    from smplify_jax import load_prior

    check_attributes(load_prior(path))
    return True


def read_motion_prior(path: Path, choices: Choices) -> bool:
    from smplify_jax.prior.motion import load_motion_prior

    check_attributes(load_motion_prior(path))
    return True


def read_regressor(path: Path, choices: Choices) -> bool:
    from smplify_jax import with_regressor
    from smplify_jax.body.load import shipped_body

    check_attributes(with_regressor(shipped_body(10), path, [f"point {k}" for k in range(3)]))
    return True


def read_capsules(path: Path, choices: Choices) -> bool:
    from smplify_jax.body.capsule_files import load_capsules
    from smplify_jax.body.load import shipped_body

    check_attributes(load_capsules(path, shipped_body(10)))
    return True


def read_calibration(path: Path, choices: Choices) -> bool:
    from smplify_jax.camera.calibration import load_calibration

    cameras = load_calibration(path, unit=choices.pick(("m", None, "mm")))
    for camera in cameras:
        for name in ("matrix", "rotation", "translation", "distortion"):
            check_finite(name, getattr(camera, name))
    return len(cameras) > 0


def read_predictions(path: Path, choices: Choices) -> bool:
    """Numbers are finite, or NaN where they are not known; focal lengths may be infinite."""
    from smplify_jax.predictions.read import read_predictions

    found = read_predictions(path)
    assert len(found) == len(found.frames) == len(found.boxes) == len(found.track_ids) == found.bodies.batch[0]
    for name, value in vars(found.bodies).items():
        assert value.shape[0] == len(found), name
        assert name == "focal_length" or not np.isinf(value).any(), name
    return True


def read_points(path: Path, choices: Choices) -> bool:
    from smplify_jax import load_points
    from smplify_jax.camera.calibration import METRES
    from smplify_jax.keypoints.layouts import LAYOUTS
    from smplify_jax.keypoints.points3d.world import Z_UP_FROM

    layout = choices.pick((*[None] * len(LAYOUTS), *sorted(LAYOUTS)))
    unit, up = choices.pick((None, None, *METRES)), choices.pick((None, None, *Z_UP_FROM))
    free, placed = choices.pick((False, False, True)), choices.pick((True, True, True, False))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a unit in which people are giants
        tracks = load_points(path, layout=layout, unit=unit, up=up, is_scale_free=free, is_placed=placed)
    for track in tracks:
        check_finite("points", track.points)
        assert track.points.ndim == 3, track.points.shape
        assert len(track.frames) == len(track), (len(track.frames), len(track))
        assert track.times is None or (np.diff(track.times) > 0).all(), track.times
    return len(tracks) > 0


def read_surface_points(path: Path, choices: Choices) -> bool:
    from smplify_jax import load_surface_points
    from smplify_jax.body.load import shipped_body

    body = shipped_body(10)
    points = load_surface_points(path, body)
    check_attributes(points)
    assert points.vertices.min() >= 0, points.vertices
    assert points.vertices.max() < len(body.v_template), points.vertices
    return True


def read_network(path: Path, choices: Choices) -> bool:
    from smplify_jax.proposal.load import load_proposal_network

    check_attributes(load_proposal_network(path))
    return True


def read_quality(path: Path, choices: Choices) -> bool:
    from smplify_jax.quality.score import load_quality_model

    load_quality_model.cache_clear()
    check_attributes(load_quality_model(path))
    return True
