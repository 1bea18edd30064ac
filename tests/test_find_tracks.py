"""Tracks: people of videos keep their ids and the order of their frames."""

import json

import numpy as np
import pytest

from smplify_jax.errors import InputError
from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.load import load_keypoints
from smplify_jax.keypoints.tracks import find_tracks

STANDING = np.array(
    [
        *((0, -80), (-4, -84), (4, -84), (-8, -82), (8, -82), (-18, -62), (18, -62), (-22, -30), (22, -30)),
        *((-24, 0), (24, 0), (-11, 0), (11, 0), (-11, 40), (11, 40), (-11, 80), (11, 80)),
    ],
    float,
)
"""coco17 [px] about the hips."""

NO_PLACE = np.full(2, np.nan, np.float32)


def person(x, y=200.0, scale=1.0, phase=0.0):
    """(17, 3) keypoints of a person of 164 px who walks along x and swings arms and legs."""
    swing = np.zeros((17, 2))
    swing[[9, 15], 0] = 20 * np.sin(phase)
    swing[[10, 16], 0] = -20 * np.sin(phase)
    points = scale * (STANDING + swing) + (x, y)
    return np.column_stack([points, np.full(17, 0.9)])


def people_of(frames, track_ids=None, numbers=None):
    """A set of the people of frames, each frame a list of (17, 3); shuffled within a frame by nothing but their order."""
    rows = [(k if numbers is None else numbers[k], one) for k, frame in enumerate(frames) for one in frame]
    return KeypointSet(
        keypoints=np.array([one for _, one in rows], np.float32).reshape(-1, 17, 3),
        layout="coco17",
        names=tuple(f"p{k}" for k in range(len(rows))),
        image_size=np.full((len(rows), 2), np.nan, np.float32),
        image_names=(None,) * len(rows),
        videos=("walk",) * len(rows),
        frames=np.array([frame for frame, _ in rows], np.int64),
        track_ids=track_ids,  # pyright: ignore[reportArgumentType]
    )


def truth_of(track, people, whose):
    """The true people of a track's frames."""
    return {whose[row] for row in track.people if row >= 0}


def walk(ways, num_frames, seed=0, noise=2.0, is_hidden=lambda who, frame: False):
    """Frames of people at x = start + speed · frame, in random order, and who each of them is."""
    rng = np.random.default_rng(seed)
    frames, whose = [], []
    for frame in range(num_frames):
        here = [who for who in range(len(ways)) if not is_hidden(who, frame)]
        rng.shuffle(here)
        frame_people = []
        for who in here:
            start, speed, y, scale = ways[who]
            one = person(start + speed * frame, y, scale, phase=0.2 * frame + who)
            one[:, :2] += rng.normal(0, noise, (17, 2))
            frame_people.append(one)
        frames.append(frame_people)
        whose += here
    return frames, whose


@pytest.mark.parametrize("seed", range(5))
def test_two_people_who_cross_keep_their_ids(seed):
    frames, whose = walk([(100, 5, 200, 1.0), (500, -5, 205, 1.0)], 80, seed)
    people = people_of(frames)
    tracks = find_tracks(people)
    assert [len(track) for track in tracks] == [80, 80]
    assert all(len(truth_of(track, people, whose)) == 1 for track in tracks)


@pytest.mark.parametrize("seed", range(5))
def test_who_is_hidden_behind_another_gets_their_id_back(seed):
    # They meet in frame 40, and the second is not detected around it.
    frames, whose = walk(
        [(100, 5, 200, 1.0), (500, -5, 205, 0.9)], 80, seed, is_hidden=lambda who, frame: who == 1 and 34 <= frame <= 46
    )
    people = people_of(frames)
    tracks = find_tracks(people)
    assert [track.num_seen for track in tracks] in ([80, 67], [67, 80])
    assert all(len(truth_of(track, people, whose)) == 1 for track in tracks)


def test_one_who_overtakes_another_keeps_their_id():
    frames, whose = walk([(100, 3, 200, 1.0), (20, 6, 190, 1.05)], 80)
    people = people_of(frames)
    tracks = find_tracks(people)
    assert [len(track) for track in tracks] == [80, 80]
    assert all(len(truth_of(track, people, whose)) == 1 for track in tracks)


@pytest.mark.parametrize("seed", range(2))
def test_two_people_who_slowly_cross_keep_their_ids_though_their_sides_are_exchanged_now_and_then(seed):
    frames, whose = walk([(270, 1, 200, 1.0), (330, -1, 205, 1.0)], 60, seed)
    rng = np.random.default_rng(seed)
    for one in (one for frame in frames for one in frame if rng.random() < 0.3):
        one[:] = one[list(get_layout("coco17").flip)]
    people = people_of(frames)
    tracks = find_tracks(people, fps=60)
    assert [track.num_seen for track in tracks] == [60, 60]
    assert all(len(truth_of(track, people, whose)) == 1 for track in tracks)


