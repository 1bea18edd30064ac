"""`smplify-fit --track` as a user runs it."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from command_line import DETECTIONS, one_sentence
from dataset_fits import joints_of
from pages import data_of
from people import IMAGE_SIZE, draw_people
from PIL import Image

from smplify_jax.cli.fit import main
from smplify_jax.result import FitResult

NUM_FRAMES, HIDDEN, FPS = 10, 4, 25
NAMES = ("walk_0", "walk_1")


class Ran(NamedTuple):
    """What a run of the command did."""

    status: int
    out: Path
    stdout: str
    stderr: str


def run(*arguments: object) -> Ran:
    """Run the command in this process."""
    told, complained = io.StringIO(), io.StringIO()
    out = Path(str(arguments[arguments.index("--out") + 1]))
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(complained):
        status = main([*map(str, arguments), "--no-cache"])
    return Ran(status, out, told.getvalue(), complained.getvalue())


def write_frames(folder: Path, *, rejected: bool = False) -> None:
    """OpenPose's files of two people who move sideways, in turns of order; the second is hidden in one frame."""
    folder.mkdir()
    people = draw_people(2, "openpose25", seed=3).keypoints
    for frame in range(NUM_FRAMES):
        moved = people + np.array([4.0 * frame, 0, 0], np.float32)
        rows = [moved[0], moved[1]] if frame % 2 else [moved[1], moved[0]]
        if frame == HIDDEN:
            rows = [moved[0]]
        entries = [{"person_id": [-1], "pose_keypoints_2d": one.ravel().tolist()} for one in rows]
        content = {"version": 1.3, "people": [*entries, {}] if rejected else entries}
        (folder / f"walk_{frame:012d}_keypoints.json").write_text(json.dumps(content))


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A run over ten frames of two people, with pictures."""
    folder = tmp_path_factory.mktemp("walk")
    write_frames(folder / "frames")
    (folder / "pictures").mkdir()
    for frame in range(NUM_FRAMES):
        Image.new("RGB", IMAGE_SIZE, (90, 90, 90)).save(folder / "pictures" / f"walk_{frame:012d}.jpg")
    return run(
        *("--track", folder / "frames", "--image", folder / "pictures", "--fps", FPS, "--overlays"),
        *("--report", folder / "report.html"),
        *("--out", folder / "out"),
    )


def test_each_person_has_a_result_and_a_motion(walked: Ran):
    assert (walked.status, walked.stderr) == (0, "")
    files = {path.name for path in walked.out.iterdir()}
    motions = {f"{name}{ending}" for name in NAMES for ending in (".npz", "_amass.npz", ".glb")}
    assert files == {*motions, "summary.json", "overlays"}


def test_a_line_per_person_counts_frames(walked: Ran):
    *lines, total = walked.stdout.splitlines()
    assert sorted(line.split(":")[0] for line in lines) == list(NAMES)
    assert all("10 frames, " in line and line.endswith(" frames/s.") for line in lines)
    assert total.startswith("2 people: 20 frames, 19 fitted, 1 filled in")


def test_the_saved_result_has_a_row_for_each_frame_and_one_shape(walked: Ran):
    for name in NAMES:
        result = FitResult.load(walked.out / f"{name}.npz")
        assert len(result) == NUM_FRAMES
        assert (np.asarray(result.betas) == np.asarray(result.betas)[0]).all()
        with np.load(walked.out / f"{name}.npz") as saved:
            assert saved["keypoints"].shape == (NUM_FRAMES, 25, 3)
            assert saved["frames"].tolist() == list(range(NUM_FRAMES))
            assert saved["frame_rate"] == FPS
            assert saved["image_size"].tolist() == list(IMAGE_SIZE)


def test_the_motion_has_the_joints_of_the_result_in_a_world_with_z_up(walked: Ran):
    for name in NAMES:
        result = FitResult.load(walked.out / f"{name}.npz")
        with np.load(walked.out / f"{name}_amass.npz") as amass:
            assert amass["mocap_frame_rate"] == FPS
            pose = np.concatenate([amass["poses"][:, :66], np.zeros((NUM_FRAMES, 6))], axis=1)
            read = joints_of(pose, np.tile(amass["betas"][:10], (NUM_FRAMES, 1)), amass["trans"])
        expected = np.asarray(result.joints)[:, :22] @ np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]).T
        np.testing.assert_allclose(read[:, :22], expected, atol=1e-4)  # m: float32 rotations of bodies up to 8 m away


def test_a_frame_in_which_a_person_is_hidden_is_filled_in_and_marked(walked: Ran):
    marks = []
    for name in NAMES:
        with np.load(walked.out / f"{name}_amass.npz") as amass:
            marks.append(amass["is_fitted"].tolist())
    hidden = [frame != HIDDEN for frame in range(NUM_FRAMES)]
    assert sorted(marks) == sorted([hidden, [True] * NUM_FRAMES])


def test_the_summary_says_how_each_person_went(walked: Ran):
    summary = json.loads((walked.out / "summary.json").read_text())
    assert summary["fps"] == FPS
    assert [person["name"] for person in summary["people"]] == list(NAMES)
    assert sorted(person["num_fitted"] for person in summary["people"]) == [NUM_FRAMES - 1, NUM_FRAMES]
    assert all(person["num_missing"] == 0 for person in summary["people"])
    assert all(person["reprojection_error_px"] < 10 for person in summary["people"])


def test_overlays_show_the_bodies_over_every_frame(walked: Ran):
    pictures = sorted((walked.out / "overlays").iterdir())
    assert [path.name for path in pictures] == [f"walk_{frame:06d}.png" for frame in range(NUM_FRAMES)]
    first, last = (np.asarray(Image.open(path).convert("RGB"), int) for path in (pictures[0], pictures[-1]))
    assert first.shape == (900, 1200, 3)  # scaled to the longest side of an overlay
    is_drawn = np.abs(first - 90).max(axis=2) > 12
    assert 0.01 < is_drawn.mean() < 0.5
    assert (first != last).any()


def test_an_unusable_record_and_short_tracks_are_said_and_do_not_stop_the_others(tmp_path: Path):
    write_frames(tmp_path / "frames", rejected=True)
    for frame in range(3, NUM_FRAMES):
        (tmp_path / "frames" / f"walk_{frame:012d}_keypoints.json").unlink()
    ran = run("--track", tmp_path / "frames", "--image-size", *IMAGE_SIZE, "--out", tmp_path / "out")
    assert ran.status == 1
    lines = ran.stderr.splitlines()
    assert sum("no keypoints" in line for line in lines) == 3
    assert "2 of 2 people are seen in fewer than 5 frames; --min-frames 5 leaves them out." in lines[-1]
    assert (tmp_path / "out" / "walk_1_amass.npz").exists()


def test_nobody_who_is_seen_long_enough_is_one_sentence_and_status_1(tmp_path: Path):
    write_frames(tmp_path / "frames")
    options = ("--min-frames", NUM_FRAMES + 1, "--image-size", *IMAGE_SIZE)
    ran = run("--track", tmp_path / "frames", *options, "--out", tmp_path / "out")
    assert ran.status == 1
    assert "2 of 2 people are left out: they are seen in fewer than 11 frames." in one_sentence(ran.stderr)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["summary.json"]


def test_the_page_has_everybody_in_every_frame_with_its_picture(walked: Ran):
    (scene,) = data_of(walked.out.parent / "report.html")["scenes"]
    assert [person["name"] for person in scene["people"]] == list(NAMES)
    assert len(scene["times"]) == len(scene["cameras"][0]["pictures"]) == NUM_FRAMES
    assert scene["times"][1] == pytest.approx(1 / FPS)
    assert scene["people"][0]["statuses"][HIDDEN].startswith("Not observed in this frame")
    assert scene["people"][0]["has_body"] == [1] * NUM_FRAMES


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fps", "25"], "add --track"),
        (["--overlays"], "add --track"),
        (["--track", "--fps", "0"], "--fps must be a positive number"),
        (["--track", "--fps", "inf"], "--fps must be a positive number"),
        (["--track", "--max-gap", "-1"], "--max-gap"),
        (["--track", "--min-frames", "0"], "--min-frames must be at least 1"),
        (["--track", "--profile", "plain"], "--profile is for fits of single pictures"),
        (["--track", "--num-starts", "4"], "--num-starts is for fits of single pictures"),
        (["--track", "--search-focal-length"], "--search-focal-length is for fits"),
        (["--track", "--min-quality", "0.5"], "--min-quality is for fits"),
        (["--track", "--max-error", "5"], "--max-error is for fits"),
    ],
)
def test_options_that_do_not_go_together_are_one_sentence_and_status_2(options: list[str], words: str, tmp_path: Path):
    ran = run(DETECTIONS, *options, "--out", tmp_path / "out")
    assert ran.status == 2
    assert words in one_sentence(ran.stderr)
    assert not ran.out.exists()
