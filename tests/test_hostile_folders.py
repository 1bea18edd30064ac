"""What is no plain file, and folders that link to each other or lie deep in each other: sentences, and nobody is lost."""

import os
import socket
from collections import Counter
from pathlib import Path

import pytest
from hostile_files import coco, reads, reasons

from smplify_jax import load_keypoints
from smplify_jax.errors import InputError
from smplify_jax.files.budget import read_with
from smplify_jax.keypoints.formats.reading import ReadOptions
from smplify_jax.keypoints.read import read_rows
from smplify_jax.keypoints.rows import DatasetRow, RejectedRow


def fifo(path):
    os.mkfifo(path)


def endless(path):
    path.symlink_to("/dev/zero")


def bound(path):
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(path))


@pytest.mark.parametrize(
    ("make", "reader"),
    [
        (fifo, "load_body"),
        (fifo, "load_prior"),
        (fifo, "load_keypoints"),
        (fifo, "read_image_size"),
        (endless, "load_keypoints"),
        (bound, "load_body"),
    ],
)
def test_what_is_no_plain_file_is_a_sentence_and_not_waited_for(tmp_path, monkeypatch, make, reader):
    monkeypatch.chdir(tmp_path)  # the name of a socket has a hundred letters at most
    make(Path("odd.npz"))
    lines, is_sentence = reads(reader, "odd.npz")
    assert is_sentence
    assert "odd.npz" in lines[0]


def test_in_a_folder_what_is_no_plain_file_costs_nobody(tmp_path):
    fifo(tmp_path / "a.json")
    endless(tmp_path / "b.npz")
    (tmp_path / "c.json").write_text(coco([1]))
    rows = list(read_rows(tmp_path))
    assert [type(row) for row in rows] == [RejectedRow, RejectedRow, DatasetRow]
    pipe, device = reasons(rows)
    assert "is a pipe" in pipe
    assert "is a device" in device


def test_a_folder_that_links_to_itself_is_read_once(tmp_path):
    (tmp_path / "a.json").write_text(coco([1]))
    (tmp_path / "again").symlink_to(tmp_path)
    rows = list(read_rows(tmp_path))
    assert [type(row) for row in rows] == [DatasetRow, RejectedRow]
    assert "a link to one that it lies in" in reasons(rows)[0]


def test_a_folder_that_several_links_lead_to_is_read_once_and_nobody_is_rejected(tmp_path):
    (tmp_path / "in" / "real").mkdir(parents=True)
    (tmp_path / "in" / "real" / "a.json").write_text(coco([1]))
    (tmp_path / "in" / "again").symlink_to("real")
    (tmp_path / "in" / "third").symlink_to("real")
    passed_over = Counter()
    (row,) = read_rows(tmp_path / "in", options=ReadOptions(passed_over=passed_over))
    assert isinstance(row, DatasetRow)
    assert row.file == "again/a.json"  # where it comes up first
    assert passed_over == {"links to folders that were read already": 2}


def test_links_in_a_circle_are_one_rejected_row_each_and_cost_nobody(tmp_path):
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "people.json").write_text(coco([1]))
        (tmp_path / name / "to_other").symlink_to(f"../{other}")
    rows = list(read_rows(tmp_path))
    assert sum(isinstance(row, DatasetRow) for row in rows) == 2
    assert ["a link to one that it lies in" in reason for reason in reasons(rows)] == [True]


def test_folders_too_deep_are_one_rejected_row_until_their_limit_is_raised(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(100):
        Path("d").mkdir()
        os.chdir("d")
    Path("a.json").write_text(coco([1]))
    (reason,) = reasons(read_rows(tmp_path))
    assert "the limit folder_depth" in reason
    with read_with(folder_depth=200):
        (row,) = read_rows(tmp_path)
    assert isinstance(row, DatasetRow)


def test_1100_folders_in_each_other_are_no_recursion(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(1100):
        Path("d").mkdir()
        os.chdir("d")
    try:
        with read_with(folder_depth=2000), pytest.raises(InputError, match="holds no keypoint file"):
            list(read_rows(tmp_path))
    finally:  # pytest would remove them by a function that calls itself
        for _ in range(1100):
            os.chdir("..")
            Path("d").rmdir()


def test_a_file_whose_name_is_not_utf8_has_a_name_that_is(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.json"
    with open(path, "w") as file:
        file.write(coco([1]))
    (row,) = read_rows(tmp_path)
    assert row.file == r"\xff.json"
    assert load_keypoints(tmp_path).names
