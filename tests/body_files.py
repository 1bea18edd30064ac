"""Write body files, and compare what was read."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from smplify_jax.body.model import BodyModel

ARRAYS_BY_KEY = {
    "v_template": "v_template",
    "shapedirs": "shapedirs",
    "posedirs": "posedirs",
    "J_regressor": "J_regressor",
    "weights": "lbs_weights",
    "f": "faces",
}


def assert_body_has(body: BodyModel, arrays: dict):
    for key, attribute in ARRAYS_BY_KEY.items():
        expected = arrays[key].astype(np.int32 if key == "f" else np.float32)
        np.testing.assert_array_equal(getattr(body, attribute), expected, err_msg=key)
        assert getattr(body, attribute).dtype == expected.dtype


def write_pickle(path: Path, arrays: dict, protocol=2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(arrays, protocol))
    return path


def write_npz(path: Path, arrays: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    return path
