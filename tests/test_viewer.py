"""`smplify-view`: what the viewer is given to show is what the results say."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dataset_fits import draw_fits, draw_motion
from people import IMAGE_SIZE, draw_people
from PIL import Image
from scipy.spatial.transform import Rotation

from smplify_jax.camera.extrinsics import Extrinsics
from smplify_jax.camera.pinhole import Camera
from smplify_jax.cli.view import main
from smplify_jax.cli.view_options import ViewCommand
from smplify_jax.errors import InputError
from smplify_jax.fitting.fit import fit
from smplify_jax.result import FitResult, FitStatus
from smplify_jax.viewer.cameras import Pictures, cameras_of
from smplify_jax.viewer.capsule_mesh import capsule_mesh
from smplify_jax.viewer.people import ShownPerson, people_of_result
from smplify_jax.viewer.playback import Playback
from smplify_jax.viewer.replay import replay, stopped_after


@pytest.fixture(scope="module")
def motion() -> FitResult:
    """Three frames of one person."""
    drawn = draw_motion(3)
    return replace(drawn, velocities=np.zeros((3, 24, 3), np.float32))


@pytest.fixture
def person(motion: FitResult) -> ShownPerson:
    (one,) = people_of_result("walk", motion, 0, is_motion=True)
    return one


def test_a_shown_body_is_that_of_the_result(motion: FitResult, person: ShownPerson):
    for frame in range(3):
        mesh = person.mesh(frame)
        assert mesh is not None
        np.testing.assert_allclose(mesh.vertices, motion[frame].vertices("upright"), atol=2e-5)  # float32 at 6 m


def test_people_of_one_moment_are_shown_each_and_a_motion_as_one():
    people = draw_fits(3)[1]
    assert [one.name for one in people_of_result("a", people, 0, is_motion=False)] == ["a 0", "a 1", "a 2"]
    assert [one.num_frames for one in people_of_result("a", people, 0, is_motion=True)] == [3]


def test_a_frame_without_a_body_shows_none(motion: FitResult):
    status = np.array(motion.status)
    status[1] = FitStatus.TOO_FEW_KEYPOINTS
    (person,) = people_of_result("walk", replace(motion, status=status), 0, is_motion=True)
    assert person.mesh(1) is None
    assert person.capsules(1) is None
    assert cameras_of(person, 1) == []


def test_sliders_change_shape_and_joints_until_they_are_reset(person: ShownPerson):
    before = person.mesh(0)
    person.changes.betas = np.asarray(person.betas(0)) + 1
    person.changes.turns[16] = np.array([0, 0, 1.0], np.float32)
    after = person.mesh(0)
    assert before is not None
    assert after is not None
    assert np.abs(after.vertices - before.vertices).max() > 0.1
    np.testing.assert_array_equal(person.pose(2)[16], [0, 0, 1])
    person.changes.betas = None
    person.changes.turns.clear()
    again = person.mesh(0)
    assert again is not None
    np.testing.assert_array_equal(again.vertices, before.vertices)


def test_capsules_lie_about_where_the_body_is(person: ShownPerson):
    body, capsules = person.mesh(0), person.capsules(0)
    assert body is not None
    assert capsules is not None
    for corner in (np.min, np.max):
        # Hands and feet have no capsules of their own to the finger tips.
        np.testing.assert_allclose(corner(capsules.vertices, axis=0), corner(body.vertices, axis=0), atol=0.15)


def test_ellipsoids_reach_one_standard_deviation_from_each_joint(person: ShownPerson):
    ellipsoids = person.ellipsoids(0)
    assert ellipsoids is not None
    joints, std = (np.asarray(getattr(person.result, name)[0], np.float64) for name in ("joints", "joints_std"))
    corners = ellipsoids.vertices.reshape(len(joints), -1, 3) @ person.upright  # back into the frame of the result
    np.testing.assert_allclose(corners.max(axis=1), joints + std, atol=1e-6)
    np.testing.assert_allclose(corners.min(axis=1), joints - std, atol=1e-6)


def test_triangles_of_a_capsule_are_on_its_surface_and_face_outwards():
    ends, radii = np.array([[[0, 0, 0], [0.3, 0, 0.4]], [[1, 1, 1], [1, 1, 1.0]]]), np.array([0.1, 0.2])
    vertices, faces = capsule_mesh(ends, radii)
    vertices_of = vertices.reshape(2, -1, 3)
    axis = ends[0, 1]
    along = np.clip(vertices_of[0] @ axis / (axis @ axis), 0, 1)
    np.testing.assert_allclose(np.linalg.norm(vertices_of[0] - along[:, None] * axis, axis=1), 0.1, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(vertices_of[1] - ends[1, 0], axis=1), 0.2, atol=1e-9)
    corners = vertices[faces]
    volume = np.einsum("fi,fi->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    exact = np.pi * 0.1**2 * 0.5 + 4 / 3 * np.pi * (0.1**3 + 0.2**3)
    assert 0.9 * exact < volume < exact  # flat faces are inside of the round ones


def test_the_camera_of_a_picture_is_at_the_origin_and_looks_at_the_people(motion: FitResult, person: ShownPerson):
    (camera,) = cameras_of(person, 0)
    np.testing.assert_array_equal(camera.position, 0)
    np.testing.assert_allclose(camera.rotation.apply([0, 0, 1]), [0, 0, -1], atol=1e-7)
    w, x, y, z = camera.wxyz
    np.testing.assert_allclose(Rotation.from_quat([x, y, z, w]).apply([0, 1, 0]), [0, -1, 0], atol=1e-7)
    assert camera.fov((640, 480)) == pytest.approx(2 * np.arctan(240 / 800))
    assert camera.aspect((640, 480)) == pytest.approx(640 / 480)


def test_cameras_of_a_calibration_see_the_people_where_the_result_says(motion: FitResult):
    """A point in a camera's frame is where its place in the scene says."""
    turns = Rotation.from_rotvec([[0.1, 2.0, 0.3], [1.0, 0.2, -0.4]])
    moved = np.array([[0.1, 0.2, 4.0], [-0.3, 0.5, 5.0]])
    tile = np.tile(turns.as_matrix()[None].astype(np.float32), (3, 1, 1, 1)), np.tile(moved[None], (3, 1, 1))
    camera = Camera(np.full((3, 2, 2), 800.0, np.float32), np.full((3, 2, 2), 300.0, np.float32))
    (person,) = people_of_result("a", replace(motion, extrinsics=Extrinsics(*tile), camera=camera), 0, is_motion=True)
    point = np.array([0.3, -0.2, 1.1])  # in the world
    for view, shown in enumerate(cameras_of(person, 0)):
        in_camera = turns[view].apply(point) + moved[view]
        np.testing.assert_allclose(shown.position + shown.rotation.apply(in_camera), person.upright @ point, atol=1e-6)


