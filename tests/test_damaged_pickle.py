"""Damaged, lying and foreign pickles: each is an InputError, never another exception, and costs no memory."""

import io
import itertools
import pickle
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from smplify_jax.errors import InputError
from smplify_jax.files.pickle_arrays import check_compressed
from smplify_jax.files.pickle_nodes import DamagedPickleError
from smplify_jax.files.safe_pickle import load_pickle, parse_pickle

PICKLES = Path(__file__).parent / "data" / "pickles"


def array_pickle(shape, data, code="f8"):
    """An array in the words of Python 2, its shape free to lie."""
    dimensions = "".join(f"I{n}\n" for n in shape).encode()
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n("
        + dimensions
        + b"tcnumpy\ndtype\n(S'"
        + code.encode()
        + b"'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n"
        + data
        + b"tb."
    )


def test_an_array_in_the_words_of_python_2_is_read():
    data = array_pickle((2,), b"S'\\x00\\x00\\x80?\\x00\\x00\\x00@'\n", "f4")
    np.testing.assert_array_equal(parse_pickle(data, "test"), [1, 2])


@pytest.mark.parametrize(
    ("shape", "data", "code"),
    [
        ((10**12,), b"S''\n", "f8"),
        ((2**62, 4), b"S''\n", "f8"),
        ((-1,), b"S''\n", "f8"),
        ((10**12,), b"S''\n", "S0"),
        ((1,), b"S'12345678'\n", "V8"),
        ((1,), b"S'12345678'\n", "O8"),
        ((10**9,), b"(lNa", "O8"),
        ((1,), b"S'12345678'\n", "M8[s]"),
        ((2,), b"S'\\xff\\xff\\xff\\xff1234'\n", "U1"),
    ],
)
def test_arrays_that_lie_about_their_size_or_type_are_refused(shape, data, code):
    with pytest.raises(InputError, match=r"evil\.pkl"):
        parse_pickle(array_pickle(shape, data, code), "evil.pkl")


def test_a_small_file_cannot_make_a_huge_array():
    ones = b"cchumpy.ch\nCh\n)\x81}(U\x01x" + pickle.dumps(np.ones((1, 30_000)), 2)[2:-1] + b"ubp9\n"
    column = b"cchumpy.reordering\nReshape\n)\x81}(U\x01ag9\nU\x08newshape(I30000\nI1\ntub"
    outer = b"cchumpy.ch_ops\nmultiply\n)\x81}(U\x01a" + ones + b"U\x01b" + column + b"ub."
    with pytest.raises(InputError, match="far larger than the file"):
        parse_pickle(b"\x80\x02" + outer, "evil.pkl")


SPARSE_LIES = {
    "ends below zero": {"indptr": [0, 0, -(2**40)]},
    "ends at zero": {"indptr": [0, 2**56, 0], "indices": [], "data": []},
    "starts late": {"indptr": [1, 2, 3]},
    "starts below zero": {"indptr": [-1, 2, 3]},
    "falls": {"indptr": [0, 3, 2], "indices": [0, 1], "data": [1.0, 2.0]},
    "ends past its entries": {"indptr": [0, 2, 4]},
    "wraps below zero": {"indptr": np.array([0, 2**64 - 8, 3], np.uint64)},
    "is short of a line": {"indptr": [0, 3]},
    "has an entry outside": {"indices": [0, 1, 3]},
    "has an entry before the first": {"indices": [0, -1, 2]},
    "has fewer data than indices": {"data": [1.0, 2.0]},
    "is not flat": {"data": [[1.0, 2.0, 3.0]], "indices": [[0, 1, 2]]},
}


def compressed(kind, rows, columns, **changes):
    """A scipy matrix of 2 lines of 3 numbers whose attributes are changed behind scipy's back."""
    matrix = kind((np.ones(3), [0, 1, 2], [0, 2, 3]), shape=(rows, columns))
    for name, value in changes.items():
        setattr(matrix, name, np.asarray(value))
    return pickle.dumps(matrix)


@pytest.mark.parametrize("lie", SPARSE_LIES)
@pytest.mark.parametrize(("kind", "shape"), [(scipy.sparse.csc_matrix, (3, 2)), (scipy.sparse.csr_matrix, (2, 3))])
def test_a_compressed_matrix_whose_arrays_contradict_each_other_is_refused(kind, shape, lie):
    assert isinstance(parse_pickle(compressed(kind, *shape), "good.pkl"), kind)
    with pytest.raises(InputError, match="damaged"):
        parse_pickle(compressed(kind, *shape, **SPARSE_LIES[lie]), "evil.pkl")


