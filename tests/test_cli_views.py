"""`smplify-fit --cameras` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import one_sentence
from pages import data_of
from PIL import Image
from rigs import SIZE, bodies_inside, people_inside, ring, seen_by_all
from scipy.spatial.transform import Rotation
from test_cli_tracks import Ran, run

from smplify_jax.camera.calibration import save_calibration
from smplify_jax.result import FitResult

NUM_FRAMES, FPS = 6, 25
HIDDEN = (2, 1)
"""A frame and a camera in which the first person is hidden."""

CAMERAS = ring(3)
SPEED = np.array([0.6, 0.3, 0.0])


def walkers():
    """Points (2, T, 17, 3) and joints (2, T, 24, 3) of two people who walk beside each other."""
    points, joints = people_inside(2, "coco17", seed=4)
    away = np.array([[-0.6, 0.4, 0.0], [0.7, -0.5, 0.0]])[:, None, None]
    moved = (np.arange(NUM_FRAMES) / FPS)[:, None, None] * SPEED
    return points[:, None] + away + moved, joints[:, None] + away + moved


def write_detections(folder: Path, frames: range = range(NUM_FRAMES)) -> list[Path]:
    """A file for each camera, with people in any order, and somebody whom only the last camera sees."""
    points, _ = walkers()
    seen = seen_by_all(CAMERAS, points)
    folder.mkdir()
    paths = []
    for view, camera in enumerate(CAMERAS):
        keypoints, numbers = [], []
        for frame in frames:
            order = [0, 1] if (frame + view) % 2 else [1, 0]
            rows = [seen[k, frame, view] for k in order if not (k == 0 and (frame, view) == HIDDEN)]
            if view == 2:
                rows.append(seen[0, frame, view] + (450.0, -150.0, 0.0))
            keypoints += rows
            numbers += [frame] * len(rows)
        paths.append(folder / f"{camera.name}.npz")
        np.savez(
            paths[-1],
            keypoints=np.stack(keypoints),
            layout="coco17",
            image_size=np.tile(SIZE, (len(keypoints), 1)),
            image_names=[f"{camera.name}_{frame:06d}.png" for frame in numbers],
            frames=numbers,
        )
    return paths


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("views")
    save_calibration(folder / "Calib.toml", CAMERAS)
    write_detections(folder / "keypoints")
    for camera in CAMERAS:
        (folder / "pictures" / camera.name).mkdir(parents=True)
        for frame in range(NUM_FRAMES):
            size = (int(SIZE[0]), int(SIZE[1]))
            Image.new("RGB", size, (90, 90, 90)).save(
                folder / "pictures" / camera.name / f"{camera.name}_{frame:06d}.png"
            )
    return folder


@pytest.fixture(scope="module")
def walked(folder: Path) -> Ran:
    return run(
        *("--cameras", folder / "Calib.toml", folder / "keypoints", "--image", folder / "pictures"),
        *("--fps", FPS, "--overlays", "--out", folder / "out", "--report", folder / "report.html"),
    )


def test_each_person_has_a_result_and_a_motion(walked: Ran):
    assert walked.status == 0
    assert "1 of 3 people are left out: only one camera sees them" in one_sentence(walked.stderr)
    names = {path.name for path in walked.out.iterdir()}
    people = {f"person_{k}{ending}" for k in range(2) for ending in (".npz", "_amass.npz", ".glb")}
    assert names == {*people, "summary.json", "overlays"}
    *lines, total = walked.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == ["person_0", "person_1"]
    assert total.startswith("2 people: 12 frames, 12 fitted")


def test_bodies_stand_in_the_world_of_the_calibration(walked: Ran):
    truth = walkers()[1]
    fitted = [np.asarray(FitResult.load(walked.out / f"person_{k}.npz").joints) for k in range(2)]
    distances = np.array([[np.linalg.norm(a - b, axis=-1).mean() for b in truth] for a in fitted])
    assert 1000 * distances.min(axis=1).max() < 30
    assert sorted(distances.argmin(axis=1)) == [0, 1]
    for k in range(2):
        with np.load(walked.out / f"person_{k}_amass.npz") as amass:
            assert amass["mocap_frame_rate"] == FPS
            moved = amass["trans"][-1] - amass["trans"][0]
        np.testing.assert_allclose(moved, SPEED * (NUM_FRAMES - 1) / FPS, atol=0.03)


def test_the_saved_keypoints_are_those_of_every_view(walked: Ran):
    missing = []
    for k in range(2):
        with np.load(walked.out / f"person_{k}.npz") as saved:
            assert saved["keypoints"].shape == (NUM_FRAMES, 3, 17, 3)
            assert saved["frames"].tolist() == list(range(NUM_FRAMES))
            missing.append(np.argwhere((saved["keypoints"][..., 2] == 0).all(axis=-1)).tolist())
    assert sorted(missing) == [[], [list(HIDDEN)]]


def test_the_summary_names_the_cameras(walked: Ran):
    summary = json.loads((walked.out / "summary.json").read_text())
    assert summary["cameras"] == ["cam0", "cam1", "cam2"]
    assert [person["views"] for person in summary["people"]] == [["cam0", "cam1", "cam2"]] * 2
    assert all(person["reprojection_error_px"] < 5 for person in summary["people"])
    assert all(0 < person["reprojection_error_percent_of_height"] < 2 for person in summary["people"])


def test_the_page_has_every_camera_with_its_pictures_and_size(walked: Ran):
    (scene,) = data_of(walked.out.parent / "report.html")["scenes"]
    assert [camera["name"] for camera in scene["cameras"]] == [camera.name for camera in CAMERAS]
    assert all(camera["size"] == [round(side) for side in SIZE] for camera in scene["cameras"])
    assert [len(camera["pictures"]) for camera in scene["cameras"]] == [NUM_FRAMES] * 3
    assert [person["name"] for person in scene["people"]] == ["person_0", "person_1"]
    shape = scene["people"][0]["observed"]["shape"]
    assert shape == [NUM_FRAMES, 3, 17, 3]


def test_every_view_has_overlays_on_demand(walked: Ran):
    for camera in CAMERAS:
        pictures = sorted((walked.out / "overlays" / camera.name).iterdir())
        assert [path.name for path in pictures] == [f"{frame:06d}.png" for frame in range(NUM_FRAMES)]
        drawn = np.asarray(Image.open(pictures[0]).convert("RGB"), int)
        assert 0.01 < (np.abs(drawn - 90).max(axis=2) > 12).mean() < 0.5


def test_a_single_moment_gives_a_mesh_in_the_world(folder: Path, tmp_path: Path):
    files = write_detections(tmp_path / "moment", range(1))
    ran = run("--cameras", folder / "Calib.toml", *files, "--out", tmp_path / "out")
    assert ran.status == 0
    assert {path.name for path in ran.out.iterdir()} == {
        *(f"person_{k}.{ending}" for k in range(2) for ending in ("npz", "obj")),
        "summary.json",
    }
    lines = (ran.out / "person_0.obj").read_text().splitlines()
    assert lines[0] == "# metres; the world of the cameras or points, z up"
    vertices = np.array([line.split()[1:] for line in lines if line.startswith("v ")], float)
    result = FitResult.load(ran.out / "person_0.npz")
    assert len(result) == 1
    np.testing.assert_allclose(vertices, result[0].vertices(), atol=1e-5)
    assert vertices[:, 2].max() > 1.3  # z is up


def test_the_unit_scales_the_calibration(folder: Path, tmp_path: Path):
    files = write_detections(tmp_path / "moment", range(1))
    ran = run("--cameras", folder / "Calib.toml", "--unit", "cm", *files, "--out", tmp_path / "out")
    # Cameras 4 cm away from people see no body that fits.
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert ran.status == 1 or all(person["reprojection_error_px"] > 20 for person in summary["people"])


def test_inputs_that_are_not_one_for_each_camera_are_one_sentence(folder: Path, tmp_path: Path):
    ran = run("--cameras", folder / "Calib.toml", folder / "keypoints" / "cam0.npz", "--out", tmp_path / "out")
    assert ran.status == 1
    assert "The calibration has 3 cameras, and the number of inputs is 1" in one_sentence(ran.stderr)


def test_a_calibration_that_cannot_be_read_is_one_sentence(folder: Path, tmp_path: Path):
    ran = run("--cameras", tmp_path / "none.toml", folder / "keypoints", "--out", tmp_path / "out")
    assert ran.status == 1
    assert "none.toml" in one_sentence(ran.stderr)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--unit", "mm"], "--unit is of a calibration or of points in space: add --cameras or --points"),
        (["--cameras", "c.toml", "--unit", "mile"], "--unit must be one of m, cm, mm, inch"),
        (["--cameras", "c.toml", "--track"], "leave out --track"),
        (["--cameras", "c.toml", "--focal-length", "900"], "a camera that no calibration describes"),
        (["--cameras", "c.toml", "--profile", "plain"], "leave it out, or leave out --cameras"),
        (["--cameras", "c.toml", "--fps", "0"], "--fps must be a positive number"),
    ],
)
def test_options_that_do_not_go_together_are_one_sentence_and_status_2(options: list[str], words: str, tmp_path: Path):
    ran = run("keypoints", *options, "--out", tmp_path / "out")
    assert ran.status == 2
    assert words in one_sentence(ran.stderr)
    assert not ran.out.exists()


def write_predictions(folder: Path) -> None:
    """A file for each camera with the true bodies in its frame, as a network for single pictures saves them."""
    points, _ = walkers()
    seen, truth = seen_by_all(CAMERAS, points), bodies_inside(2, "coco17", seed=4)
    folder.mkdir()
    for view, camera in enumerate(CAMERAS):
        turned = Rotation.from_matrix(camera.rotation) * Rotation.from_rotvec(truth["global_orient"])
        pose = np.concatenate([turned.as_rotvec(), truth["body_pose"]], axis=1)
        low, high = seen[:, :, view, :, :2].min(axis=2), seen[:, :, view, :, :2].max(axis=2)
        np.savez(
            folder / f"{camera.name}.npz",
            pose=np.repeat(pose, NUM_FRAMES, axis=0).reshape(-1, 24, 3),
            box_center=(low + high).reshape(-1, 2) / 2,
            box_size=(high - low).max(axis=-1).ravel(),
            imgname=[f"{camera.name}_{frame:06d}.png" for _ in range(2) for frame in range(NUM_FRAMES)],
        )


def test_bodies_start_from_what_is_predicted_for_each_camera(walked: Ran, folder: Path, tmp_path: Path):
    write_predictions(tmp_path / "predictions")
    ran = run(
        *("--cameras", folder / "Calib.toml", folder / "keypoints", "--fps", FPS, "--out", tmp_path / "out"),
        *("--init", tmp_path / "predictions", "--init-error", 5),
    )
    assert ran.status == 0
    assert f"cam2.npz has no prediction for {NUM_FRAMES} of" in ran.stderr  # whom only this camera sees
    truth = bodies_inside(2, "coco17", seed=4)["body_pose"]
    for person in ("person_0", "person_1"):
        usual, started = (np.load(out / f"{person}.npz")["body_pose"] for out in (walked.out, tmp_path / "out"))
        errors = [min(np.abs(poses - pose).mean() for pose in truth) for poses in (usual, started)]
        assert errors[1] < 0.5 * errors[0]


def test_predictions_that_are_not_one_file_for_each_camera_are_one_sentence(folder: Path, tmp_path: Path):
    given = ("--cameras", folder / "Calib.toml", folder / "keypoints", "--out", tmp_path / "out")
    ran = run(*given, "--init", folder / "keypoints" / "cam0.npz")
    assert ran.status == 1
    assert "has 3 cameras" in ran.stderr
    assert "1 files of predictions: give a folder with one for each camera, in the order cam0, cam1, cam2" in ran.stderr
