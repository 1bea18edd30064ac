"""`smplify-fit-dataset --track`: the tracks of a data set are fitted as wholes, in a job that restarts like any other."""

import contextlib
import io
import json
from dataclasses import replace

import jax
import numpy as np
import pytest
from command_line import one_sentence
from company import assert_same
from dataset_jobs import BATCH_SIZE, FakeFitter, files_of, num_lines, write_tracks
from people import IMAGE_SIZE, draw_people

from smplify_jax.cli.dataset import main
from smplify_jax.datasets.exports import export_fits
from smplify_jax.datasets.exports.options import ExportOptions
from smplify_jax.datasets.exports.units import UNIT_COLUMNS, whole_units
from smplify_jax.datasets.job.job import fit_dataset
from smplify_jax.datasets.job.plan import Shard, plan_batches
from smplify_jax.datasets.job.row_content import row_content
from smplify_jax.datasets.job.track_fitter import TrackFitter
from smplify_jax.datasets.job.tracks import TrackChoices, track_units
from smplify_jax.datasets.parquet import read_fits
from smplify_jax.datasets.read import read_dataset
from smplify_jax.fitting.sequence import fit_sequence
from smplify_jax.keypoints.rows import DatasetRow
from smplify_jax.result import FitResult, FitStatus

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


# Jobs


@pytest.fixture
def walk(tmp_path):
    return write_tracks(tmp_path / "walk.npz", lengths=[3, 4, 9, 30, 2, 6, 8, 1], gap=10)


def _run(path, out, log="log", **options):
    fitter = options.pop("fitter", FakeFitter(str(out.parent / log), tracks=CHOICES))
    return fit_dataset(path, out, fitter=fitter, batch_size=BATCH_SIZE, **options)


def test_a_job_whose_files_are_deleted_and_one_in_shards_end_with_the_same_bytes(walk, tmp_path):
    report = _run(walk, tmp_path / "out")
    whole = files_of(tmp_path / "out")
    assert (report.num_people, report.num_tracks, report.num_batches) == (63, 8, 6)
    parts = sorted((tmp_path / "out" / "parquet").iterdir())
    for part in parts[1::2]:
        part.unlink()
    _run(walk, tmp_path / "out", resume=True)
    assert files_of(tmp_path / "out") == whole
    for index in (1, 2, 0):
        _run(walk, tmp_path / "shards", shard=Shard(index, 3))
    assert files_of(tmp_path / "shards") == whole


def test_a_job_that_stops_while_fitting_goes_on_with_what_is_missing(walk, tmp_path):
    class Failing(FakeFitter):
        def fit(self, people):
            if num_lines(self.log) == 3:
                raise RuntimeError("out of memory")
            return super().fit(people)

    with pytest.raises(RuntimeError, match="out of memory"):
        _run(walk, tmp_path / "out", fitter=Failing(str(tmp_path / "log"), tracks=CHOICES))
    _run(walk, tmp_path / "out", resume=True)
    _run(walk, tmp_path / "whole", log="another log")
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")
    assert num_lines(tmp_path / "log") == num_lines(tmp_path / "another log"), "nothing is fitted twice"


def test_a_file_holds_whole_tracks_with_their_columns(walk, tmp_path):
    _run(walk, tmp_path / "out")
    files = [
        [
            (track, frame)
            for batch in read_fits(part)
            for track, frame in zip(batch.texts("track_id"), batch.array("frame"), strict=True)
        ]
        for part in sorted((tmp_path / "out" / "parquet").iterdir())
    ]
    assert [len(rows) for rows in files] == [7, 9, 30, 8, 8, 1]
    assert [sorted({str(track) for track, _ in rows}) for rows in files] == [
        ["0", "1"],
        ["2"],
        ["3"],
        ["4", "5"],
        ["6"],
        ["7"],
    ]
    (batch,) = read_fits(tmp_path / "out" / "parquet" / "part-00000001.parquet")
    assert batch.texts("video") == ["walk"] * 9
    np.testing.assert_array_equal(batch.array("frame"), np.arange(9) + 3 + 4 + 2 * 10)
    np.testing.assert_array_equal(batch.array("time"), batch.array("frame") / FPS)


