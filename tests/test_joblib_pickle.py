"""Files of joblib are read by the safe reader: arrays whose bytes lie between the opcodes, packed or not, and nothing else."""

from __future__ import annotations

import os
import pickle
import zlib
from typing import Any

import numpy as np
import pytest

from smplify_jax.errors import InputError
from smplify_jax.files.safe_pickle import load_pickle, parse_pickle

joblib = pytest.importorskip("joblib", reason="comes with scikit-learn")

RNG = np.random.default_rng(0)
WRITTEN = {
    "float": RNG.normal(size=(3, 24, 3)).astype(np.float32),
    "fortran": np.asfortranarray(RNG.normal(size=(4, 5))),
    "whole": np.arange(7),
    "empty": np.zeros((0, 3)),
    "number": np.float64(2.5),
    "flags": np.array([True, False]),
    "big end": np.arange(3, dtype=">f4"),
    "nested": [{"betas": np.ones(10)}, None, "text", (1, 2.5)],
    "objects": np.array([None, "a", np.arange(2)], object),
}


def assert_read(found: Any) -> None:
    assert found.keys() == WRITTEN.keys()
    for name in ("float", "fortran", "whole", "empty", "flags", "big end"):
        np.testing.assert_array_equal(found[name], WRITTEN[name])
        assert found[name].shape == WRITTEN[name].shape
    assert found["number"] == 2.5
    np.testing.assert_array_equal(found["nested"][0]["betas"], np.ones(10))
    assert found["nested"][1:] == [None, "text", (1, 2.5)]
    assert found["objects"][:2].tolist() == [None, "a"]
    np.testing.assert_array_equal(found["objects"][2], np.arange(2))


@pytest.mark.parametrize("compress", [0, 1, 3, 9])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_what_joblib_writes_is_read(tmp_path, compress, protocol):
    path = tmp_path / "a.pkl"
    joblib.dump(WRITTEN, path, compress=compress, protocol=protocol)
    assert_read(load_pickle(path))


@pytest.mark.parametrize(
    ("method", "words"), [("gzip", "gzip"), ("bz2", "bzip2"), ("xz", "by xz"), ("lzma", "by lzma")]
)
def test_other_compressions_are_named_with_what_to_do(tmp_path, method, words):
    path = tmp_path / "a.pkl"
    joblib.dump(WRITTEN, path, compress=(method, 3))
    with pytest.raises(InputError, match=words):
        load_pickle(path)


@pytest.mark.parametrize("compress", [0, 3])
def test_a_file_that_is_cut_off_is_told_wherever_it_ends(tmp_path, compress):
    path = tmp_path / "a.pkl"
    joblib.dump(WRITTEN, path, compress=compress)
    whole = path.read_bytes()
    for end in range(2, len(whole) - 1, max(1, len(whole) // 40)):
        with pytest.raises(InputError, match="cut off"):
            parse_pickle(whole[:end], "a.pkl")


class Calls:
    """An object whose pickle calls a function."""

    def __reduce__(self):
        return os.system, ("true",)


def test_calls_are_refused_inside_of_arrays_and_of_compressed_files_too():
    evil = np.array([Calls()], object)
    for dump in (lambda file: joblib.dump({"a": evil}, file), lambda file: joblib.dump([Calls()], file, compress=3)):
        import io

        file = io.BytesIO()
        dump(file)
        with pytest.raises(InputError, match="asks for"):
            parse_pickle(file.getvalue(), "evil.pkl")


def test_zeros_that_unpack_to_more_than_a_file_may_ask_for_are_refused():
    bomb = zlib.compress(pickle.dumps(b"\0" * 2**28), 9)
    with pytest.raises(InputError, match="larger than the file itself"):
        parse_pickle(bomb, "bomb.pkl")


def test_an_array_that_claims_more_than_follows_is_refused():
    import io

    file = io.BytesIO()
    joblib.dump({"a": np.zeros(5)}, file)
    claimed = file.getvalue().replace(b"K\x05\x85", b"M\xff\xff\x85")
    with pytest.raises(InputError, match="ends too early"):
        parse_pickle(claimed, "a.pkl")
