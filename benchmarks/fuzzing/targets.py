"""Every way in which a file or a value comes in, by name: how it is read, what it promises, and valid files to begin with."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.fuzzing import corpus, readers, spatial
from benchmarks.fuzzing.bounds import Bounds
from benchmarks.fuzzing.choices import Choices
from benchmarks.fuzzing.prepared import Prepared, of_files
from smplify_jax.errors import InputError

Prepare = Callable[[Path], Prepared]

_PICKLES = corpus.of_tests("pickles/*.pkl")


def _keypoints(seeds: Callable[[], list[bytes]], name: str = "a.json", layout: str | None = None) -> Prepare:
    def prepare(folder: Path) -> Prepared:
        (folder / "a.jpg").write_bytes(corpus.picture())
        return of_files(folder, seeds(), name, lambda path, choices: readers.read_keypoints(path, choices, layout))

    return prepare


def _deeplabcut() -> list[bytes]:
    """Tables as CSV, and as HDF5 where that can be read."""
    tables = corpus.of_tests("cases/deeplabcut/*.csv")()
    return tables + (corpus.of_tests("cases/deeplabcut/[flt]*.h5")() if find_spec("h5py") else [])


def _files(seeds: Callable[[], list[bytes]], name: str, read: Callable[[Path, Choices], bool]) -> Prepare:
    return lambda folder: of_files(folder, seeds(), name, read)


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
    "pickle": _files(_PICKLES, "a.pkl", readers.read_pickle),
    "npz": _files(_of("pickles/*.npz", "cases/*.npz"), "a.npz", readers.read_npz),
    "npy": _files(_regressors, "a.npy", readers.read_npy),
    "picture": _files(corpus.pictures, "a.png", readers.read_picture),
    "body": _files(_of("pickles/smpl_*.pkl", "pickles/smpl_*.npz"), "SMPL.pkl", readers.read_body),
    "open body": _files(_shipped("body/data/open_body.npz"), "open_body.npz", readers.read_body),
    "prior npz": _files(_shipped("prior/data/pose_prior.npz"), "prior.npz", readers.read_prior),
    "prior pickle": _files(_pickled_priors, "prior.pkl", readers.read_prior),
    "regressor": _files(_regressors, "J_regressor.npy", readers.read_regressor),
    "capsules": _files(_shipped("body/data/open_body_capsules.npz"), "capsules.npz", readers.read_capsules),
    "proposal network": _files(_shipped("proposal/data/proposal.npz"), "proposal.npz", readers.read_network),
    "quality model": _files(_shipped("quality/data/quality.npz"), "quality.npz", readers.read_quality),
    "motion prior": _files(_shipped("prior/data/motion.npz"), "motion.npz", readers.read_motion_prior),
    "calibration": lambda folder: of_files(folder, spatial.calibrations(folder), "rig.txt", readers.read_calibration),
    "predictions": _files(corpus.predictions, "a.pkl", readers.read_predictions),
    "points": _files(spatial.points, "a.trc", readers.read_points),
    "surface points": _files(spatial.surface_points, "a.npz", readers.read_surface_points),
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
    **({"video": _later("videos")} if find_spec("av") else {}),
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
