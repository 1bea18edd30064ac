"""Points in space in files of other programs: what they are, in metres, with z up."""

from __future__ import annotations

import json

import numpy as np
import pytest
from people import draw_people
from point_files import easymocap, markers, panoptic, trc, write_folder

from smplify_jax import fit_points, load_body, load_points
from smplify_jax.errors import InputError, InputWarning
from smplify_jax.keypoints.points3d.world import Z_UP_FROM

NUM_FRAMES = 4


def person(layout, seed=3):
    """(T, K, 4) of somebody who stands and walks [m], z up, zero where the body has no point."""
    drawn = draw_people(1, layout, seed=seed)
    names = ("betas", "body_pose")
    still = {name: np.asarray(drawn.parameters[name])[0] for name in names}
    body = load_body()
    upright = np.array([np.pi / 2, 0, 0], np.float32)  # y up to z up
    points = np.asarray(
        body.keypoints(**still, global_orient=upright, transl=np.zeros(3, np.float32), layout=layout), np.float64
    )
    is_known = np.isfinite(points).all(axis=-1, keepdims=True)
    rows = np.concatenate([np.where(is_known, points, 0), is_known], axis=-1)
    rows = np.repeat(rows[None], NUM_FRAMES, axis=0)
    rows[..., :3] += (np.arange(NUM_FRAMES)[:, None, None] * (0.02, 0.01, 0.0) + (0.3, -2.0, 0.9)) * rows[..., 3:]
    return rows


def seen_from(rows, up, factor=1.0):
    """Points as a file has them whose axis `up` points up, in another unit."""
    return np.concatenate([factor * rows[..., :3] @ Z_UP_FROM[up], rows[..., 3:]], axis=-1)


@pytest.mark.parametrize("axis", Z_UP_FROM)
def test_every_axis_can_be_turned_up_without_a_mirror(axis):
    turn = Z_UP_FROM[axis]
    up = np.eye(3)["xyz".index(axis[-1])] * (-1 if axis[0] == "-" else 1)
    np.testing.assert_array_equal(turn @ up, [0, 0, 1])
    assert np.linalg.det(turn) == pytest.approx(1)


@pytest.mark.parametrize(("unit", "factor"), [("m", 1.0), ("mm", 1000.0), ("cm", 100.0)])
def test_a_trc_is_a_motion_with_names_unit_and_rate(tmp_path, unit, factor):
    rows = person("halpe26")
    rows[2, 5] = 0
    points, names = markers(seen_from(rows, "y", factor))
    (tmp_path / "walk.trc").write_text(trc(points, names, unit=unit))
    (track,) = load_points(tmp_path / "walk.trc")
    assert (track.name, track.layout, track.is_motion, track.unit, track.up) == ("walk", "halpe26", True, unit, "y")
    assert track.frame_rate == 50
    assert not track.is_up_known
    assert track.times is not None
    np.testing.assert_allclose(track.times, np.arange(NUM_FRAMES) / 50)
    np.testing.assert_array_equal(track.frames, np.arange(1, NUM_FRAMES + 1))
    np.testing.assert_allclose(track.points, rows, atol=1e-5)


def test_a_trc_may_have_spaces_short_lines_and_a_blank_line(tmp_path):
    rows = person("halpe26")
    points, names = markers(rows)
    lines = trc(points, names).replace("\t\t\t", "\t").replace("\t", "  ").splitlines()
    lines.insert(5, "")
    lines[-1] = " ".join(lines[-1].split()[:-3])  # the last marker is missing in the last frame
    (tmp_path / "a.trc").write_text("\n".join(lines))
    (track,) = load_points(tmp_path / "a.trc")
    np.testing.assert_allclose(track.points[:-1], rows[:-1], atol=1e-5)
    assert (track.points[-1, :, 3] == 0).sum() == 1 + (rows[-1, :, 3] == 0).sum()


def test_a_unit_in_which_people_are_giants_is_not_believed(tmp_path):
    points, names = markers(person("halpe26"))
    (tmp_path / "a.trc").write_text(trc(points, names, unit="mm"))
    with pytest.warns(InputWarning, match="says that its unit is mm, in which people are 0.00.* m large: m is used"):
        (track,) = load_points(tmp_path / "a.trc")
    assert track.unit == "m"
    (track,) = load_points(tmp_path / "a.trc", unit="mm")  # the caller is
    assert track.unit == "mm"


