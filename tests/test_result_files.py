"""Saved results: reading returns what was written, and other files give one sentence."""

import os
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bodies import random_body
from dataset_fits import draw_fits

from smplify_jax.body.load import load_body
from smplify_jax.errors import InputError
from smplify_jax.result import FitResult

NUM_PEOPLE = 3


@pytest.fixture(scope="module")
def result() -> FitResult:
    """Three people, the last not fitted."""
    return jax.tree.map(jnp.asarray, draw_fits(NUM_PEOPLE, num_failed=1)[1])


@pytest.fixture
def rewritten(result, tmp_path) -> Callable:
    """Write the arrays of a result with some of them replaced, or left out where None is given; returns the path."""

    def write(fitted=result, **changed):
        arrays = {name: value for name, value in (fitted.arrays() | changed).items() if value is not None}
        np.savez(tmp_path / "fit.npz", **arrays)
        return tmp_path / "fit.npz"

    return write


@pytest.mark.parametrize("people", [slice(None), 0, 2, slice(0, 0)], ids=["batch", "one", "one not fitted", "nobody"])
def test_what_is_loaded_equals_what_was_saved(result, tmp_path, people):
    result[people].save(tmp_path / "fit.npz")
    loaded = FitResult.load(tmp_path / "fit.npz")
    assert loaded == result[people]
    assert loaded.status.dtype == result.status.dtype
    assert jax.tree.structure(loaded) == jax.tree.structure(replace(result[people], body=loaded.body))


def test_a_file_holds_no_pickle_and_no_more_than_the_arrays(result, tmp_path):
    result.save(tmp_path / "fit.npz")
    with np.load(tmp_path / "fit.npz", allow_pickle=False) as file:
        assert {name: file[name].shape for name in file.files} == {k: v.shape for k, v in result.arrays().items()}


def test_the_body_has_as_many_betas_as_the_file(result, tmp_path):
    more = replace(result, betas=jnp.pad(result.betas, [(0, 0), (0, 6)]), body=load_body(num_betas=16))
    more.save(tmp_path / "fit.npz")
    loaded = FitResult.load(tmp_path / "fit.npz")
    assert loaded.body.num_betas == 16
    np.testing.assert_allclose(loaded.vertices(), result.vertices(), atol=1e-5)  # float32 at 5 m


def test_another_body_must_be_given(result, tmp_path):
    body = random_body()
    replace(result, body=body).save(tmp_path / "fit.npz")
    assert FitResult.load(tmp_path / "fit.npz", body) == replace(result, body=body)
    with pytest.raises(InputError, match="fitted with the body 'random', not 'open body'; give that body"):
        FitResult.load(tmp_path / "fit.npz")
    with pytest.raises(InputError, match=r"holds 10 betas .* give the body that was fitted, with all its betas"):
        FitResult.load(tmp_path / "fit.npz", random_body(num_betas=9))