def test_pictures_of_a_folder_are_found_by_the_numbers_of_their_frames(person: ShownPerson, tmp_path: Path):
    for number in (10, 12, 9):
        Image.new("RGB", (64, 48), (number, 0, 0)).save(tmp_path / f"walk_{number}.png")
    (camera,) = cameras_of(person, 0)
    centered = replace(camera, center=np.array([32.0, 24.0]))
    by_number = Pictures(tmp_path, np.array([9, 11, 12]))
    in_order = Pictures(tmp_path, None)
    shown = [[pictures.at(frame, centered) for frame in range(3)] for pictures in (by_number, in_order)]
    reds = [[picture and int(picture.pixels[0, 0, 0]) for picture in row] for row in shown]
    assert reds == [[9, None, 12], [9, 10, 12]]


def test_a_principal_point_off_the_middle_is_put_there_by_a_margin(person: ShownPerson, tmp_path: Path):
    Image.new("RGB", (64, 48), "white").save(tmp_path / "a.png")
    (camera,) = cameras_of(person, 0)
    shown = Pictures(tmp_path / "a.png", None).at(5, replace(camera, center=np.array([40.0, 20.0])))
    assert shown is not None
    assert shown.size == (80, 56)
    assert (shown.pixels[20, 70] != 255).all()  # the margin at the right
    assert (shown.pixels[2, 20] != 255).all()  # and above
    assert (shown.pixels[20, 20] == 255).all()


def test_a_folder_without_pictures_is_one_sentence(tmp_path: Path):
    with pytest.raises(InputError, match="is a folder without pictures"):
        Pictures(tmp_path, None)


def test_playback_goes_through_the_frames_in_a_loop():
    shown: list[int] = []
    playback = Playback(4, 100.0, shown.append)
    assert not shown
    playback.speed = 2.0
    playback.play()
    wait_for(lambda: shown[-1:] == [0] and len(shown) > 3)
    playback.pause()
    assert not playback.is_playing
    assert set(shown) <= {0, 1, 2, 3}
    playback.close()


