"""DeepLabCut's CSV: body parts by name, individuals, labels of pictures, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from dataset_files import read_all
from keypoint_files import FIGURE, figure

from smplify_jax import InputError
from smplify_jax.keypoints.layouts import get_layout

PARTS = (*reversed(get_layout("coco17").keypoint_names), "ball")


def header(individuals: tuple[str, ...] = (), coordinates: tuple[str, ...] = ("x", "y", "likelihood"), index: int = 1):
    owners = individuals or ("",)
    columns = [(owner, part, coordinate) for owner in owners for part in PARTS for coordinate in coordinates]
    empty = [""] * (index - 1)
    lines = [["scorer", *empty, *("DLC_walk" for _ in columns)]]
    if individuals:
        lines.append(["individuals", *empty, *(owner for owner, _, _ in columns)])
    lines.append(["bodyparts", *empty, *(part for _, part, _ in columns)])
    return [*lines, ["coords", *empty, *(coordinate for _, _, coordinate in columns)]]


def cells(shift: float = 0.0, num_coordinates: int = 3) -> list[str]:
    """The stick figure, and a ball."""
    rows = [(*FIGURE.get(part, (9.0, 9.0)), 0.75) for part in PARTS]
    return [str(value) for x, y, c in rows for value in (x + shift, y, c)[:num_coordinates]]


def write(path: Path, lines: list[list[str]]) -> Path:
    path.write_text("".join(",".join(line) + "\n" for line in lines))
    return path


def test_a_persons_frames_are_read_by_the_names_of_body_parts(tmp_path):
    path = write(tmp_path / "a.csv", [*header(), ["0", *cells()], ["1", *[""] * 54], ["2", *cells(5.0)]])
    people, rejected = read_all(path)
    assert not rejected
    assert [(person.source_id, person.position) for person in people] == [("frame 0", "line 4"), ("frame 2", "line 6")]
    assert [person.frame for person in people] == [0, 2]
    assert {person.layout for person in people} == {"coco17"}
    np.testing.assert_array_equal(people[1].keypoints, figure("coco17", 5.0))


def test_individuals_are_tracks_and_one_may_be_missing_in_a_frame(tmp_path):
    lines = [["7", *cells(), *cells(5.0)], ["8", *[""] * 54, *cells(6.0)]]
    people, rejected = read_all(write(tmp_path / "a.csv", [*header(("anna", "ben")), *lines]))
    assert not rejected
    assert [(person.track_id, person.source_id) for person in people] == [
        ("anna", "frame 7"),
        ("ben", "frame 7"),
        ("ben", "frame 8"),
    ]
    np.testing.assert_array_equal(people[2].keypoints, figure("coco17", 6.0))


def test_single_points_are_nobody(tmp_path):
    lines = header(("anna",))
    for line, more in zip(lines, ("DLC_walk", "single", "corner", "x"), strict=True):
        line += [more, more if more != "x" else "y"]
    people, rejected = read_all(write(tmp_path / "a.csv", [*lines, ["0", *cells(), "1", "2"]]))
    assert not rejected
    assert [person.track_id for person in people] == ["anna"]


@pytest.mark.parametrize("index", [["labeled-data/walk/img01.png"], ["labeled-data", "walk", "img01.png"]])
def test_labels_have_pictures_and_no_likelihood(tmp_path, index):
    lines = header(coordinates=("x", "y"), index=len(index))
    people, rejected = read_all(write(tmp_path / "a.csv", [*lines, [*index, *cells(num_coordinates=2)]]))
    assert not rejected
    assert (people[0].image, people[0].source_id) == ("labeled-data/walk/img01.png", "")
    np.testing.assert_array_equal(people[0].keypoints, figure("coco17", confidence=1))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["1", "2", "3"], "3 cells; expected 55"),
        (["1", *["left"] * 54], "'left'; expected a number"),
        (["1", *["0"] * 54], "no keypoint"),
        (["1", *["inf"] * 54], "no keypoint"),
    ],
)
def test_a_malformed_line_is_rejected_alone(tmp_path, line, words):
    people, rejected = read_all(write(tmp_path / "a.csv", [*header(), line, ["2", *cells()]]))
    assert (len(people), [row.position for row in rejected]) == (1, ["line 4"])
    assert words in rejected[0].reason


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([["scorer", "a"]], "lacks the lines"),
        ([["scorer", "a"], ["bodyparts", "nose", "nose"], ["coords", "x", "y"]], "lacks the lines"),
        ([["scorer", "a"], ["bodyparts", "snout"], ["coords", "likelihood"]], "knows 0 of the 0"),
        ([["scorer", *"aa"], ["bodyparts", "tailbase", "tailbase"], ["coords", *"xy"]], "an animal's"),
    ],
)
def test_files_without_a_persons_body_parts_are_refused(tmp_path, lines, words):
    with pytest.raises(InputError, match=words):
        read_all(write(tmp_path / "a.csv", lines))


def test_a_file_with_broken_text_is_read_as_far_as_it_goes(tmp_path):
    path = write(tmp_path / "a.csv", [*header(), *([str(k), *cells()] for k in range(3000))])
    path.write_bytes(path.read_bytes() + b"3000,\xff\xfe")
    people, rejected = read_all(path)
    assert people
    assert len(rejected) == 1
    assert "damaged CSV" in rejected[0].reason


CASES = Path(__file__).parent / "data" / "cases" / "deeplabcut"
"""Written by pandas 3: two frames of two people, one of whom the second frame does not show; a labelled picture; another table."""


@pytest.mark.parametrize("form", ["table", "fixed"])
def test_h5_files_say_the_same_as_csv(form):
    pytest.importorskip("h5py")
    expected, _ = read_all(CASES / "walk.csv")
    people, rejected = read_all(CASES / f"{form}.h5")
    assert not rejected
    assert len(people) == len(expected) == 3
    for person, other in zip(people, expected, strict=True):
        assert (person.track_id, person.source_id, person.position) == (other.track_id, other.source_id, other.position)
        np.testing.assert_array_equal(person.keypoints, other.keypoints)


def test_labels_in_h5_have_pictures():
    pytest.importorskip("h5py")
    people, _ = read_all(CASES / "labels.h5")
    assert [person.image for person in people] == ["labeled-data/walk/img1.png"]
    left_wrist = people[0].keypoints[get_layout(people[0].layout).index("left_wrist")]
    assert left_wrist.tolist() == [*FIGURE["left_wrist"], 1]


def test_another_table_is_refused():
    pytest.importorskip("h5py")
    with pytest.raises(InputError, match="no numbers; write it as CSV"):
        read_all(CASES / "other.h5")


@pytest.mark.parametrize("form", ["table", "fixed", "labels"])
def test_a_damaged_h5_is_read_or_refused(tmp_path, form):
    pytest.importorskip("h5py")
    data = (CASES / f"{form}.h5").read_bytes()
    random = np.random.default_rng(0)
    for number in range(60):
        damaged = bytearray(data)
        for place in random.integers(0, len(data), 40):
            damaged[place] = random.integers(0, 256)
        path = tmp_path / f"{number}.h5"
        path.write_bytes(damaged[: len(data) if number % 2 else int(random.integers(8, len(data)))])
        try:
            people, rejected = read_all(path)
        except InputError:
            continue
        assert all(np.isfinite(person.keypoints).all() for person in people)
        assert all(row.reason for row in rejected)


def test_h5_that_names_another_file_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["df_with_missing"] = h5py.ExternalLink(str(CASES / "table.h5"), "df_with_missing")
    with pytest.raises(InputError, match="other files"):
        read_all(tmp_path / "a.h5")


def test_h5_that_claims_more_than_it_holds_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    (tmp_path / "a.h5").write_bytes((CASES / "fixed.h5").read_bytes())
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        group = file["df_with_missing"]
        del group["axis1"]
        group.create_dataset("axis1", shape=(10**12,), dtype="i8", chunks=(1024,))
    with pytest.raises(InputError, match="ask for 8000000000000 bytes"):
        read_all(tmp_path / "a.h5")


def test_a_pickle_in_h5_is_not_executed(tmp_path):
    h5py = pytest.importorskip("h5py")
    (tmp_path / "a.h5").write_bytes((CASES / "table.h5").read_bytes())
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["df_with_missing"].attrs["info"] = np.bytes_(b"cos\nsystem\n(Vtouch owned\ntR.")
    with pytest.raises(InputError, match=r"asks for os\.system|nothing was executed"):
        read_all(tmp_path / "a.h5")


def test_h5_without_h5py_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"install smplify-jax\[hdf5\], or write the table as CSV"):
        read_all(CASES / "table.h5")