def test_people_who_are_fitted_by_themselves_have_no_track(walk, tmp_path):
    report = fit_dataset(walk, tmp_path / "out", fitter=FakeFitter(str(tmp_path / "log")), batch_size=BATCH_SIZE)
    assert report.num_tracks == 0
    for batch in read_fits(tmp_path / "out"):
        assert batch.texts("video") == batch.texts("track_id") == [None] * len(batch)
        assert np.isnan(batch.array("frame")).all()
        assert np.isnan(batch.array("time")).all()


def test_the_report_counts_tracks(walk, tmp_path):
    _run(walk, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "report.json").read_text())["num_tracks"] == 8
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<b>63</b><span>frames of people</span>" in page
    assert "<b>8</b><span>tracks</span>" in page


def test_another_input_in_the_same_places_is_noticed(walk, tmp_path):
    _run(walk, tmp_path / "out")
    write_tracks(walk, lengths=[3, 4, 9, 29, 2, 6, 8, 1], gap=10)
    with pytest.raises(Exception, match="holds fits of other people"):
        _run(walk, tmp_path / "out", resume=True)


@pytest.mark.parametrize("rows_at_a_time", [1, 5, 8, 100])
def test_tracks_are_put_together_however_their_rows_are_read(walk, tmp_path, rows_at_a_time):
    _run(walk, tmp_path / "out")
    batches = read_fits(tmp_path / "out", UNIT_COLUMNS, rows_at_a_time)
    found = [(unit.name, batch.texts("track_id")[unit.rows]) for batch, units in whole_units(batches) for unit in units]
    lengths = [3, 4, 9, 30, 2, 6, 8, 1]
    assert found == [(f"walk_{k}", [str(k)] * length) for k, length in enumerate(lengths)]


# Fits

HIDDEN = (4, 5)
NUM_FRAMES = 12


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """A folder of two videos: two people, the second hidden in two frames; and one person of whom every second frame was taken."""
    folder = tmp_path_factory.mktemp("videos")
    people, steps = draw_people(3, "coco17", seed=3).keypoints, np.arange(NUM_FRAMES)
    moved = people[:, None] + np.array([4.0, 0, 0]) * steps[:, None, None]
    noise = np.random.default_rng(0).normal(0, 2, moved.shape)
    moved = (moved + noise * [1, 1, 0]).astype(np.float32)

    def write(name, tracks, frames, ids):
        about = {"layout": "coco17", "image_size": IMAGE_SIZE, "frames": frames, "track_ids": ids}
        np.savez(folder / name, keypoints=np.concatenate(tracks), **about)

    seen = [step for step in range(NUM_FRAMES) if step not in HIDDEN]
    write("walk.npz", [moved[0], moved[1][seen]], [*steps, *seen], ["a"] * NUM_FRAMES + ["b"] * len(seen))
    write("run.npz", [moved[2][:8]], 2 * steps[:8], ["7"] * 8)
    return folder


@pytest.fixture(scope="module")
def fitter():
    return TrackFitter(tracks=CHOICES)


@pytest.fixture(scope="module")
def job(videos, fitter, tmp_path_factory):
    """The folder of a job that fits all of the tracks."""
    out = tmp_path_factory.mktemp("job")
    report = fit_dataset(videos, out, fitter=fitter, batch_size=24)
    assert report.statuses["filled"] == len(HIDDEN)
    assert report.is_clean
    return out


def _units(videos):
    rows = [row for row in read_dataset(videos) if isinstance(row, DatasetRow)]
    return {unit[0].track_id: unit for unit in track_units(rows, CHOICES, print)}


def _columns(job, *names):
    """The rows of each track."""
    found = {}
    for batch, units in whole_units(read_fits(job)):
        for unit in units:
            found[unit.name] = {name: batch.array(name)[unit.rows] for name in names}
    return found