def test_arrays_of_other_precision_and_byte_order_are_numbers_all_the_same(result, rewritten):
    path = rewritten(
        betas=np.asarray(result.betas, np.float64),
        transl=np.asarray(result.transl, ">f4"),
        quality=np.asarray(result.quality, np.float16),
        status=np.asarray(result.status, np.int64),
        keypoints=np.zeros((5, 5)),  # what else is in a file is nobody's business
    )
    loaded = FitResult.load(path)
    np.testing.assert_array_equal(loaded.transl, result.transl)
    np.testing.assert_array_equal(loaded.betas, result.betas)
    assert {loaded.betas.dtype, loaded.transl.dtype, loaded.quality.dtype} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("betas", lambda a: None, "lacks betas"),
        ("layout", lambda a: None, "lacks layout"),
        ("quality_features_noise", lambda a: None, "lacks quality_features_noise"),
        ("transl", lambda a: a[:, :2], r"'transl' has shape \(3, 2\); expected \(3, 3\)"),
        ("transl", lambda a: a[:2], r"'transl' has shape \(2, 3\); expected \(3, 3\)"),
        ("transl", lambda a: a[0], r"'transl' has shape \(3,\)"),
        ("betas", lambda a: a[..., None], r"'betas' has shape \(3, 10, 1\); expected \(3, any\)"),
        ("joints", lambda a: a[:, :23], r"'joints' has shape \(3, 23, 3\)"),
        ("quality", lambda a: a[:, None], r"'quality' has shape"),
        ("cost_data", lambda a: a[:1], r"'cost_data' has shape \(1,\)"),
        ("quality_features_noise", lambda a: a[:1], r"'quality_features_noise' has shape \(1,\)"),
        ("focal_length", lambda a: a[:, 0], r"'focal_length' has shape \(3,\)"),
        ("camera_center", lambda a: a[:, :1], r"'camera_center' has shape \(3, 1\)"),
        ("reprojection_error_px", lambda a: a[:, :16], "17 keypoints and 'reprojection_error_px' 16"),
        ("status", lambda a: a[None, None], r"'status' has shape \(1, 1, 3\)"),
        ("body_pose", lambda a: np.tile(a, 2), "a body_pose of 138 numbers"),
        ("body_pose", lambda a: a[:, :68], "a body_pose of 68 numbers"),
        ("betas", lambda a: np.tile(a, 2), "asked for"),
        ("transl", lambda a: a * np.nan, "'transl' of person 0 holds numbers that are not finite"),
        ("body_pose", lambda a: np.where(np.arange(3)[:, None] == 1, np.inf, a), "'body_pose' of person 1"),
        ("joints", lambda a: a.astype(np.float64) * 1e300, "'joints' of person 0"),
        ("focal_length", lambda a: a * np.nan, "'focal_length' of person 0"),
        ("status", lambda a: np.zeros(3, int), "of person 2 holds numbers that are not finite"),
        ("status", lambda a: a + 99, "'status' holds 99, which this version does not know"),
        ("status", lambda a: a.astype(float), "'status' does not hold whole numbers"),
        ("num_steps", lambda a: a.astype(str), "'num_steps' does not hold whole numbers"),
        ("betas", lambda a: a.astype(str), "'betas' does not hold numbers"),
        ("betas", lambda a: a.astype(complex), "'betas' does not hold numbers"),
        ("betas", lambda a: a.astype(object), "'betas' does not hold numbers"),
        ("betas", lambda a: np.array({"a": 1}, object), "'betas' does not hold numbers"),
        ("layout", lambda a: np.array(["coco17"] * 3), "'layout' is not a text"),
        ("layout", lambda a: np.array(17), "'layout' is not a text"),
        ("body_name", lambda a: np.array(b"open body"), "'body_name' is not a text"),
    ],
)
def test_what_cannot_be_a_fit_is_told(result, rewritten, name, change, message):
    path = rewritten(**{name: change(np.asarray(result.arrays()[name]))})
    with pytest.raises(InputError, match=message) as refused:
        FitResult.load(path)
    assert "\n" not in str(refused.value)


def test_quality_features_that_an_older_file_lacks_are_unknown(result, rewritten):
    later = ("uprightness", "head_height", "foot_height", "hand_height", "turn_from_proposal")
    loaded = FitResult.load(rewritten(**{f"quality_features_{name}": None for name in later}))
    for name, values in vars(loaded.quality_features).items():
        expected = np.full(NUM_PEOPLE, np.nan) if name in later else getattr(result.quality_features, name)
        np.testing.assert_array_equal(values, expected, err_msg=name)


def test_a_pickle_inside_a_file_is_not_executed(rewritten, tmp_path):
    class Malicious:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    path = rewritten()
    with zipfile.ZipFile(path, "a") as archive, archive.open("extra.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        file.write(pickle.dumps(Malicious()))
    with pytest.raises(InputError, match="nothing was executed"):
        FitResult.load(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", b"no archive at all", b"\x93NUMPY\x01\x00v\x00", b"PK\x05\x06" + b"\x00" * 18],
    ids=["empty", "cut off", "text", "an array", "an empty archive"],
)
def test_a_file_of_another_kind_is_told(tmp_path, content):
    (tmp_path / "fit.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"fit\.npz: "):
        FitResult.load(tmp_path / "fit.npz")


def test_a_path_without_a_file_is_told(result, tmp_path):
    for path in (tmp_path / "missing.npz", tmp_path):
        with pytest.raises(InputError):
            FitResult.load(path)
    with pytest.raises(InputError, match="the folder does not exist"):
        result.save(tmp_path / "missing" / "fit.npz")


def test_every_cut_and_flipped_byte_is_told_or_changes_numbers_alone(result, tmp_path):
    path = tmp_path / "fit.npz"
    result[:1].save(path)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for length in rng.integers(0, len(whole), 40):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError):
            FitResult.load(path)
    num_told = 0
    for at in rng.integers(0, len(whole), 150):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << int(rng.integers(8)))]) + whole[at + 1 :])
        try:
            FitResult.load(path)
        except InputError:
            num_told += 1
    assert num_told > 75  # most bytes are of compressed arrays, which have checksums
