"""Pickles that programs with an old NumPy read."""

import pickle
import pickletools

import numpy as np

from smplify_jax.files.portable_pickle import portable_pickle
from smplify_jax.files.safe_pickle import parse_pickle


def _names(data: bytes) -> set[str]:
    return {str(name) for code, name, _ in pickletools.genops(data) if code.name == "GLOBAL"}


def test_pickled_arrays_name_nothing_that_an_old_numpy_lacks():
    value = [{"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array({"c": 1.0}, object), "d": np.float64(1)}]
    data = portable_pickle(value)
    names = {"numpy.core.multiarray _reconstruct", "numpy.core.multiarray scalar", "numpy ndarray", "numpy dtype"}
    assert _names(data) == names | {"_codecs encode"}
    (read,) = pickle.loads(data)
    np.testing.assert_array_equal(read["a"], value[0]["a"])
    assert read["a"].flags.writeable
    assert read["b"].item() == {"c": 1.0}
    assert read["d"] == 1.0


def test_text_that_looks_like_a_name_stays_as_it_is():
    value = {"text": "cnumpy._core.multiarray\n", "array": np.frombuffer(b"cnumpy._core.", np.uint8)}
    read = pickle.loads(portable_pickle(value))
    assert read["text"] == value["text"]
    assert read["array"].tobytes() == b"cnumpy._core."


def test_our_own_reader_reads_it_without_executing_anything():
    value = {"array": np.arange(6.0), "text": "a", "number": 3}
    read = parse_pickle(portable_pickle(value), "memory")
    assert isinstance(read, dict)
    np.testing.assert_array_equal(read.pop("array"), np.arange(6.0))
    assert read == {"text": "a", "number": 3}
