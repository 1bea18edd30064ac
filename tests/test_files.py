import errno
import tempfile
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.budget import read_with
from smplify_jax.files.npz import load_npz


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    path = tmp_path / "result.npz"
    with atomic_write(path) as file:
        file.write(b"half")
        assert not path.exists()
    assert path.read_bytes() == b"half"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_older_file_and_nothing_else(tmp_path):
    path = tmp_path / "result.npz"
    path.write_bytes(b"older")
    with pytest.raises(TypeError), atomic_write(path) as file:
        file.write("text, where bytes are wanted")  # pyright: ignore[reportArgumentType, reportCallIssue]
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("code", "message"),
    [(errno.ENOSPC, "the disk is full; free some space"), (errno.EACCES, "not permitted; choose another folder")],
)
def test_a_write_that_fails_says_why_and_leaves_nothing(tmp_path, code, message):
    path = tmp_path / "result.npz"
    with pytest.raises(InputError, match=rf"result\.npz: cannot be written: .*{message}"), atomic_write(path):
        raise OSError(code, "as the system says it")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_as_such():
    # Linux has a device that is always full; a hidden file beside it cannot be made, so write to it in the block.
    try:
        device = open("/dev/full", "wb", buffering=0)  # noqa: SIM115
    except OSError:
        pytest.skip("there is no /dev/full here")
    with (
        device,
        tempfile.TemporaryDirectory() as folder,
        pytest.raises(InputError, match="the disk is full"),
        atomic_write(f"{folder}/result.npz"),
    ):
        device.write(b"data")


def test_a_missing_folder_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="the folder does not exist"), atomic_write(tmp_path / "no" / "file"):
        pass


def test_a_folder_of_that_name_is_an_input_error(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError, match="there is a folder of that name"), atomic_write(tmp_path / "taken"):
        pass


def test_other_exceptions_pass_through(tmp_path):
    with pytest.raises(ZeroDivisionError), atomic_write(tmp_path / "file"):
        raise ZeroDivisionError


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archives_give_their_arrays_and_only_those_asked_for(tmp_path, save):
    save(tmp_path / "a.npz", a=np.arange(3), b=np.array("text"), c=np.array({"x": np.ones(2)}, object))
    read = load_npz(tmp_path / "a.npz")
    assert list(read) == ["a", "b", "c"]
    np.testing.assert_array_equal(read["a"], [0, 1, 2])
    assert str(read["b"]) == "text"
    assert isinstance(read["c"], dict)
    assert list(load_npz(tmp_path / "a.npz", ["b", "missing"])) == ["b"]


def test_an_archive_that_unpacks_to_too_much_is_refused_until_its_limit_is_raised(tmp_path):
    zeros = np.zeros(10**7)
    np.savez_compressed(tmp_path / "bomb.npz", zeros=zeros)
    with pytest.raises(InputError, match=r"ask for 80000128 bytes of memory.*the limit unpacked_per_byte"):
        load_npz(tmp_path / "bomb.npz")
    with read_with(unpacked_per_byte=2000):
        np.testing.assert_array_equal(load_npz(tmp_path / "bomb.npz")["zeros"], zeros)
    with read_with(unpacked_bytes=1000), pytest.raises(InputError, match="the limit unpacked_bytes"):
        load_npz(tmp_path / "bomb.npz")
    wrong: dict[str, Any] = {"unpacked": "much"}
    with pytest.raises(InputError, match="no limit unpacked='much'"), read_with(**wrong):
        pass


def test_a_header_that_claims_a_huge_array_is_refused_before_memory_is_taken(tmp_path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000000,)}"
    with zipfile.ZipFile(tmp_path / "lie.npz", "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(InputError, match="shorter than it claims"):
        load_npz(tmp_path / "lie.npz")


def test_a_missing_archive_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_npz(tmp_path / "missing.npz")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("npz") / "valid.npz"
    np.savez_compressed(path, a=np.arange(20.0), b=np.array({"x": 1}, object))
    return path


@given(
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    fraction=st.floats(0.5, 1),
)
def test_a_damaged_archive_loads_or_is_an_input_error(archive, changes, fraction):
    data = bytearray(archive.read_bytes())
    for position, byte in changes:
        data[int(position * len(data))] = byte
    damaged = archive.with_name("damaged.npz")
    damaged.write_bytes(data[: int(fraction * len(data))])
    try:
        load_npz(damaged)
    except InputError as error:
        assert "damaged.npz" in str(error)  # noqa: PT017
