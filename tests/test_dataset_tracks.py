"""`smplify-fit-dataset --track`: the tracks of a data set are fitted as wholes, in a job that restarts like any other."""

from dataclasses import replace

import numpy as np
import pytest

from smplify_jax.datasets.job.plan import plan_batches
from smplify_jax.datasets.job.row_content import row_content
from smplify_jax.datasets.job.track_fitter import TrackFitter
from smplify_jax.datasets.job.tracks import TrackChoices, track_units
from smplify_jax.keypoints.rows import DatasetRow

FPS = 25.0
CHOICES = TrackChoices(fps=FPS)


# Which rows are a track


def _row(frame, place=100.0, file="walk.npz", track_id="1", image="", **about):
    keypoints = np.full((17, 3), 0.9, np.float32)
    keypoints[:, :2] = np.linspace(place, place + 160, 17)[:, None]
    row_id = f"{file}#{frame if frame is not None else image}/{track_id}/{place:g}"
    row = DatasetRow(row_id, keypoints, "coco17", file, row_id, image=image, track_id=track_id, frame=frame)
    return replace(row, **{"image_size": (640.0, 480.0), **about})


def _tracks(rows, **choices):
    """The units of these rows, and what was passed over."""
    passed: list[str] = []
    return list(track_units(rows, TrackChoices(**{"fps": FPS, **choices}), passed.append)), passed


def _names(units):
    return [(unit[0].video, unit[0].track_id, [row.frame for row in unit]) for unit in units]


def test_a_row_says_where_in_which_track_it_is():
    ((first, second),), _ = _tracks([_row(7), _row(12)])
    assert (first.video, first.track_id, first.frame, first.time) == ("walk", "1", 7, 7 / FPS)
    assert (second.frame, second.time) == (12, 12 / FPS)


def test_a_frame_in_which_the_person_is_not_seen_has_a_row_with_an_id_of_its_own_and_no_keypoints():
    other = [_row(frame, 400.0, track_id="2", image=f"{frame}.jpg") for frame in range(5)]
    seen = [_row(frame, image=f"{frame}.jpg", gender="female") for frame in (0, 1, 4)]
    units, _ = _tracks([*other, *seen])
    track = next(unit for unit in units if unit[0].track_id == "1")
    assert [row.id for row in track] == [seen[0].id, seen[1].id, f"{seen[1].id}+1", f"{seen[1].id}+2", seen[2].id]
    assert [bool(row.keypoints.any()) for row in track] == [True, True, False, False, True]
    assert (track[2].file, track[2].position, track[2].image, track[2].gender) == ("", "", "2.jpg", "female")


def test_all_rows_of_a_track_have_its_camera():
    rows = [_row(0, focal_length=900.0), _row(1, focal_length=1000.0), _row(2), _row(4, focal_length=1000.0)]
    ((*track,),), _ = _tracks(rows)
    assert [row.focal_length for row in track] == [1000.0] * 5


def test_a_person_who_comes_back_is_another_track_of_the_video():
    units, _ = _tracks([_row(frame) for frame in (0, 1, 1000, 1001, 3000)])
    assert _names(units) == [("walk", "1", [0, 1]), ("walk", "1_2", [1000, 1001]), ("walk", "1_3", [3000])]


def test_tracks_that_are_too_short_are_passed_over_and_counted():
    rows = [_row(frame, track_id=name) for name, count in (("a", 3), ("b", 2), ("c", 1)) for frame in range(count)]
    units, passed = _tracks(rows, min_frames=3)
    assert _names(units) == [("walk", "a", [0, 1, 2])]
    assert passed == ["tracks of fewer than 3 frames"] * 2


def test_videos_are_folders_of_frames_and_files_of_several_and_none_is_cut_or_mixed_with_another():
    def frame(file):
        return _row(None, file=file, track_id="")

    rows = [
        frame("a/walk_01.json"),
        frame("a/sub/walk_01.json"),
        frame("a/sub/walk_02.json"),
        *[_row(k, file="a/sub.npz") for k in range(3)],
        frame("a/walk_02.json"),
        frame("b/walk_01.json"),
        *[_row(k, file="c.npz") for k in range(2)],
        *[_row(k, file="c.csv") for k in range(2)],
    ]
    units, _ = _tracks(rows)
    assert sorted(_names(units)) == [
        ("a/sub", "1", [0, 1, 2]),
        ("a/sub/walk", "0", [1, 2]),
        ("a/walk", "0", [1, 2]),
        ("b/walk", "0", [1]),
        ("c", "1", [0, 1]),
        ("c_2", "1", [0, 1]),
    ]