@pytest.mark.parametrize("up", Z_UP_FROM)
@pytest.mark.parametrize("factor", [1.0, 1000.0])
def test_unit_and_up_follow_from_people(tmp_path, up, factor):
    rows = person("smpl24")
    np.save(tmp_path / "a.npy", seen_from(rows, up, factor)[..., :3])
    (track,) = load_points(tmp_path / "a.npy")
    assert (track.layout, track.up, track.is_up_known) == ("smpl24", up, False)
    assert not track.is_motion  # nothing says so
    np.testing.assert_allclose(track.points, rows, atol=1e-5)


@pytest.mark.parametrize("key", ["points", "joints", "keypoints_3d", "keypoints3d", "joints3d"])
def test_an_npz_has_points_of_one_body_of_frames_or_of_tracks(tmp_path, key):
    rows = person("coco17")
    path = tmp_path / "a.npz"

    def save(points, **known):
        np.savez(path, **{key: points, "layout": "coco17", **known})

    save(rows[0])
    (one,) = load_points(path)
    assert (len(one), one.is_motion) == (1, False)
    save(rows[..., :3], confidence=rows[..., 3], fps=25)
    (motion,) = load_points(path)
    assert (len(motion), motion.is_motion, motion.frame_rate) == (NUM_FRAMES, True, 25)
    np.testing.assert_allclose(motion.points, rows, atol=1e-6)
    save(np.stack([rows, rows]), unit="m", up="z")
    first, second = load_points(path)
    assert (first.name, second.name) == ("a_0", "a_1")
    assert first.is_motion
    assert first.is_up_known


def test_names_of_points_are_enough(tmp_path):
    points, names = markers(person("halpe26"))
    np.savez(tmp_path / "a.npz", points=points[0], names=names)
    assert load_points(tmp_path / "a.npz")[0].layout == "halpe26"


def test_a_saved_result_gives_its_joints(tmp_path):
    rows = person("smpl24")
    np.savez(tmp_path / "a.npz", joints=rows[..., :3], layout="coco17", keypoints_px=np.zeros((NUM_FRAMES, 17, 2)))
    assert load_points(tmp_path / "a.npz")[0].layout == "smpl24"


def test_a_count_that_several_layouts_have_needs_the_layout(tmp_path):
    rows = person("h36m17")
    np.save(tmp_path / "a.npy", rows)
    with pytest.raises(InputError, match="17 points without names, which several layouts have"):
        load_points(tmp_path / "a.npy")
    assert load_points(tmp_path / "a.npy", layout="h36m17")[0].layout == "h36m17"
    with pytest.raises(InputError, match="17 points, and layout smpl24 has 24"):
        load_points(tmp_path / "a.npy", layout="smpl24")


def test_a_scale_that_means_nothing_needs_no_unit(tmp_path):
    rows = person("smpl24")
    np.save(tmp_path / "a.npy", 0.01 * rows[..., :3])
    with pytest.raises(InputError, match=r"does not say its unit, and people of size 0\.0"):
        load_points(tmp_path / "a.npy")
    (track,) = load_points(tmp_path / "a.npy", is_scale_free=True)
    np.testing.assert_allclose(track.points[..., :3], 0.01 * rows[..., :3], atol=1e-7)
    assert track.unit == ""


def test_vertices_are_not_placed_in_a_layout(tmp_path):
    rows = np.random.default_rng(0).normal(0, 0.4, (2, 50, 3))
    np.savez(tmp_path / "a.npz", vertices=rows)
    (track,) = load_points(tmp_path / "a.npz", is_placed=False)
    assert track.layout == ""
    np.testing.assert_allclose(track.points[..., :3], rows)


def test_easymocap_folders_are_motions_by_id(tmp_path):
    rows = person("openpose25")
    other = rows + (1.0, 0, 0, 0) * (rows[..., 3:] > 0)
    files = [easymocap({0: rows[t]} | ({7: other[t]} if t in (1, 3) else {})) for t in range(NUM_FRAMES)]
    first, second = load_points(write_folder(tmp_path / "scene", files))
    assert (first.name, first.layout, first.is_motion) == ("scene_0", "openpose25", True)
    np.testing.assert_allclose(first.points, rows, atol=1e-6)
    assert second.frames.tolist() == [1, 2, 3]
    assert (second.points[1] == 0).all()
    alone = load_points(tmp_path / "scene" / "000001.json")
    assert [(len(one), one.is_motion) for one in alone] == [(1, False)] * 2


