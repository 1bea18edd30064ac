"""Tensors of torch in files are read as arrays, without torch; files that lie about them are refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smplify_jax.errors import InputError
from smplify_jax.files.safe_pickle import load_pickle, parse_pickle
from smplify_jax.predictions.read import read_predictions

PICKLES = Path(__file__).parent / "data" / "pickles"  # written by make_torch_pickles.py
FORMS = ("zip", "old", "inside")
DTYPES = {"part": "f8", "flags": "?", "half": "f2", "number": "i8", "int32": "i4"}


@pytest.mark.parametrize("form", FORMS)
def test_tensors_of_every_kind_are_read(form):
    found: Any = load_pickle(PICKLES / f"torch_{form}.pkl")
    with np.load(PICKLES / "torch.npz") as values:
        assert found.keys() == set(values.files)
        for name, value in values.items():
            assert found[name].shape == value.shape
            assert found[name].dtype == DTYPES.get(name, "f4"), name
            np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_is_cut_off_is_told_wherever_it_ends(form):
    whole = (PICKLES / f"torch_{form}.pkl").read_bytes()
    for end in range(40, len(whole) - 1, len(whole) // 40):
        with pytest.raises(InputError, match=r"a\.pkl"):
            parse_pickle(whole[:end], "a.pkl")


def text(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def whole(*values: int) -> bytes:
    return b"(" + b"".join(b"J" + value.to_bytes(4, "little", signed=True) for value in values) + b"t"


def storage(key: str = "0", count: int = 4, kind: str = "torch\nFloatStorage") -> bytes:
    return (
        b"(" + text("storage") + b"c" + kind.encode() + b"\n" + text(key) + text("cuda:0") + whole(count)[1:-1] + b"tQ"
    )


def tensor(
    offset: int = 0, size: tuple[int, ...] = (2, 2), stride: tuple[int, ...] = (2, 1), held: bytes = storage()
) -> bytes:
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + held
        + whole(offset)[1:-1]
        + whole(*size)
        + whole(*stride)
        + b"\x89}tR"
    )


def archive(
    pickle: bytes, numbers: bytes = np.arange(4, dtype="<f4").tobytes(), method: int = zipfile.ZIP_STORED
) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as members:
        members.writestr("archive/data.pkl", b"\x80\x02" + pickle + b".")
        members.writestr("archive/data/0", numbers)
    return file.getvalue()


def test_a_tensor_of_a_graphics_card_is_read():
    np.testing.assert_array_equal(parse_pickle(archive(tensor()), "a.pkl"), [[0, 1], [2, 3]])  # pyright: ignore[reportArgumentType]


def test_views_of_one_storage_count_it_once():
    numbers = bytes(2**20)
    held = storage(count=2**18)
    views = b"(" + b"".join(tensor(number, (1,), (1,), held) for number in range(100)) + b"l"
    found: Any = parse_pickle(archive(views, numbers), "a.pkl")
    assert len(found) == 100


@pytest.mark.parametrize(
    ("pickle", "words"),
    [
        pytest.param(tensor(offset=1), "beyond its storage", id="offset"),
        pytest.param(tensor(stride=(3, 1)), "beyond its storage", id="stride"),
        pytest.param(tensor(stride=(-1, 1)), "no shape", id="negative stride"),
        pytest.param(tensor(offset=-1), "no shape", id="negative offset"),
        pytest.param(tensor(size=(2,)), "no shape", id="axes"),
        pytest.param(tensor(size=(2**30, 2**30), stride=(0, 0)), "larger than the file itself", id="repeated for ever"),
        pytest.param(tensor(held=storage("1")), "missing", id="no storage"),
        pytest.param(tensor(held=storage("../../0")), "missing", id="elsewhere"),
        pytest.param(tensor(held=storage(count=400)), "do not fill", id="longer than it is"),
        pytest.param(tensor(held=storage(count=-1)), "not named", id="negative length"),
        pytest.param(tensor(held=storage(kind="torch\nQInt8Storage")), "asks for", id="another kind"),
        pytest.param(tensor(held=text("0") + b"Q"), "not named", id="another name"),
        pytest.param(tensor(held=b"N"), "no storage", id="nothing held"),
        pytest.param(b"cos\nsystem\n" + text("true") + b"\x85R", "asks for", id="a call"),
        pytest.param(b"ctorch.storage\n_load_from_bytes\n" + text("true") + b"\x85R", "no storage", id="no file in it"),
        pytest.param(b"ctorch\nload\n" + text("/etc/passwd") + b"\x85R", "asks for", id="another file"),
        pytest.param(b"ctorch._utils\n_rebuild_tensor_v2\n)R", "incomplete", id="no arguments"),
    ],
)
def test_a_tensor_that_is_none_is_told(pickle, words):
    with pytest.raises(InputError, match=words):
        parse_pickle(archive(pickle), "evil.pkl")


def test_members_of_an_archive_that_are_compressed_are_refused():
    with pytest.raises(InputError, match="compressed, as torch's are not"):
        parse_pickle(archive(tensor(), bytes(16), zipfile.ZIP_DEFLATED), "a.pkl")


def test_names_of_storages_are_refused_in_ordinary_pickles():
    with pytest.raises(InputError, match="persistent id"):
        parse_pickle(b"\x80\x02" + tensor() + b".", "a.pkl")


def test_predictions_are_read_from_what_torch_saves(tmp_path):
    path = tmp_path / "predictions.pt"
    held = storage(count=72)
    path.write_bytes(archive(b"}" + text("pose") + tensor(0, (1, 72), (72, 1), held) + b"s", bytes(288)))
    assert len(read_predictions(path)) == 1
