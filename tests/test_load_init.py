"""`load_init`: what networks' demos save, matched to people of keypoint files, starts their fits where they are."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
from people import draw_people
from prediction_files import CENTER, WRITTEN, far, phalp, spin, tracks, weak, wham, write_keypoints, write_pickle
from scipy.spatial.transform import Rotation

from smplify_jax import Camera, InputError, KeypointSet, load_body, load_init, load_keypoints
from smplify_jax.fitting.initialization import start_from_init
from smplify_jax.fitting.placement import placed_before
from smplify_jax.fitting.profiles import get_profile
from smplify_jax.fitting.setup import FitChoices, setup_fit
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.predictions.read import read_predictions

NUM_PEOPLE = 8
ORDER = np.array([1, 0, 2, 3, 5, 4, 7, 6])
"""Of the predictions: that of the people in half of the pictures."""


@pytest.fixture(scope="module")
def people():
    return draw_people(NUM_PEOPLE, "coco17", seed=8)


@pytest.fixture(scope="module")
def keypoints(people, tmp_path_factory) -> KeypointSet:
    return load_keypoints(write_keypoints(tmp_path_factory.mktemp("keypoints") / "coco.json", people))


@pytest.fixture(scope="module")
def setup():
    layout, profile = get_layout("coco17"), get_profile("default")
    return setup_fit(FitChoices(layout, profile, load_body(), None, 10, None, True, True, ()))


def without_names(keypoints: KeypointSet, first_frame=0) -> KeypointSet:
    """As OpenPose writes a video: frames, and no names of pictures."""
    frames = np.arange(NUM_PEOPLE, dtype=np.int64) // 2 + first_frame
    return dataclasses.replace(
        keypoints, image_names=(None,) * NUM_PEOPLE, videos=("video",) * NUM_PEOPLE, frames=frames
    )


def assert_at_the_people(bodies, people, setup, keypoints, degrees):
    start = start_from_init(bodies, NUM_PEOPLE, 24, 10, is_single=False)
    np.testing.assert_allclose(start.body_pose, people.parameters["body_pose"], atol=1e-5)
    np.testing.assert_allclose(start.betas, people.parameters["betas"], atol=1e-5)
    camera = Camera(np.repeat(people.focal_length[:, None], 2, axis=1), np.tile(CENTER, (NUM_PEOPLE, 1)))
    placed = placed_before(camera, start, setup, keypoints.keypoints)
    turns = Rotation.from_rotvec(placed.global_orient) * Rotation.from_rotvec(people.parameters["global_orient"]).inv()
    assert np.degrees(turns.magnitude()).max() < degrees
    # These files have the true orientation; where it is taken to be a crop's, the place that keypoints tell is off a little.
    np.testing.assert_allclose(placed.transl, people.parameters["transl"], rtol=0.03, atol=0.1)


SEEN_IN_CROPS = {"vibe", "phalp", "hmr2", "hmr2 flat", "spin", "spin results", "pare"}
"""Whose orientations are relative to the line of sight, which is up to 14 degrees from straight ahead here."""


@pytest.mark.parametrize("program", WRITTEN)
def test_what_a_program_saves_starts_its_people(tmp_path, program, people, keypoints, setup):
    path = write_pickle(tmp_path / "predictions.pkl", WRITTEN[program](people, ORDER))
    is_video = program in ("vibe", "wham")
    known = without_names(keypoints) if is_video else keypoints
    bodies = load_init(path, known)
    assert_at_the_people(bodies, people, setup, keypoints, 18 if program in SEEN_IN_CROPS else 4)


@pytest.mark.parametrize("program", ["hmr2 flat", "cliff", "spin", "spin results"])
def test_arrays_are_read_from_npz_as_from_a_pickle(tmp_path, program, people, keypoints):
    content = WRITTEN[program](people, ORDER)
    np.savez(tmp_path / "a.npz", **content)
    from_npz, from_pickle = (
        load_init(path, keypoints) for path in (tmp_path / "a.npz", write_pickle(tmp_path / "a.pkl", content))
    )
    for name, value in vars(from_npz).items():
        np.testing.assert_array_equal(value, getattr(from_pickle, name))


@pytest.mark.parametrize(("program", "compress"), [("vibe", 0), ("wham", 0), ("phalp", 3)])
def test_what_joblib_saves_is_read_as_from_a_pickle(tmp_path, program, compress, people):
    joblib = pytest.importorskip("joblib", reason="comes with scikit-learn")
    content = WRITTEN[program](people, ORDER)
    joblib.dump(content, tmp_path / "joblib.pkl", compress=compress)
    found = read_predictions(tmp_path / "joblib.pkl")
    expected = read_predictions(write_pickle(tmp_path / "a.pkl", content))
    assert found.track_ids == expected.track_ids
    np.testing.assert_array_equal(found.bodies.body_pose, expected.bodies.body_pose)
    np.testing.assert_array_equal(found.bodies.transl, expected.bodies.transl)


# Who is who.


def test_in_a_picture_the_prediction_in_the_same_place_is_taken(tmp_path, people, keypoints):
    for order in (np.arange(NUM_PEOPLE), ORDER):
        bodies = load_init(write_pickle(tmp_path / "a.pkl", phalp(people, order)), keypoints)
        np.testing.assert_allclose(bodies.body_pose, people.parameters["body_pose"], atol=1e-5)


def test_who_has_no_prediction_is_not_known(tmp_path, people, keypoints):
    frames = phalp(people, ORDER)
    del frames["outputs/img/video_000001.jpg"]
    first = frames["outputs/img/video_000000.jpg"]
    for name in ("tid", "bbox", "camera", "smpl", "tracked_time", "size"):
        first[name] = first[name][:1]
    bodies = load_init(write_pickle(tmp_path / "a.pkl", frames), keypoints)
    is_known = ~np.isnan(bodies.body_pose).any(axis=1)
    np.testing.assert_array_equal(is_known, [False, True, False, False, True, True, True, True])


def test_spins_people_without_a_body_are_not_known(tmp_path, people, keypoints):
    content = spin(people, np.arange(NUM_PEOPLE)) | {"has_smpl": np.arange(NUM_PEOPLE) % 2}
    bodies = load_init(write_pickle(tmp_path / "a.pkl", content), keypoints)
    np.testing.assert_array_equal(np.isnan(bodies.body_pose).any(axis=1), np.arange(NUM_PEOPLE) % 2 == 0)


@pytest.mark.parametrize("numbered_from", [0, 1])
def test_frames_are_counted_from_the_first_number(tmp_path, numbered_from, people, keypoints):
    path = write_pickle(tmp_path / "a.pkl", tracks(people, ORDER))
    bodies = load_init(path, without_names(keypoints, numbered_from))
    np.testing.assert_allclose(bodies.body_pose, people.parameters["body_pose"], atol=1e-6)


def test_a_cut_of_a_video_needs_the_number_of_its_first_frame(tmp_path, people, keypoints):
    path = write_pickle(tmp_path / "a.pkl", tracks(people, ORDER))
    with pytest.raises(InputError, match=r"the pictures differ, such as 40 .* first frame"):
        load_init(path, without_names(keypoints, 40))
    bodies = load_init(path, without_names(keypoints, 40), first_frame=40)
    np.testing.assert_allclose(bodies.body_pose, people.parameters["body_pose"], atol=1e-6)


def test_frames_of_a_video_are_told_by_names_where_these_agree_and_by_numbers_otherwise(tmp_path, people, keypoints):
    frames = {f"x{n}.jpg": frame for n, frame in enumerate(phalp(people, ORDER).values())}
    bodies = load_init(write_pickle(tmp_path / "a.pkl", frames), without_names(keypoints))
    np.testing.assert_allclose(bodies.body_pose, people.parameters["body_pose"], atol=1e-5)


def test_without_any_place_ids_tell_who_is_who(tmp_path, people, keypoints):
    content = {
        str(k): {"poses_body": one["pose"][:, 3:], "poses_root_cam": one["pose"][:, :3], "frame_id": one["frame_ids"]}
        for k, one in wham(people, np.arange(NUM_PEOPLE)).items()
    }
    path = write_pickle(tmp_path / "a.pkl", content)
    known = without_names(keypoints)
    ids = tuple(str(k % 2) for k in range(NUM_PEOPLE))
    bodies = load_init(path, dataclasses.replace(known, track_ids=ids))
    np.testing.assert_allclose(bodies.body_pose, people.parameters["body_pose"], atol=1e-6)
    with pytest.raises(InputError, match="none of the 8 predictions"):
        load_init(path, known)


def test_whams_focal_length_is_the_pictures_diagonal(tmp_path, people, keypoints):
    bodies = load_init(write_pickle(tmp_path / "a.pkl", wham(people, ORDER)), without_names(keypoints))
    np.testing.assert_allclose(bodies.focal_length, np.hypot(1280, 960))
    unsized = dataclasses.replace(without_names(keypoints), image_size=np.full((NUM_PEOPLE, 2), np.nan, np.float32))
    with pytest.raises(InputError, match="none of the"):
        load_init(tmp_path / "a.pkl", unsized)  # two people in each frame, and nothing tells where either is


def test_betas_can_be_left_out(tmp_path, people, keypoints):
    path = write_pickle(tmp_path / "a.pkl", spin(people, ORDER))
    assert np.isnan(load_init(path, keypoints, betas=False).betas).all()


# What is no prediction.


class Calls:
    def __reduce__(self):
        return print, ("called",)


REFUSED = {
    "a list of numbers": ([1, 2], "a int where a dict of arrays"),
    "nothing": ({}, "it has no pose"),
    "nobody": ([], "it holds nobody"),
    "text": ("pose", "it holds a str"),
    "a dict of something": ({"a": {"b": 1}}, "the keys b, which no program"),
    "no pose": ({"pose_2d": np.zeros((3, 72))}, "it has no pose, but the keys pose_2d"),
    "a pose of 71": ({"pose": np.zeros((3, 71))}, r"pose has shape \(3, 71\)"),
    "betas of others": ({"pose": np.zeros((3, 72)), "betas": np.zeros((2, 10))}, r"betas have shape \(2, 10\)"),
    "frames of others": ({1: {"pose": np.zeros((3, 72)), "frame_ids": [1]}}, r"\[1\]: its frame_ids have shape"),
    "names of others": ({"pose": np.zeros((3, 72)), "imgname": ["a", "b"]}, "names 2 pictures for 3 poses"),
    "half a frame": ({"a": {"smpl": [], "tid": [1]}}, r"\[a\]: its list smpl lacks an entry"),
    "six numbers": ({"pose": np.zeros((3, 144))}, "six numbers"),
    "a call": ({"pose": Calls()}, "print"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_holds_no_predictions_is_told_in_a_sentence(tmp_path, what, capsys):
    content, words = REFUSED[what]
    with pytest.raises(InputError, match=words) as caught:
        read_predictions(write_pickle(tmp_path / "a.pkl", content))
    assert "a.pkl" in str(caught.value)
    assert "called" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"{}", b"PK\x03\x04 no zip", b"\x89HDF\r\n\x1a\n"])
def test_other_files_are_told_in_a_sentence(tmp_path, content):
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.pkl"):
        read_predictions(tmp_path / "a.pkl")


def test_absurd_numbers_are_not_known(tmp_path, people, keypoints):
    content = spin(people, np.arange(NUM_PEOPLE)) | {"camera": weak(people)}
    content["pose"] = content["pose"].astype(float)
    content["pose"][0, 5], content["pose"][1, 5], content["pose"][2, 0] = np.nan, 1e30, np.inf
    content["shape"] = content["shape"].copy()
    content["shape"][3] = np.nan
    content["camera"][4] = 0
    bodies = load_init(write_pickle(tmp_path / "a.pkl", content), keypoints)
    is_known = ~np.isnan(np.concatenate([bodies.global_orient, bodies.body_pose], axis=1)).any(axis=1)
    np.testing.assert_array_equal(is_known, np.arange(NUM_PEOPLE) > 2)
    assert np.isnan(bodies.betas[3]).all()
    np.testing.assert_array_equal(np.isnan(bodies.transl).any(axis=1), np.arange(NUM_PEOPLE) == 4)


def test_pictures_of_which_nothing_is_said_need_as_many_predictions_as_people(tmp_path, people, keypoints):
    content = {"pose": np.zeros((3, 72)), "transl": far(people, 1000)[:3]}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match="name neither pictures nor frames, and there are 3 of them for 8"):
        load_init(tmp_path / "a.pkl", keypoints)
