"""Every way in which a file or a value comes in, by name: how it is read, what it promises, and valid files to begin with."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.fuzzing import corpus
from benchmarks.fuzzing.bounds import Bounds
from benchmarks.fuzzing.choices import Choices
from benchmarks.fuzzing.prepared import Prepared, of_files
from benchmarks.fuzzing.promise import check_attributes, check_finite, check_row
from smplify_jax.errors import InputError

Prepare = Callable[[Path], Prepared]

_PICKLES = corpus.of_tests("pickles/*.pkl")


def _read_pickle(path: Path, choices: Choices) -> bool:
    from smplify_jax.files.safe_pickle import load_pickle

    load_pickle(path)
    return True


def _read_npz(path: Path, choices: Choices) -> bool:
    from smplify_jax.files.npz import load_npz

    load_npz(path)
    return True


def _read_npy(path: Path, choices: Choices) -> bool:
    from smplify_jax.files.npy import load_npy, map_npy

    load_npy(path)
    map_npy(path)
    return True


def _read_keypoints(path: Path, choices: Choices, known_layout: str | None = None) -> bool:
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


def _keypoints(seeds: Callable[[], list[bytes]], name: str = "a.json", layout: str | None = None) -> Prepare:
    def prepare(folder: Path) -> Prepared:
        (folder / "a.jpg").write_bytes(corpus.picture())
        return of_files(folder, seeds(), name, lambda path, choices: _read_keypoints(path, choices, layout))

    return prepare


def _deeplabcut() -> list[bytes]:
    """Tables as CSV, and as HDF5 where that can be read."""
    tables = corpus.of_tests("cases/deeplabcut/*.csv")()
    return tables + (corpus.of_tests("cases/deeplabcut/[flt]*.h5")() if find_spec("h5py") else [])


def _files(seeds: Callable[[], list[bytes]], name: str, read: Callable[[Path, Choices], bool]) -> Prepare:
    return lambda folder: of_files(folder, seeds(), name, read)


def _read_picture(path: Path, choices: Choices) -> bool:
    from smplify_jax.files.images import load_image, read_image_size

    width, height = read_image_size(path)
    pixels = load_image(path)
    assert pixels.shape == (height, width, 3), (pixels.shape, width, height)
    return True


def _read_body(path: Path, choices: Choices) -> bool:
    from smplify_jax import load_body

    body = load_body(path, num_betas=1)
    check_attributes(body)
    faces = np.asarray(body.faces)
    assert faces.size == 0 or (faces.min() >= 0 and faces.max() < len(body.v_template)), "a face names no vertex"
    return True


def _read_prior(path: Path, choices: Choices) -> bool:
    from smplify_jax import load_prior

    check_attributes(load_prior(path))
    return True


def _read_regressor(path: Path, choices: Choices) -> bool:
    from smplify_jax import with_regressor
    from smplify_jax.body.load import shipped_body

    check_attributes(with_regressor(shipped_body(10), path, [f"point {k}" for k in range(3)]))
    return True


def _read_capsules(path: Path, choices: Choices) -> bool:
    from smplify_jax.body.capsule_files import load_capsules
    from smplify_jax.body.load import shipped_body

    check_attributes(load_capsules(path, shipped_body(10)))
    return True


def _read_calibration(path: Path, choices: Choices) -> bool:
    from smplify_jax.camera.calibration import load_calibration

    cameras = load_calibration(path, unit=choices.pick(("m", None, "mm")))
    for camera in cameras:
        for name in ("matrix", "rotation", "translation", "distortion"):
            check_finite(name, getattr(camera, name))
    return len(cameras) > 0


def _read_points(path: Path, choices: Choices) -> bool:
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


def _read_surface_points(path: Path, choices: Choices) -> bool:
    from smplify_jax import load_surface_points
    from smplify_jax.body.load import shipped_body

    body = shipped_body(10)
    points = load_surface_points(path, body)
    check_attributes(points)
    assert points.vertices.min() >= 0, points.vertices
    assert points.vertices.max() < len(body.v_template), points.vertices
    return True


def _read_network(path: Path, choices: Choices) -> bool:
    from smplify_jax.proposal.load import load_proposal_network

    check_attributes(load_proposal_network(path))
    return True


def _read_quality(path: Path, choices: Choices) -> bool:
    from smplify_jax.quality.score import load_quality_model

    load_quality_model.cache_clear()
    check_attributes(load_quality_model(path))
    return True


def _shipped(path: str) -> Callable[[], list[bytes]]:
    import smplify_jax

    return lambda: [(Path(smplify_jax.__file__).parent / path).read_bytes()]


def _pickled_priors() -> list[bytes]:
    """A small mixture, in the words of gmm_08.pkl and of scikit-learn."""
    moments = (np.zeros((2, 69)), np.tile(np.eye(69), (2, 1, 1)), np.full(2, 0.5))
    named = (("means", "covars", "weights"), ("means_", "covariances_", "weights_"))
    return [pickle.dumps(dict(zip(names, moments, strict=True)), 2) for names in named]


def _regressors() -> list[bytes]:
    from smplify_jax.body.load import shipped_body

    rows = np.zeros((3, len(shipped_body(10).v_template)), np.float32)
    rows[:, :4] = 0.25
    return [corpus.npy(rows), corpus.npy(rows.astype(np.float64))]


def _later(module: str) -> Prepare:
    """A target of a module that is imported when it is fuzzed, as fits are compiled there."""
    return lambda folder: import_module(f"benchmarks.fuzzing.{module}").prepare(folder)


def _fits(name: str) -> Prepare:
    return lambda folder: getattr(import_module("benchmarks.fuzzing.fits"), f"prepare_{name}")(folder)


_of = corpus.of_tests

TARGETS: dict[str, Prepare] = {
    "pickle": _files(_PICKLES, "a.pkl", _read_pickle),
    "npz": _files(_of("pickles/*.npz", "cases/*.npz"), "a.npz", _read_npz),
    "npy": _files(_regressors, "a.npy", _read_npy),
    "picture": _files(corpus.pictures, "a.png", _read_picture),
    "body": _files(_of("pickles/smpl_*.pkl", "pickles/smpl_*.npz"), "SMPL.pkl", _read_body),
    "open body": _files(_shipped("body/data/open_body.npz"), "open_body.npz", _read_body),
    "prior npz": _files(_shipped("prior/data/pose_prior.npz"), "prior.npz", _read_prior),
    "prior pickle": _files(_pickled_priors, "prior.pkl", _read_prior),
    "regressor": _files(_regressors, "J_regressor.npy", _read_regressor),
    "capsules": _files(_shipped("body/data/open_body_capsules.npz"), "capsules.npz", _read_capsules),
    "proposal network": _files(_shipped("proposal/data/proposal.npz"), "proposal.npz", _read_network),
    "quality model": _files(_shipped("quality/data/quality.npz"), "quality.npz", _read_quality),
    "calibration": lambda folder: of_files(folder, corpus.calibrations(folder), "rig.txt", _read_calibration),
    "points": _files(corpus.points, "a.trc", _read_points),
    "surface points": _files(corpus.surface_points, "a.npz", _read_surface_points),
    "keypoints openpose": _keypoints(
        _of("keypoints/openpose/*0_*.json", "cases/*_keypoints.json", "cases/comfyui.json", "cases/controlnet*.json")
    ),
    "keypoints ultralytics": _keypoints(_of("cases/ultralytics.json")),
    "keypoints easymocap": _keypoints(corpus.easymocap),
    "keypoints coco": _keypoints(lambda: [*corpus.coco(), *_of("cases/crowdpose.json", "keypoints/coco_ann*.json")()]),
    "keypoints mmpose": _keypoints(_of("cases/mmpose_*.json", "cases/mmpose/*.json")),
    "keypoints mediapipe": _keypoints(_of("cases/mediapipe*.json")),
    "keypoints mpii": _keypoints(_of("cases/hrnet_mpii.json")),
    "keypoints easy-vitpose": _keypoints(_of("cases/easy_vitpose.json")),
    "keypoints alphapose": _keypoints(lambda: [*corpus.alphapose(), *_of("cases/yolo*.json")()]),
    "keypoints coco-results": _keypoints(lambda: [*corpus.coco_results(), *_of("keypoints/coco_results.json")()]),
    "keypoints spin": _keypoints(lambda: [*corpus.spin(), *_of("cases/npz/spin*.npz")()], "a.npz"),
    "keypoints bedlam": _keypoints(_of("cases/bedlam_like.npz"), "a.npz", "coco17"),
    "keypoints 4dhumans": _keypoints(corpus.hmr2, "a.npz"),
    "keypoints 4dhumans-tar": _keypoints(corpus.hmr2_tar, "a.tar"),
    "keypoints parquet": _keypoints(corpus.parquet, "a.parquet"),
    "keypoints npz": _keypoints(_of("cases/[ow]*.npz"), "a.npz", "openpose25"),
    "keypoints lsp": _keypoints(_of("keypoints/deepcut.npz"), "a.npz"),
    "keypoints deeplabcut": _keypoints(_deeplabcut, "a.h5"),
    "keypoints cvat": _keypoints(corpus.cvat, "a.xml"),
    "keypoints yolo": _keypoints(corpus.yolo, "a.txt"),
    "saved result": _fits("result"),
    "fits parquet": _fits("parquet"),
    "store": _fits("store"),
    "store of SPIN's fits": _fits("spin_fits"),
    "job folder": _later("jobs"),
    "fit": _later("people"),
}
"""What is fuzzed by default."""


LENIENT = {"fit": Bounds(60.0, 1000.0), "job folder": Bounds(20.0, 1000.0)}
"""Bounds of targets that compile or fit: for other shapes than those that were prepared, that takes seconds."""


def get_target(name: str) -> Prepare:
    """The target of that name, or a function of another module by MODULE:FUNCTION.

    Raises:
        InputError: there is none.
    """
    if name in TARGETS:
        return TARGETS[name]
    module, _, function = name.partition(":")
    if not function:
        raise InputError(f"there is no target '{name}'; use one of {', '.join(TARGETS)}")
    return getattr(import_module(module), function)