def test_a_track_is_fitted_the_same_to_the_bit_in_any_company(videos, fitter):
    tracks = _units(videos)
    together = fitter.fit([row for unit in tracks.values() for row in unit])
    first = 0
    for unit in tracks.values():
        assert_same(fitter.fit(unit), together[first : first + len(unit)])
        first += len(unit)
    turned = fitter.fit([row for unit in reversed(tracks.values()) for row in unit])
    assert_same(turned[: len(unit)], together[len(together) - len(unit) :])


def test_a_track_of_a_job_has_the_numbers_of_fit_sequence(videos, job):
    found = _columns(job, "body_pose", "transl", "betas", "status")
    for track_id, unit in _units(videos).items():
        expected = fit_sequence(
            np.stack([row.keypoints for row in unit]),
            layout="coco17",
            fps=FPS / 2 if track_id == "7" else FPS,
            image_size=IMAGE_SIZE,
        )
        for name, values in found[f"{unit[0].video}_{track_id}"].items():
            np.testing.assert_array_equal(values, getattr(expected, name))


def test_frames_in_which_a_person_is_hidden_are_filled(job):
    status = _columns(job, "status")["walk_b"]["status"]
    assert np.flatnonzero(status == FitStatus.FILLED).tolist() == list(HIDDEN)


def test_a_resumed_job_of_fits_ends_with_the_same_bytes(videos, fitter, job, tmp_path):
    fit_dataset(videos, tmp_path / "out", fitter=fitter, batch_size=24)
    (tmp_path / "out" / "parquet" / "part-00000001.parquet").unlink()
    fit_dataset(videos, tmp_path / "out", fitter=fitter, batch_size=24, resume=True)
    assert files_of(tmp_path / "out") == files_of(job)


