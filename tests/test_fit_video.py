"""From a video to moving bodies, with a detector that knows the truth of a rendered clip."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import pickle
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from command_line import REPOSITORY, one_sentence
from pages import data_of
from videos import Scripted, write_video

from smplify_jax import fit_sequence, fit_video, load_body
from smplify_jax.body.open_body import OPEN_BODY_PATHS
from smplify_jax.cli import example_video as example_command
from smplify_jax.cli import video_command
from smplify_jax.cli.fit import main
from smplify_jax.detectors import registry
from smplify_jax.errors import InputError
from smplify_jax.files.video import open_video
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.media.example_video import IMAGE_SIZE, ExampleMotion, TrueKeypoints, example_motion
from smplify_jax.media.ready_fits import fits_made_ready
from smplify_jax.result import FitResult

NUM_FRAMES = 8
TIMES = np.cumsum([0.0, 0.04, 0.04, 0.08, 0.04, 0.04, 0.02, 0.04])
"""[s] Of a video whose rate varies."""


@pytest.fixture(scope="module")
def motion() -> ExampleMotion:
    return example_motion(load_body(), NUM_FRAMES)


@pytest.fixture(scope="module")
def video(motion: ExampleMotion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grey video of the right size: the detector knows where the person is."""
    path = tmp_path_factory.mktemp("video") / "walk.mp4"
    return write_video(path, TIMES, np.full((IMAGE_SIZE[1], IMAGE_SIZE[0], 3), 90, np.uint8))


