"""Frames and videos told from the names of files and pictures."""

import pytest

from smplify_jax.keypoints.videos import places_in_videos


def places(files, images=None, frames=None):
    count = len(files)
    return [tuple(place) for place in places_in_videos(files, images or [""] * count, frames or [None] * count)]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["d/walk_000000000012.json", "d/walk_000000000003.json"], [("walk", 12), ("walk", 3)]),
        (["d/seq1/000001.json", "d/seq2/000001.json"], [("seq1", 1), ("seq2", 1)]),
        (["d/frame_01.json", "d/frame_02.json"], [("d", 1), ("d", 2)]),
        # The camera's number does not differ within a folder, and the frame's is the last that does.
        (["d/cam3_0001.json", "d/cam3_0002.json"], [("cam3", 1), ("cam3", 2)]),
        (["d/0001_cam3.json", "d/0002_cam3.json"], [("cam3", 1), ("cam3", 2)]),
        (["d/a1_01.json", "d/a1_02.json", "d/a2_01.json"], [("a1", 1), ("a1", 2), ("a2", 1)]),
        (["x/d/clip_1.json", "y/d/clip_1.json"], [("x/d/clip", 1), ("y/d/clip", 1)]),
        (["d/photo.json"], [("photo", 0)]),
        (["d/photo.json", "d/other.json"], [("photo", 0), ("other", 0)]),
        ([f"d/{'9' * 30}.json"], [("9" * 30, 0)]),
    ],
)
def test_the_last_number_that_differs_is_the_frames(files, expected):
    assert places(files) == expected


def test_a_file_of_many_pictures_is_divided_by_their_folders():
    images = ["val/a/000.jpg", "val/a/001.jpg", "val/b/000.jpg", "val\\b\\001.jpg"]
    assert places(["d/val.json"] * 4, images) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]


def test_files_with_pictures_of_the_same_names_are_different_videos():
    found = places(["d/one.json", "d/one.json", "d/two.json", "d/two.json"], ["0.jpg", "1.jpg"] * 2)
    assert found == [("one", 0), ("one", 1), ("two", 0), ("two", 1)]


def test_numbers_that_a_file_states_win_over_names():
    assert places(["d/results_run.json"] * 2, ["run", "run"], [4, 7]) == [("run", 4), ("run", 7)]


def test_frames_in_files_of_their_own_go_by_the_names_of_the_files():
    assert places(["d/run_1.json", "d/run_2.json"], ["run_1", "run_2"], [0, 0]) == [("run", 1), ("run", 2)]


def test_no_names_at_all_are_one_picture():
    assert places(["", ""]) == [("video", 0), ("video", 0)]
    assert places([]) == []