def test_a_bad_track_touches_no_other(videos, fitter, job, tmp_path):
    def rows(folder):
        return {
            name: [value.tobytes() for value in columns.values()]
            for name, columns in _columns(folder, "body_pose", "joints", "transl", "joints_std").items()
        }

    for path in videos.iterdir():
        (tmp_path / "in" / path.name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    write_tracks(tmp_path / "in" / "sizeless.npz", [5], size=None)
    (tmp_path / "in" / "torn.npz").write_bytes((videos / "walk.npz").read_bytes()[:-200])
    report = fit_dataset(tmp_path / "in", tmp_path / "out", fitter=fitter, batch_size=24)
    assert rows(tmp_path / "out") == rows(job)
    assert sorted(line["file"] for line in report.rejected) == ["sizeless.npz", "torn.npz"]


# Exports


def _npz(path):
    with np.load(path) as data:
        return {name: data[name] for name in data.files}


def test_an_exported_motion_is_that_of_to_amass(videos, job, tmp_path):
    exported = export_fits(job, "amass", tmp_path)
    assert sorted(path.name for path in exported.files) == ["run_7.npz", "walk_a.npz", "walk_b.npz"]
    unit = _units(videos)["b"]
    keypoints = np.stack([row.keypoints for row in unit])
    expected = fit_sequence(keypoints, layout="coco17", fps=FPS, image_size=IMAGE_SIZE).to_amass(FPS)
    found = _npz(tmp_path / "walk_b.npz")
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        if name == "trans":
            np.testing.assert_allclose(found[name], values, atol=1e-5)  # m: the pelvis is stored in single precision
        elif values.dtype.kind == "f":
            np.testing.assert_allclose(found[name], values, atol=1e-6)
        else:
            np.testing.assert_array_equal(found[name], values)
    assert _npz(tmp_path / "run_7.npz")["mocap_frame_rate"] == FPS / 2


def test_frames_that_an_export_leaves_out_of_a_motion_are_held(job, tmp_path):
    # Of filled frames, the error is not known.
    exported = export_fits(job, "amass", tmp_path, ExportOptions(max_error=99.0))
    assert exported.left_out == {"error too high or not known": len(HIDDEN)}
    found = _npz(tmp_path / "walk_b.npz")
    assert len(found["poses"]) == NUM_FRAMES
    assert found["mocap_frame_rate"] == FPS
    for frame in HIDDEN:
        np.testing.assert_array_equal(found["poses"][frame], found["poses"][HIDDEN[0] - 1])
    assert np.flatnonzero(~found["is_fitted"]).tolist() == list(HIDDEN)


def test_exported_people_and_avatars_have_all_frames(job, tmp_path):
    export_fits(job, "people", tmp_path / "people")
    export_fits(job, "smpl", tmp_path / "smpl")
    result = FitResult.load(tmp_path / "people" / "walk_b.npz")
    assert len(result) == NUM_FRAMES
    assert _npz(tmp_path / "people" / "walk_b.npz")["times"].tolist() == [frame / FPS for frame in range(NUM_FRAMES)]
    avatar = _npz(tmp_path / "smpl" / "walk_b.smpl")
    assert (avatar["frameCount"], avatar["frameRate"], avatar["bodyPose"].shape) == (12, FPS, (12, 24, 3))


def test_trainers_crops_leave_out_frames_in_which_nobody_was_seen(job, tmp_path):
    exported = export_fits(job, "spin", tmp_path)
    assert exported.left_out == {"not seen in a frame of their track": len(HIDDEN)}
    spin = _npz(tmp_path / "fits.npz")
    assert len(spin["center"]) == 2 * NUM_FRAMES - len(HIDDEN) + 8
    assert (spin["part"][..., 2] > 0).any(axis=1).all()


# The command


def _command(*arguments):
    told, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(complained):
        status = main([*map(str, arguments), "--no-cache"])
    return status, told.getvalue(), complained.getvalue()


def test_the_command_fits_and_exports_tracks_and_resumes(videos, job, tmp_path):
    options = (videos, "--track", "--fps", FPS, "--out", tmp_path / "out", "--export", "amass", "--batch-size", 24)
    status, told, _ = _command(*options)
    assert status == 0
    assert f"{2 * NUM_FRAMES + 8} frames of 3 tracks, at 25 frames per second (--fps), have a row: " in told
    assert "2 filled" in told
    assert f"{tmp_path / 'out' / 'amass'}, 3 people" in told
    if len(jax.devices()) == 1:  # with several, it is another program
        parts = [sorted((folder / "parquet").iterdir()) for folder in (tmp_path / "out", job)]
        assert [part.read_bytes() for part in parts[0]] == [part.read_bytes() for part in parts[1]]
    status, told, _ = _command(*options, "--resume")
    assert status == 0
    assert "0 frames were fitted in this run" in told
    status, _, complained = _command(*options[:2], "--fps", 30, *options[4:], "--resume")
    assert status == 1
    assert "tracks was {'fps': 25.0" in complained


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--fps", 25), "--fps, --max-gap and --min-frames are for videos: add --track."),
        (("--track", "--fps", 0), "--fps must be a positive number"),
        (("--track", "--max-gap", -1), "--max-gap must be a number of seconds"),
        (("--track", "--min-frames", 0), "--min-frames must be at least 1"),
        (
            ("--track", "--profile", "plain"),
            "--profile is for fits of single pictures: leave it out, or leave out --track.",
        ),
        (("--track", "--num-starts", 2), "--num-starts is for fits of single pictures"),
        (("--track", "--search-focal-length"), "--search-focal-length is for fits of single pictures"),
        (("--track", "--min-quality", 0.5), "--min-quality is for fits of single pictures"),
    ],
)
def test_options_that_make_no_sense_are_told_in_a_sentence(options, words, tmp_path):
    status, _, complained = _command(tmp_path, *options, "--out", tmp_path / "out")
    assert status == 2
    assert words in one_sentence(complained, "smplify-fit-dataset")
    assert not (tmp_path / "out").exists()