def wait_for(is_done: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not is_done():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_wrong_options_are_one_sentence(capsys: pytest.CaptureFixture[str]):
    for arguments, words in (
        ([], "Give results to show"),
        (["a.npz", "b.npz", "--replay"], "--replay is of one person's fit"),
        (["a.npz", "--gender", "male"], "add --body"),
        (["a.npz", "--fps", "0"], "--fps must be a positive number"),
        (["a.npz", "--port", "70000"], "--port must be"),
    ):
        assert main(arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line


def test_without_viser_the_command_says_what_to_install(
    motion: FitResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    motion.save(tmp_path / "walk.npz")
    monkeypatch.setitem(__import__("sys").modules, "viser", None)
    assert main([str(tmp_path / "walk.npz")]) == 1
    assert 'pip install "smplify-jax[viewer]"' in capsys.readouterr().err


def test_a_running_viewer_serves_its_page_and_follows_its_controls(
    motion: FitResult, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("viser", reason="needs the extra viewer")
    from smplify_jax.cli.view_command import opened_viewer

    results = tmp_path / "ours" / "walk.npz", tmp_path / "theirs" / "walk.npz"
    for path in results:
        path.parent.mkdir()
        motion.save(path)
    amass = tmp_path / "ours" / "walk_amass.npz"
    motion.export(amass)
    Image.new("RGB", (640, 480), "white").save(tmp_path / "a.png")
    with opened_viewer(ViewCommand(results=(*results, amass), image=(tmp_path / "a.png",), port=18_080)) as viewer:
        assert "passed over" in capsys.readouterr().err
        assert [person.name for person in viewer.people] == ["ours_walk", "theirs_walk"]
        with urllib.request.urlopen(viewer.url, timeout=20) as answer:
            assert answer.status == 200
            assert b"<html" in answer.read()[:2000].lower()
        assert set(viewer.node_names()) == {"/floor", "/people/0/body", "/people/1/body", "/cameras/0"}
        first = vertices_of(viewer, "/people/0/body").copy()
        np.testing.assert_array_equal(vertices_of(viewer, "/people/1/body"), first)
        viewer.show(2)
        np.testing.assert_allclose(vertices_of(viewer, "/people/0/body"), motion[2].vertices("upright"), atol=2e-5)
        viewer.show(0)
        np.testing.assert_array_equal(
            vertices_of(viewer, "/people/0/body"), first
        )  # sliders that follow change nothing
        viewer._body._betas[0].value = 3.0
        assert viewer.people[0].changes.betas is not None
        assert np.abs(vertices_of(viewer, "/people/0/body") - first).max() > 0.01
        np.testing.assert_array_equal(vertices_of(viewer, "/people/1/body"), first)
        viewer._show._gap.value = 1.5
        wait_for(lambda: not np.array_equal(vertices_of(viewer, "/people/1/body"), first))
        np.testing.assert_allclose(
            vertices_of(viewer, "/people/1/body") - first, np.tile([1.5, 0, 0], (len(first), 1)), atol=1e-5
        )


def vertices_of(viewer: object, name: str) -> np.ndarray:
    return viewer._nodes[name].vertices  # pyright: ignore[reportAttributeAccessIssue]


def test_a_replay_leads_from_the_proposal_to_the_fit():
    people = draw_people(1, "coco17")
    # As a profile of its own: the one named "default" computes a quality too, which is another program to compile.
    result = fit(people.keypoints[0], layout="coco17", image_size=IMAGE_SIZE, profile=stopped_after(20))
    steps = replay(result, people.keypoints[0], np.array(IMAGE_SIZE))
    assert len(steps) == int(result.num_steps) + 1
    np.testing.assert_array_equal(steps[-1].joints, result.joints)
    costs = np.asarray(steps.cost)
    assert (np.diff(costs) <= 0).all()
    assert costs[0] > 1.2 * costs[-1]  # the first has seen the keypoints through the network alone
    with pytest.raises(InputError, match="one person in one picture"):
        replay(steps, people.keypoints[0], np.array(IMAGE_SIZE))


def test_a_replay_that_leads_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch):
    result = draw_fits(1)[1][0]
    monkeypatch.setattr("smplify_jax.viewer.replay.fit", lambda *_, **__: replace(result, joints=result.joints + 0.1))
    with pytest.raises(InputError, match="ends 173 mm from this result: it was fitted in another way"):
        replay(result, np.zeros((17, 3)), np.array([640, 480]))


def test_too_many_pictures_are_one_sentence(motion: FitResult, tmp_path: Path):
    pytest.importorskip("viser", reason="needs the extra viewer")
    from smplify_jax.cli.view_command import opened_viewer

    motion.save(tmp_path / "walk.npz")
    Image.new("RGB", (640, 480)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="number of pictures is 2 and that of cameras is 1"):
        opened_viewer(ViewCommand(results=(tmp_path / "walk.npz",), image=(tmp_path / "a.png",) * 2))


def test_results_of_nobody_are_one_sentence_and_hide_no_others(motion: FitResult, tmp_path: Path):
    pytest.importorskip("viser", reason="needs the extra viewer")
    from smplify_jax.cli.view_command import opened_viewer

    empty, walk = tmp_path / "empty.npz", tmp_path / "walk.npz"
    replace(motion[:0], velocities=None).save(empty)
    motion.save(walk)
    with pytest.raises(InputError, match="Nobody in these results has a body"):
        opened_viewer(ViewCommand(results=(empty,)))
    for frames in (False, True):
        with opened_viewer(ViewCommand(results=(empty, walk), frames=frames, port=18_090)) as viewer:
            assert [person.name for person in viewer.people] == ["walk"]


def test_a_host_that_is_no_address_of_this_machine_is_one_sentence(motion: FitResult, tmp_path: Path):
    pytest.importorskip("viser", reason="needs the extra viewer")
    from smplify_jax.cli.view_command import opened_viewer

    motion.save(tmp_path / "walk.npz")
    for host in ("300.1.2.3", "192.0.2.1"):  # the second is of a network for documentation, RFC 5737
        with pytest.raises(InputError, match="is no address of this machine"):
            opened_viewer(ViewCommand(results=(tmp_path / "walk.npz",), host=host))