@pytest.mark.parametrize(("count", "layout"), [(17, "coco17"), (15, "openpose25"), (137, "openpose25")])
def test_easymocap_counts_are_layouts(tmp_path, count, layout):
    rows = person(layout)[0]
    rows = np.concatenate([rows, np.ones((count, 4))])[:count]
    (tmp_path / "a.json").write_text(easymocap({0: rows}))
    (track,) = load_points(tmp_path / "a.json")
    assert track.layout == layout


def test_panoptic_scenes_are_centimetres_with_y_down(tmp_path):
    rows = person("panoptic19")
    rows[:, 3] = 0
    files = [panoptic({5: one}) for one in seen_from(rows, "-y", 100.0)]
    (track,) = load_points(write_folder(tmp_path / "hd", files, "body3DScene_{:08d}.json"))
    assert (track.layout, track.unit, track.up, track.is_up_known) == ("panoptic19", "cm", "-y", True)
    assert track.frame_rate == pytest.approx(29.97)
    np.testing.assert_allclose(track.points, rows, atol=1e-6)


def test_people_who_appear_by_turns_do_not_fill_the_memory(tmp_path):
    rows = np.ones((25, 4), int)
    files = [easymocap({number: rows}) for number in range(600)]
    files.append(easymocap(dict.fromkeys(range(600), rows)))
    with pytest.raises(InputError, match="bytes of memory"):
        load_points(write_folder(tmp_path / "scene", files))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "begins like none"),
        (b"hello", "begins like none"),
        (b"\x02\x50" + bytes(600), "is a C3D file, which is not read: save it as .trc"),
        (b"PathFileType\t4\n", "fourth line does not name markers"),
        (trc(np.ones((0, 2, 3)), ["LHip", "RHip"]).encode(), "a header and no frame"),
        (trc(np.ones((1, 2, 3)), ["LHip", "RHip"]).encode(), "knows 2 of the 2 names"),
        (trc(np.ones((1, 3, 3)), ["LHip", "RHip", "Nose"]).replace("\tNose", "").encode(), "cells; expected 8 for 2"),
        (b"[]", "nobody in it"),
        (b"{}", "neither EasyMocap's list of people"),
        (b"[1]", "neither EasyMocap's list of people"),
        (b"[" * 9999, "damaged"),
        (b'[{"id": 0}]', "person 0 has neither"),
        (b'[{"keypoints3d": [[1, 2]]}]', "is not x, y, z and a confidence"),
        (b'[{"keypoints3d": "far"}]', "keypoints3d"),
        (json.dumps({"bodies": [{"joints19": [1.0] * 75}]}).encode(), "is not x, y, z and a confidence"),
        (b"\x93NUMPY", "npy"),
        (b"PK\x03\x04", "npz"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_points_is_one_sentence(tmp_path, content, words):
    path = tmp_path / "a.c3d"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        load_points(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"layout": "nothing"}, "no keypoint layout 'nothing'"),
        ({"unit": "feet"}, "unit is 'feet'; expected one of m, cm"),
        ({"up": "w"}, "up is 'w'; expected one of x, y, z"),
        ({"path": "nowhere.trc"}, "there is no such file"),
        ({"path": "."}, "has no .json file"),
    ],
)
def test_arguments_that_cannot_be_used_are_one_sentence(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", np.ones((24, 3)))
    with pytest.raises(InputError, match=words):
        load_points(**({"path": "a.npy"} | arguments))


def test_short_lines_of_a_long_header_do_not_fill_the_memory(tmp_path):
    names = [f"M{k}" for k in range(20_000)]
    text = trc(np.ones((1, 1, 3)), names) + "1\t0\n" * 2000
    (tmp_path / "a.trc").write_text(text)
    with pytest.raises(InputError, match="bytes of memory"):
        load_points(tmp_path / "a.trc")


@pytest.mark.real_data
def test_triangulated_joints_of_a_recording_become_a_body_that_stands(shared_data):
    path = shared_data / "keypoints" / "pose2sim" / "pose2sim_S00_P00_T00_StaticTrial.npz"
    (track,) = load_points(path, layout="openpose25b")
    assert (track.unit, track.up) == ("m", "z")
    result = fit_points(track.points, layout=track.layout, fps=60)
    assert all(status.is_fitted for status in result.statuses())
    # Measured 13 mm: detectors' keypoints are not where the body model has them.
    assert np.nanmedian(np.asarray(result.point_errors)) < 0.02
    vertices = np.asarray(result.vertices())
    assert abs(vertices[..., 2].min()) < 0.08  # the floor of the calibration
    assert 1.5 < np.ptp(vertices[0, :, 2]) < 2.0