def test_a_frame_in_which_limbs_are_misplaced_does_not_divide_a_track():
    frames, whose = walk([(100, 2, 200, 1.0), (320, -1, 210, 1.0)], 40)
    for frame in (15, 16):
        for one in frames[frame]:
            one[5:, :2] += np.random.default_rng(frame).normal(0, 55, (12, 2))
    people = people_of(frames)
    tracks = find_tracks(people, fps=60)
    assert [track.num_seen for track in tracks] == [40, 40]
    assert all(len(truth_of(track, people, whose)) == 1 for track in tracks)


def test_a_person_who_comes_back_within_the_gap_is_the_same_and_missing_frames_are_zeros():
    frames, _ = walk([(100, 2, 200, 1.0)], 60, is_hidden=lambda _, frame: 20 <= frame < 40)
    (track,) = find_tracks(people_of(frames), fps=30, max_gap=21 / 30)
    assert track.num_seen == 40
    assert len(track) == 60
    assert not track.keypoints[20:40].any()
    assert track.keypoints[40:].any(axis=(1, 2)).all()
    np.testing.assert_array_equal(track.is_seen, [*[True] * 20, *[False] * 20, *[True] * 20])
    early, late = find_tracks(people_of(frames), fps=30, max_gap=20 / 30)
    assert (early.name, late.name) == ("walk_0", "walk_1")
    assert late.frames[0] == 40


def test_ids_of_the_file_win_over_places_and_last_longer():
    here, there = person(100), person(400)
    # Ids that change places: nobody who is followed would do that.
    frames = [[here, there]] * 5 + [[there, here]] * 5
    people = people_of(frames, ("b", "a") * 10)
    b, a = find_tracks(people)
    assert (b.name, b.track_id, b.is_id_stated) == ("walk_b", "b", True)
    np.testing.assert_allclose(b.keypoints[:5, 11, 0], 89)
    np.testing.assert_allclose(b.keypoints[5:, 11, 0], 389)
    assert len(a) == 10
    away = people_of([[here], [here]], ("a", "a"), numbers=[0, 60])
    assert [len(track) for track in find_tracks(away, max_gap=1.0)] == [2]  # frames 0 and 60 are all that the video has
    longer = people_of([[here], [here], [here]], ("a", "a", "a"), numbers=[0, 1, 400])
    assert [track.name for track in find_tracks(longer, max_gap=1.0)] == ["walk_a", "walk_a_2"]


def test_an_id_of_two_people_in_a_frame_is_none():
    frames, whose = walk([(100, 1, 200, 1.0), (400, -1, 200, 1.0)], 10)
    people = people_of(frames, ("0",) * 20)
    tracks = find_tracks(people)
    assert [track.is_id_stated for track in tracks] == [False, False]
    assert [track.track_id for track in tracks] == ["0", "1"]
    assert all(len(truth_of(track, people, whose)) == 1 for track in tracks)


def test_people_without_an_id_get_one_that_the_file_does_not_use():
    frames, _ = walk([(100, 0, 200, 1.0), (400, 0, 200, 1.0)], 6, noise=0)
    ids = tuple("0" if one[0, 0] < 250 else "" for frame in frames for one in frame)
    assert sorted(track.name for track in find_tracks(people_of(frames, ids))) == ["walk_0", "walk_1"]


def test_only_every_fifth_frame_is_a_lower_frame_rate():
    frames, _ = walk([(100, 5, 200, 1.0)], 20)
    (track,) = find_tracks(people_of(frames, numbers=[5 * k + 3 for k in range(20)]), fps=30)
    assert track.frame_rate == 6
    np.testing.assert_array_equal(track.frames, 5 * np.arange(20) + 3)
    assert track.is_seen.all()


def test_a_passer_by_is_a_short_track_that_min_frames_leaves_out():
    frames, _ = walk([(100, 2, 200, 1.0), (500, 0, 200, 1.0)], 30, is_hidden=lambda who, frame: who == 1 and frame > 2)
    people = people_of(frames)
    assert sorted(track.num_seen for track in find_tracks(people)) == [3, 30]
    assert [track.num_seen for track in find_tracks(people, min_frames=4)] == [30]


def test_the_frames_of_openposes_folder_are_in_the_order_of_their_numbers(tmp_path):
    folder = tmp_path / "walk_json"
    folder.mkdir()
    for frame in range(8, 12):  # 10 comes before 8 in the order of names without leading zeros
        rows = np.zeros((25, 3))
        rows[:, 0], rows[:, 1], rows[:, 2] = 100 + frame, np.linspace(100, 300, 25), 0.9
        people = [{"person_id": [-1], "pose_keypoints_2d": rows.ravel().tolist()}] if frame != 9 else []
        (folder / f"walk_{frame}_keypoints.json").write_text(json.dumps({"version": 1.3, "people": people}))
    people = load_keypoints(folder)
    (track,) = find_tracks(people)
    assert track.name == "walk_0"
    assert track.frames.tolist() == [8, 9, 10, 11]
    assert track.image_names == ("walk_8", None, "walk_10", "walk_11")
    np.testing.assert_allclose(track.keypoints[[0, 2, 3], 0, 0], [108, 110, 111])
    assert not track.keypoints[1].any()