@pytest.mark.parametrize(("row", "col"), [([0, 3], [0, 1]), ([0, 1], [0, 2]), ([0, -1], [0, 1]), ([0], [0, 1])])
def test_coordinates_outside_a_matrix_are_refused(row, col):
    matrix = scipy.sparse.coo_matrix((np.ones(2), ([0, 1], [0, 1])), shape=(3, 2))
    matrix.coords = (np.asarray(row), np.asarray(col))
    with pytest.raises(InputError, match="damaged"):
        parse_pickle(pickle.dumps(matrix), "evil.pkl")


@given(
    indptr=st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 4), min_size=1, max_size=4),
    indices=st.lists(st.integers(-2, 4), max_size=4),
)
def test_what_passes_as_a_compressed_matrix_is_one(indptr, indices):
    """Against scipy's own full check, and against a plain loop for what scipy does not look at."""
    data = np.ones(len(indices))
    try:
        check_compressed(data, np.array(indices, np.int64), np.array(indptr, np.int64), 2, 3)
    except DamagedPickleError:
        return
    assert len(indptr) == 3
    assert [position for a, b in itertools.pairwise(indptr) for position in range(a, b)] == list(range(len(indices)))
    assert all(0 <= index < 3 for index in indices)
    scipy.sparse.csr_matrix((data, indices, indptr), shape=(2, 3)).check_format(full_check=True)


def test_deep_nesting_is_refused_without_exhausting_the_stack():
    deep_list = b"]" * 100_000 + b"a" * 99_999 + b"."
    deep_tuple = b")" + b"\x85" * 100_000 + b"."
    deep_key = b"})" + b"\x85" * 100_000 + b"Ns."
    for data in (deep_list, deep_tuple, deep_key):
        with pytest.raises(InputError, match=r"evil\.pkl"):
            parse_pickle(data, "evil.pkl")


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"", "empty"),
        (b"hello world", "damaged or cut off"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\x93NUMPY\x01\x00", "npy"),
        (b"PK\x03\x04", "npz"),
        (b"\x1f\x8b\x08\x00", "gzip"),
    ],
)
def test_what_is_no_pickle_is_told_apart(tmp_path, content, hint):
    path = tmp_path / "model.pkl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=hint):
        load_pickle(path)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_pickle(tmp_path / "missing.pkl")
    with pytest.raises(InputError, match="is a folder"):
        load_pickle(tmp_path)


def test_the_message_names_the_class_without_control_characters():
    with pytest.raises(InputError) as caught:
        parse_pickle(b"cevil\x1b[31m\n" + b"x" * 10_000 + b"\n.", "evil.pkl")
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 500


VALID = {path.name: path.read_bytes() for path in PICKLES.glob("[ems]*.pkl") if path.stat().st_size < 25_000}


def reads_or_raises_input_error(data):
    """Either is fine; any other exception or warning fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            parse_pickle(data, "damaged.pkl")
        except InputError as error:
            assert str(error).startswith("damaged.pkl")  # noqa: PT017


@given(name=st.sampled_from(sorted(VALID)), fraction=st.floats(0, 1, exclude_max=True))
def test_a_cut_off_pickle_is_an_input_error(name, fraction):
    with pytest.raises(InputError, match=r"cut\.pkl"):
        parse_pickle(VALID[name][: int(fraction * len(VALID[name]))] or b"\x80", "cut.pkl")


@given(
    name=st.sampled_from(sorted(VALID)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_a_pickle_with_changed_bytes_loads_or_is_an_input_error(name, changes):
    data = bytearray(VALID[name])
    for position, byte in changes:
        data[int(position * len(data))] = byte
    reads_or_raises_input_error(bytes(data))


@given(
    name=st.sampled_from(sorted(VALID)),
    position=st.floats(0, 1, exclude_max=True),
    length=st.integers(0, 40),
    inserted=st.binary(max_size=40),
)
def test_a_pickle_with_bytes_cut_and_inserted_loads_or_is_an_input_error(name, position, length, inserted):
    data, start = VALID[name], int(position * len(VALID[name]))
    reads_or_raises_input_error(data[:start] + inserted + data[start + length :])


@given(st.binary(max_size=200))
def test_random_bytes_load_or_are_an_input_error(data):
    reads_or_raises_input_error(data)


OPCODES = [opcode.encode("latin-1") for opcode in "(.012FIJKLMNRSTUVabcdeghijlopqrstu]})G"]
ARGUMENTS = [b"", b"1\n", b"'a'\n", b"\x01x", struct.pack("<i", 3), b"numpy\ndtype\n", b"chumpy.ch\nCh\n"]


@given(st.lists(st.tuples(st.sampled_from(OPCODES), st.sampled_from(ARGUMENTS)), max_size=30))
def test_random_programs_load_or_are_an_input_error(steps):
    stream = io.BytesIO()
    for opcode, argument in steps:
        stream.write(opcode + argument)
    reads_or_raises_input_error(stream.getvalue() + b".")


def test_an_index_of_four_bytes_does_not_cost_memory():
    assert parse_pickle(b"\x80\x02Nr\xff\xff\xff\x7f.", "test") is None
