"""Jobs of tracks that are fitted: the numbers of fit_sequence, exports, and the command."""

import contextlib
import io

import jax
import numpy as np
import pytest
from command_line import one_sentence
from company import assert_same
from dataset_jobs import files_of, write_tracks
from people import IMAGE_SIZE, draw_people

from smplify_jax.cli.dataset import main
from smplify_jax.datasets.exports import export_fits
from smplify_jax.datasets.exports.options import ExportOptions
from smplify_jax.datasets.exports.units import whole_units
from smplify_jax.datasets.job.job import fit_dataset
from smplify_jax.datasets.job.track_fitter import TrackFitter
from smplify_jax.datasets.job.tracks import TrackChoices, track_units
from smplify_jax.datasets.parquet import read_fits
from smplify_jax.datasets.read import read_dataset
from smplify_jax.fitting.sequence import fit_sequence
from smplify_jax.keypoints.rows import DatasetRow
from smplify_jax.result import FitResult, FitStatus

FPS = 25.0
CHOICES = TrackChoices(fps=FPS)


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