def test_posetracks_ids_count_within_their_video(tmp_path):
    images, annotations = [], []
    for video in ("000001_a", "000002_b"):
        for frame in range(3):
            number = len(images)
            images.append(
                {"id": number, "file_name": f"images/val/{video}/{frame:06d}.jpg", "width": 640, "height": 480}
            )
            for track in (0, 1):
                rows = person(100 + 300 * track + frame)
                rows[:, 2] = 2
                annotations.append(
                    {
                        "id": 10 * number + track,
                        "image_id": number,
                        "track_id": track,
                        "category_id": 1,
                        "keypoints": rows.ravel().tolist(),
                    }
                )
    file = tmp_path / "val.json"
    file.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]})
    )
    tracks = find_tracks(load_keypoints(file))
    assert [track.name for track in tracks] == ["000001_a_0", "000001_a_1", "000002_b_0", "000002_b_1"]
    assert all(track.is_id_stated and len(track) == 3 for track in tracks)
    np.testing.assert_array_equal(tracks[0].image_size, [640, 480])


def test_alphapose_lists_are_sorted_by_the_numbers_of_their_pictures(tmp_path):
    results = [
        {
            "image_id": f"{frame}.jpg",
            "category_id": 1,
            "idx": [7.0],
            "score": 2.0,
            "keypoints": person(100 + frame).ravel().tolist(),
        }
        for frame in (0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9)
    ]
    (tmp_path / "alphapose-results.json").write_text(json.dumps(results))
    (track,) = find_tracks(load_keypoints(tmp_path / "alphapose-results.json"))
    assert (track.name, track.is_id_stated) == ("alphapose-results_7", True)
    np.testing.assert_allclose(track.keypoints[:, 11, 0], 89 + np.arange(12))


def test_our_npz_is_a_video_and_may_say_its_frames_and_ids(tmp_path):
    keypoints = np.stack([person(100 + k) for k in range(5)])
    np.savez(tmp_path / "jump.npz", keypoints=keypoints, layout="coco17")
    (track,) = find_tracks(load_keypoints(tmp_path / "jump.npz"))
    assert (track.name, len(track)) == ("jump_0", 5)
    more = {"frames": [4, 2, 0, 2, 0], "track_ids": ["a", "a", "a", "b", "b"]}
    np.savez(tmp_path / "jump.npz", keypoints=keypoints, layout="coco17", **more)  # pyright: ignore[reportArgumentType]
    a, b = find_tracks(load_keypoints(tmp_path / "jump.npz"), fps=30)
    assert (a.name, b.name) == ("jump_a", "jump_b")
    assert (a.frames.tolist(), b.frames.tolist(), a.frame_rate) == ([0, 2, 4], [0, 2], 15)
    np.savez(tmp_path / "bad.npz", keypoints=keypoints, layout="coco17", frames=[0.5] * 5)
    with pytest.raises(InputError, match="frames has shape"):
        load_keypoints(tmp_path / "bad.npz")


def test_mediapipes_list_is_a_list_of_frames_and_an_empty_frame_counts(tmp_path):
    def landmarks(x):
        return [{"x": x, "y": 0.3 + 0.01 * k, "z": 0.0, "visibility": 0.9} for k in range(33)]

    frames = [{"pose_landmarks": landmarks(0.4)}, {"pose_landmarks": None}, {"pose_landmarks": landmarks(0.42)}]
    (tmp_path / "dance.json").write_text(json.dumps(frames))
    (track,) = find_tracks(load_keypoints(tmp_path / "dance.json", image_size=(640, 480)))
    assert track.name == "dance_0"
    assert track.frames.tolist() == [0, 2]
    assert track.frame_rate == 15  # nothing tells that frame 1 exists

    (tmp_path / "dance.json").write_text(json.dumps([*frames, {"pose_landmarks": landmarks(0.43)}]))
    (track,) = find_tracks(load_keypoints(tmp_path / "dance.json", image_size=(640, 480)))
    assert track.frames.tolist() == [0, 1, 2, 3]
    assert track.is_seen.tolist() == [True, False, True, True]


def test_pictures_of_another_size_are_another_video():
    people = people_of([[person(100)], [person(101)], [person(102)]])
    sizes = np.array([[640, 480], [320, 240], [np.nan, np.nan]], np.float32)
    people = KeypointSet(**{**vars(people), "image_size": sizes})
    assert [track.frames.tolist() for track in find_tracks(people)] == [[0, 2], [1]]


def test_nobody_makes_no_tracks():
    assert find_tracks(people_of([])) == ()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"fps": 0}, "fps is 0"),
        ({"max_gap": -1}, "max_gap is -1"),
        ({"min_frames": 0}, "min_frames is 0"),
        ({"fps": np.nan}, "fps is nan"),
    ],
)
def test_impossible_options_are_refused(options, sentence):
    with pytest.raises(InputError, match=sentence):
        find_tracks(people_of([[person(100)]]), **options)