@pytest.fixture(scope="module")
def detector(motion: ExampleMotion) -> Scripted:
    """Two people: the one of the motion, and the same 150 px further left who is seen in half of the frames."""
    one = TrueKeypoints(motion, "coco17").keypoints[:, None]
    other = one - np.array([150.0, 0, 0], np.float32)
    other[NUM_FRAMES // 2 :] = 0
    return Scripted(np.concatenate([one, other], axis=1), "coco17")


def test_the_bodies_of_a_video_are_near_the_truth(video: Path, detector: Scripted, motion: ExampleMotion):
    fitted = fit_video(video, detector=detector, min_frames=NUM_FRAMES)
    (person,) = fitted.people
    np.testing.assert_allclose(person.times, TIMES, atol=1e-4)
    assert person.result.status.shape == (NUM_FRAMES,)
    assert fitted.files == ()
    errors = [pa_mpjpe(one, true) for one, true in zip(person.result.joints, motion.joints, strict=True)]
    assert np.mean(errors) < 0.08  # one view of a person with other proportions than the average
    assert np.nanmedian(person.result.reprojection_error_px) < 6  # noise of 0.5 % of 400 px, and what the fit smooths


@pytest.fixture(scope="module")
def predictions(detector: Scripted, motion: ExampleMotion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The true poses of the first person, in a file as VIBE's."""
    low, high = (ends(detector.keypoints[:, 0, :, :2], axis=1) for ends in (np.min, np.max))
    people = {
        "pose": np.concatenate([motion.global_orient, motion.body_pose], axis=1),
        "betas": np.full((NUM_FRAMES, 10), 3.0),  # SMPL's mean something else, and may not be used
        "pred_cam": np.tile([0.9, 0.0, 0.0], (NUM_FRAMES, 1)),
        "bboxes": np.concatenate([(low + high) / 2, high - low], axis=1),
        "frame_ids": np.arange(NUM_FRAMES),
    }
    path = tmp_path_factory.mktemp("predictions") / "vibe.pkl"
    path.write_bytes(pickle.dumps({1: people}))
    return path


def check_near(joints: np.ndarray, motion: ExampleMotion) -> None:
    errors = [pa_mpjpe(one, true) for one, true in zip(joints, motion.joints, strict=True)]
    assert np.mean(errors) < 0.02  # without predictions, some 50 mm


def test_bodies_start_from_the_predictions_of_their_frames(
    video: Path, detector: Scripted, motion: ExampleMotion, predictions: Path
):
    given = {"detector": detector, "min_frames": NUM_FRAMES, "init": predictions, "init_error": 5.0}
    (person,) = fit_video(video, **given).people
    check_near(np.asarray(person.result.joints), motion)
    # The open body from its file is no other one, and the predicted betas of SMPL are not used for it either.
    (same,) = fit_video(video, body=OPEN_BODY_PATHS["neutral"], **given).people
    np.testing.assert_allclose(same.result.betas, person.result.betas, atol=1e-3)


def test_the_command_starts_from_the_predictions_of_their_frames(
    video: Path,
    detector: Scripted,
    motion: ExampleMotion,
    predictions: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(video_command, "get_detector", lambda name, model: detector)
    options = "--no-overlay", "--min-frames", NUM_FRAMES, "--init", predictions, "--init-error", 5
    assert _run(video, "--out", tmp_path, *options)[0] == 0
    check_near(np.asarray(FitResult.load(tmp_path / "walk_0.npz").joints), motion)


def test_a_video_without_people_is_said_to_be_one(video: Path):
    nobody = Scripted(np.zeros((0, 1, 17, 3), np.float32), "coco17")
    with pytest.raises(InputError, match=r"walk\.mp4: scripted finds nobody"):
        fit_video(video, detector=nobody)


@pytest.fixture(scope="module")
def ran(video: Path, detector: Scripted, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path, str, str]:
    """Exit status, folder, stdout and stderr of the command."""
    out = tmp_path_factory.mktemp("fits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(video_command, "get_detector", lambda name, model: detector)
        return _run(video, "--out", out, "--report", out.with_name("report.html"))


def _run(*arguments: object) -> tuple[int, Path, str, str]:
    told, complained = io.StringIO(), io.StringIO()
    out = Path(str(arguments[arguments.index("--out") + 1]))
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(complained):
        status = main([*map(str, arguments), "--no-cache"])
    return status, out, told.getvalue(), complained.getvalue()


def test_the_command_writes_each_persons_files_and_one_overlay(ran: tuple[int, Path, str, str]):
    status, out, stdout, stderr = ran
    assert status == 0
    assert "1 of 2 people are seen in fewer than 5 frames" in one_sentence(stderr)
    files = {f"walk_{person}{ending}" for person in (0, 1) for ending in (".npz", "_amass.npz", ".glb")}
    assert {path.name for path in out.iterdir()} == {*files, "overlay.mp4", "summary.json"}
    assert [line.split(":")[0] for line in stdout.splitlines()] == ["walk_0", "walk_1", "2 people", "walk.mp4"]
    assert len(FitResult.load(out / "walk_0.npz")) == NUM_FRAMES
    with np.load(out / "walk_0.npz") as saved:
        np.testing.assert_allclose(saved["times"], TIMES, atol=1e-4)


def test_the_page_has_the_frames_of_the_video_behind_the_bodies(ran: tuple[int, Path, str, str]):
    (scene,) = data_of(ran[1].with_name("report.html"))["scenes"]
    assert [person["name"] for person in scene["people"]] == ["walk_0", "walk_1"]
    assert scene["cameras"][0]["size"] == list(IMAGE_SIZE)
    assert len(scene["cameras"][0]["pictures"]) == NUM_FRAMES
    np.testing.assert_allclose(scene["times"], TIMES, atol=1e-3)
    assert set(scene["people"][1]["statuses"][NUM_FRAMES // 2 :]) == {"Not in this frame."}


def test_the_overlay_has_the_frames_and_times_of_the_video_and_shows_the_bodies(ran: tuple[int, Path, str, str]):
    overlay = open_video(ran[1] / "overlay.mp4")
    frames = list(overlay.frames())
    np.testing.assert_allclose([frame.time_s for frame in frames], TIMES, atol=1e-4)
    width, height = IMAGE_SIZE
    assert overlay.size == (width + height // 2, height)
    for number, frame in enumerate(frames):
        is_drawn = np.abs(frame.image[:, :width].astype(int) - 90).max(axis=2) > 25
        columns = np.nonzero(is_drawn.any(axis=0))[0]
        assert 0.03 < is_drawn.mean() < 0.5
        # The other person stands further left, in the first half of the frames.
        assert (columns.min() < 60) == (number < NUM_FRAMES // 2)


def test_the_summary_tells_the_video_and_its_people(ran: tuple[int, Path, str, str], video: Path):
    summary = json.loads((ran[1] / "summary.json").read_text())
    (entry,) = summary["videos"]
    assert (entry["input"], entry["num_frames"], entry["size"]) == (str(video), NUM_FRAMES, list(IMAGE_SIZE))
    assert set(entry["seconds"]) == {"detection", "fit", "overlay"}
    assert summary["detector"] == "scripted"
    assert [person["num_frames"] for person in summary["people"]] == [NUM_FRAMES, NUM_FRAMES // 2]


def test_videos_that_cannot_be_read_do_not_stop_the_others(
    video: Path, detector: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(video_command, "get_detector", lambda name, model: detector)
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    options = ("--out", tmp_path / "out", "--min-frames", NUM_FRAMES, "--no-overlay")
    status, out, _, stderr = _run(tmp_path / "broken.mp4", video, *options)
    assert status == 1
    assert "broken.mp4 cannot be read as a video" in stderr
    assert (out / "walk_0.glb").exists()
    assert not list(out.glob("*.mp4"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fps", "25"], "--fps is for keypoint files"),
        (["--overlays"], "--overlays is for keypoint files"),
        (["--image-size", "640", "480"], "--image-size is for keypoint files"),
        (["--layout", "coco17"], "--layout is for keypoint files"),
        (["--profile", "plain"], "--profile is for fits of single pictures"),
        (["--min-frames", "0"], "--min-frames must be at least 1"),
        (["other.json"], "other.json is no video"),
        (["--example-video"], "leave out either the files"),
    ],
)
def test_options_that_do_not_go_with_videos_are_one_sentence_and_status_2(
    options: list[str], words: str, tmp_path: Path
):
    status, out, _, stderr = _run("walk.mp4", *options, "--out", tmp_path / "out")
    assert status == 2
    assert words in one_sentence(stderr)
    assert not out.exists()


def test_the_example_video_is_fitted_from_its_keypoints_where_no_detector_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(registry, "DETECTORS", {})
    monkeypatch.setattr(example_command, "DETECTORS", {})
    monkeypatch.setattr(example_command, "NUM_FRAMES", NUM_FRAMES)
    status, out, stdout, stderr = _run("--example-video", "--out", tmp_path / "out")
    assert (status, stderr) == (0, "")
    assert "The video is rendered, so the truth is known:" in stdout
    line = next(line for line in stdout.splitlines() if "from its true keypoints" in line)
    assert f"{NUM_FRAMES} of {NUM_FRAMES} frames" in line
    assert float(line.split("PA-MPJPE ")[1].split(" mm")[0]) < 80
    assert open_video(out / "example.mp4").num_frames == NUM_FRAMES
    assert {"example_0.glb", "overlay.mp4", "summary.json"} <= {path.name for path in out.iterdir()}


def test_the_person_in_the_example_stands_on_the_floor_and_in_the_picture(motion: ExampleMotion):
    pixels = example_motion(motion.body, 60).keypoints_px("coco17")
    assert (pixels > 20).all()
    assert (pixels < np.array(IMAGE_SIZE) - 20).all()
    frame = next(motion.frames()).image
    assert frame.shape == (IMAGE_SIZE[1], IMAGE_SIZE[0], 3)
    x, y = np.round(motion.keypoints_px("coco17")[0, 11]).astype(int)  # the left hip
    assert np.abs(frame[y, x].astype(int) - frame[y, 5]).max() > 60  # differs from the wall


def test_a_fit_that_was_made_ready_compiles_nothing(motion: ExampleMotion, caplog: pytest.LogCaptureFixture):
    keypoints = TrueKeypoints(motion, "coco17").keypoints
    with fits_made_ready("coco17", NUM_FRAMES):
        pass
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        fit_sequence(keypoints, layout="coco17", image_size=IMAGE_SIZE)
    assert not [record for record in caplog.records if "Compiling" in record.getMessage()]


_MEMORY = """
import resource, sys
import numpy as np
from pathlib import Path
from videos import Scripted
from smplify_jax.files.video import open_video
from smplify_jax.media.video_detection import detect_in_video
from smplify_jax.media.video_overlay import write_video_overlay
path = Path(sys.argv[1])
for one in (path.with_name("warm.mp4"), path):
    found = detect_in_video(open_video(one), Scripted(np.zeros((0, 1, 17, 3), np.float32), "coco17"))
    write_video_overlay(path.with_name("overlay.mp4"), found.video, [])
print(len(found.times), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_a_video_ten_times_as_long_takes_no_more_memory(tmp_path: Path):
    picture = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    write_video(tmp_path / "warm.mp4", np.arange(25) / 25, picture)
    used = []
    for num_frames in (25, 250):
        path = write_video(tmp_path / f"{num_frames}.mp4", np.arange(num_frames) / 25, picture)
        done = subprocess.run(
            [sys.executable, "-c", _MEMORY, str(path)],
            capture_output=True,
            text=True,
            check=True,
            cwd=REPOSITORY / "tests",
            env={**os.environ, "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'tests'}"},
        )
        frames, kilobytes = map(int, done.stdout.split())
        assert frames == num_frames
        used.append(kilobytes)
    # 225 more frames are 200 MB; threads and allocators account for a few.
    assert used[1] - used[0] < 40_000