def test_a_video_is_yielded_as_soon_as_it_is_read():
    def rows():
        yield from (_row(k, file="a.npz") for k in range(3))
        yield _row(None, file="b/1.json")
        raise AssertionError("read on")

    assert _names([next(track_units(rows(), CHOICES, print))]) == [("a", "1", [0, 1, 2])]


# Batches of tracks


def _planned(rows, batch_size, objection=lambda row: None):
    rejected = []
    batches = plan_batches(
        rows, batch_size, objection, rejected.append, lambda some: track_units(some, CHOICES, lambda what: None)
    )
    return list(batches), rejected


def test_a_batch_holds_whole_tracks_and_one_that_is_longer_is_a_batch():
    lengths = {"a": 3, "b": 4, "c": 2, "d": 12, "e": 1, "f": 7}
    rows = [_row(frame, track_id=name) for name, length in lengths.items() for frame in range(length)]
    batches, rejected = _planned(rows, 8)
    assert not rejected
    assert [[row.track_id for row in batch.people] for batch in batches] == [
        ["a"] * 3 + ["b"] * 4,
        ["c"] * 2,
        ["d"] * 12,
        ["e"] + ["f"] * 7,
    ]


def test_a_track_that_cannot_be_fitted_is_one_rejected_row_and_the_others_stay():
    rows = [_row(frame, track_id=name, image_size=size) for name, size in SIZES.items() for frame in range(9)]
    batches, rejected = _planned(rows, 4, TrackFitter().objection)
    assert [batch.people[0].track_id for batch in batches] == ["a", "c"]
    (row,) = rejected
    assert (row.file, row.position) == ("walk.npz", _row(0, track_id="b").position)
    assert row.reason.startswith("track 'b' of the video 'walk', 9 frames: the picture's size is not known")


SIZES = {"a": (640.0, 480.0), "b": None, "c": (640.0, 480.0)}


def test_a_row_that_cannot_be_used_is_a_frame_in_which_nobody_is_seen():
    rows = [_row(frame) for frame in range(5)]
    rows[2] = replace(rows[2], gender=["female"])
    rows[3] = replace(rows[3], frame=10**400)
    (batch,), rejected = _planned(rows, 8)
    assert [row.keypoints.any() for row in batch.people] == [True, True, False, False, True]
    assert [row.position for row in rejected] == [rows[2].position, rows[3].position]


HOSTILE = {
    "keypoints that are not numbers": {"keypoints": np.full((17, 3), np.nan, np.float32)},
    "keypoints that are far too large": {"keypoints": np.full((17, 3), 3e38, np.float32)},
    "keypoints in double precision": {"keypoints": np.full((17, 3), 50.0)},
    "an id that is a number": {"track_id": 1},
    "an id of a megabyte": {"track_id": "x" * 2**20},
    "a frame with a fraction": {"frame": 0.5},
    "a frame that no integer holds": {"frame": 10**400},
    "a picture as wide as a light-year": {"image_size": (1e20, 480.0)},
    "a focal length at the limit": {"focal_length": 3e38},
    "a centre that is known in part": {"camera_center": (float("nan"), 3e38)},
    "an id as long as one may be": {"id": "x" * 2**16},
    "a picture whose name is as long as one may be": {"image": "x" * 2**16},
}


@pytest.mark.parametrize("what", HOSTILE)
def test_whatever_a_row_holds_the_tracks_of_others_stay(what):
    others = [_row(frame, 400.0, file="other.npz") for frame in (0, 1, 3)]
    (alone,), _ = _planned(others, 4)
    bad = [_row(0), replace(_row(1), **HOSTILE[what]), _row(4), _row(5, track_id=""), _row(6, track_id="")]
    batches, rejected = _planned([*bad, *others], 4)
    assert sum(batch.input_hash == alone.input_hash for batch in batches) == 1
    assert len({row.id for batch in batches for row in batch.people}) == sum(len(batch.people) for batch in batches)
    assert all(len(row.reason) < 500 for row in rejected)


def test_the_place_in_a_track_is_part_of_the_content_and_what_files_say_of_tracks_is_not():
    ((row, _),), _ = _tracks([_row(0), _row(1)])
    changes = ({"video": "run"}, {"track_id": "2"}, {"frame": 9}, {"time": 9.0})
    assert len({row_content(row), *(row_content(replace(row, **change)) for change in changes)}) == 5
    alone = _row(0)
    assert row_content(alone) == row_content(replace(alone, track_id="2", frame=9))
