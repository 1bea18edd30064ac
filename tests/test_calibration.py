"""Calibrations of every program: the same cameras from each file, and a sentence for what cannot be used."""

import json
from dataclasses import replace

import calibration_files as files
import numpy as np
import pytest
from calibration_files import RIG

from smplify_jax.camera.calibrated import calibrated_camera
from smplify_jax.camera.calibration import load_calibration, save_calibration
from smplify_jax.camera.distortion import distort
from smplify_jax.errors import InputError

TEXTS = {
    "qualisys.qca.txt": files.qualisys,
    "intri.yml": files.easymocap_intrinsics,
    "panoptic.json": files.panoptic_json,
    "opencv.json": files.opencv_json,
}


def write(folder, name):
    path = folder / name
    if name == "arrays.npz":
        np.savez(path, allow_pickle=False, **files.stacked())
    elif name == "pose2sim.toml":
        save_calibration(path, RIG)
    else:
        path.write_text(TEXTS[name]())
        if name == "intri.yml":
            (folder / "extri.yml").write_text(files.easymocap_places())
    return path


def check_same(cameras, expected=RIG, *, has_size=True):
    assert [camera.name for camera in cameras] == [camera.name for camera in expected]
    for camera, true in zip(cameras, expected, strict=True):
        # Numbers are written in full; rotation vectors and mm cost a few rounding errors.
        np.testing.assert_allclose(camera.matrix, true.matrix, rtol=1e-14)
        np.testing.assert_allclose(camera.rotation, true.rotation, atol=1e-14)
        np.testing.assert_allclose(camera.translation, true.translation, atol=1e-13)
        np.testing.assert_array_equal(camera.distortion, true.distortion)
        np.testing.assert_array_equal(camera.image_size, true.image_size if has_size else [np.nan, np.nan])


@pytest.mark.parametrize("name", [*TEXTS, "arrays.npz", "pose2sim.toml"])
def test_every_program_s_file_gives_the_same_cameras(tmp_path, name):
    unit = "cm" if name == "panoptic.json" else None
    check_same(load_calibration(write(tmp_path, name), unit=unit), has_size=name != "intri.yml")


# EasyMocap's other half is found by its name, so its files keep theirs.
@pytest.mark.parametrize("name", sorted({*TEXTS, "pose2sim.toml", "arrays.npz"} - {"intri.yml"}))
def test_the_content_decides_and_not_the_name(tmp_path, name):
    path = write(tmp_path, name)
    unit = "cm" if name == "panoptic.json" else None
    check_same(load_calibration(path.rename(tmp_path / "cameras.dat"), unit=unit))


@pytest.mark.parametrize("given", ["", "extri.yml"])
def test_easymocap_s_folder_or_either_file_will_do(tmp_path, given):
    write(tmp_path, "intri.yml")
    check_same(load_calibration(tmp_path / given), has_size=False)


def test_half_of_easymocap_s_calibration_says_what_is_missing(tmp_path):
    write(tmp_path, "intri.yml")
    (tmp_path / "extri.yml").unlink()
    with pytest.raises(InputError, match=r"half of a calibration; put extri\.yml beside it"):
        load_calibration(tmp_path / "intri.yml")
    with pytest.raises(InputError, match=r"without intri\.yml and extri\.yml"):
        load_calibration(tmp_path)


def test_a_stereo_pair_of_opencv_has_its_second_camera_placed_from_the_first(tmp_path):
    second = RIG[1]
    values = {"M1": RIG[0].matrix, "D1": RIG[0].distortion, "M2": second.matrix, "D2": second.distortion}
    values |= {"R": second.rotation, "T": np.reshape(second.translation, (3, 1)), "R1": np.eye(3), "R2": np.eye(3)}
    text = "".join(f"{key}: {files.opencv_matrix(value)}" for key, value in values.items())
    (tmp_path / "stereo.yml").write_text("%YAML:1.0\n---\n" + text)
    first = replace(RIG[0], rotation=np.eye(3), translation=np.zeros(3), name="1")
    check_same(load_calibration(tmp_path / "stereo.yml"), (first, replace(second, name="2")), has_size=False)


def test_a_single_camera_without_a_place_is_the_world(tmp_path):
    (tmp_path / "one.json").write_text(json.dumps({"camera_matrix": RIG[0].matrix.tolist()}))
    (camera,) = load_calibration(tmp_path / "one.json")
    np.testing.assert_array_equal(camera.rotation, np.eye(3))
    np.testing.assert_array_equal(camera.translation, np.zeros(3))


def test_saved_cameras_come_back(tmp_path):
    rig = (*RIG, calibrated_camera(matrix=np.diag([700.0, 701, 1]), rotation=[0, np.pi, 0], translation=[1, 2, 3.0]))
    rig = (*rig[:-1], replace(rig[-1], name='a "quoted" name\x7f\n'))
    save_calibration(tmp_path / "rig.toml", rig)
    again = load_calibration(tmp_path / "rig.toml")
    check_same(again[:-1])
    np.testing.assert_allclose(again[-1].rotation, rig[-1].rotation, atol=1e-14)
    assert np.isnan(again[-1].image_size).all()
    assert again[-1].name == 'a "quoted" name\\x7f\\n'  # as a terminal may show it


def test_lengths_that_are_hardly_metres_ask_for_their_unit(tmp_path):
    rig = [replace(camera, translation=camera.translation * 1000) for camera in RIG]
    save_calibration(tmp_path / "rig.toml", rig)
    with pytest.raises(InputError, match=r"rig\.toml: its cameras stand 69\d\d units of length apart.*unit='mm'"):
        load_calibration(tmp_path / "rig.toml")
    check_same(load_calibration(tmp_path / "rig.toml", unit="mm"))
    assert load_calibration(tmp_path / "rig.toml", unit="m")[0].translation[2] > 1000
    with pytest.raises(InputError, match="unit is 'km'; expected one of m, cm, mm, inch"):
        load_calibration(tmp_path / "rig.toml", unit="km")


def test_a_smaller_video_of_qualisys_is_scaled_and_its_field_of_view_moves_the_center(tmp_path):
    text = files.qualisys().replace('viewrotation="0"', 'viewrotation="0" video_resolution="540p"')
    text = text.replace('fov_video left="0" top="0"', 'fov_video left="100" top="20"')
    (tmp_path / "half.qca.txt").write_text(text)
    camera = load_calibration(tmp_path / "half.qca.txt")[0]
    np.testing.assert_allclose(camera.camera.focal_length, RIG[0].camera.focal_length / 2)
    np.testing.assert_allclose(camera.camera.camera_center, np.subtract(RIG[0].camera.camera_center, [100, 20]) / 2)
    np.testing.assert_allclose(camera.image_size, np.subtract(RIG[0].image_size, [100, 20]) / 2)


def one_camera(**changes):
    table = {"K": RIG[0].matrix.tolist(), "R": RIG[0].rotation.tolist(), "t": RIG[0].translation.tolist()}
    return {key: value for key, value in (table | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"K": None, "dist": [0.1]}, "its matrix K is missing"),
        ({"R": None}, "its rotation is missing"),
        ({"t": None}, "its translation is missing"),
        ({"R": np.diag([1, 1, -1.0]).tolist()}, "no rotation: its rows are not orthonormal, or it mirrors"),
        ({"R": (RIG[0].rotation * 1.1).tolist()}, "not orthonormal"),
        ({"R": [[1e200] * 3] * 3}, "not orthonormal"),
        ({"K": np.diag([-1000, 1000, 1.0]).tolist()}, "the focal length is"),
        ({"K": np.diag([0, 1000, 1.0]).tolist()}, "the focal length is"),
        ({"K": [[1000, 50, 600], [0, 1000, 300], [0, 0, 1]]}, "skew"),
        ({"K": RIG[0].matrix.T.tolist()}, "transposed"),
        ({"K": [[1000, 0], [0, 1000]]}, "or the four numbers fx, fy, cx, cy"),
        ({"K": "all of it"}, "the matrix K has type"),
        ({"t": [0, 0, float("nan")]}, "the translation holds numbers that are not finite"),
        ({"t": [0, 0]}, r"the translation has shape \(2,\)"),
        ({"dist": [0.1, float("inf")]}, "the distortion holds numbers that are not finite"),
        ({"dist": [0.0] * 8 + [0.1] * 4}, "only k1, k2, p1, p2, k3, k4, k5, k6 are supported"),
        ({"dist": [1e9]}, "which no lens has"),
        ({"fisheye": True}, "is a fisheye lens, which is not supported; undistort the keypoints first"),
        ({"distortion_model": "equidistant"}, "is a fisheye lens"),
        ({"image_size": [0, 720]}, r"the image size is \[0.0, 720.0\]"),
        ({"image_size": [720]}, "the image size has shape"),
    ],
)
def test_a_camera_that_cannot_be_used_is_a_sentence_with_its_name(tmp_path, changes, words):
    cameras = {"cam_a": one_camera(), "cam_b": one_camera(**changes)}
    (tmp_path / "bad.json").write_text(json.dumps(cameras))
    with pytest.raises(InputError, match=words) as raised:
        load_calibration(tmp_path / "bad.json")
    assert "bad.json: camera 'cam_b': " in str(raised.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("hello", "it is no calibration"),
        ("{}", "it holds no camera"),
        ("[]", "it holds no camera"),
        ('{"cameras": []}', "it holds no camera"),
        ('{"K": [[1, 2', "cut-off JSON"),
        ("[cam_0]\nmatrix = [[1, 2", "cut-off TOML"),
        ("<calibration><cameras>", "cut-off XML"),
        ("<calibration></calibration>", "XML without cameras"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><calibration/>', "document type"),
        ("%YAML:1.0\n---\nK: !!opencv-matrix\n  rows: 3\n  cols: 3\n  dt: d\n  data: [1, 2", "not closed"),
        ("%YAML:1.0\n---\nK: !!opencv-matrix\n  rows: 3\n  cols: 3\n  dt: d\n  data: [1, 2]", r"sizes \[3, 3\]"),
        ("[" * 100_000, "is damaged"),
        ('{"K": ' * 100_000, "is damaged"),
        ("a = " + "[" * 100_000, "is damaged"),
        ("%YAML:1.0\na: " + "[" * 100_000, "nesting"),
        ("%YAML:1.0\n" + "".join(f"{' ' * k}a:\n" for k in range(200)), "nesting"),
        ("a = 1" + "0" * 10_000, "is damaged"),
    ],
)
def test_a_damaged_file_is_a_sentence(tmp_path, text, words):
    path = tmp_path / "damaged.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as raised:
        load_calibration(path)
    assert "damaged.txt" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_bytes_that_are_no_text_and_files_that_are_none_are_sentences(tmp_path):
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="no text in UTF-8"):
        load_calibration(tmp_path / "bytes")
    with pytest.raises(InputError, match="there is no such file"):
        load_calibration(tmp_path / "nothing.toml")
    with pytest.raises(InputError, match="no camera to write"):
        save_calibration(tmp_path / "rig.toml", ())


def test_arrays_of_different_lengths_are_a_sentence(tmp_path):
    arrays = files.stacked()
    arrays["t"] = arrays["t"][:2]
    np.savez(tmp_path / "rig.npz", allow_pickle=False, **arrays)
    with pytest.raises(InputError, match=r"array for 'translation' has shape \(2, 3\); expected one for each of 3"):
        load_calibration(tmp_path / "rig.npz")


@pytest.mark.real_data
def test_the_cameras_of_a_real_recording_look_at_one_place(shared_data):
    cameras = load_calibration(shared_data / "video" / "pose2sim_two_people" / "Calib.qca.txt")
    assert [camera.name for camera in cameras] == ["cam01", "cam02", "cam03", "cam04"]
    places = np.array([camera.position for camera in cameras])
    directions = np.array([camera.rotation[2] for camera in cameras])
    across = np.eye(3) - directions[:, :, None] * directions[:, None]
    aim = np.linalg.solve(across.sum(axis=0), np.einsum("vij,vj->i", across, places))
    # They were aimed by hand; from 4 m away, 15 cm is 2 degrees.
    assert np.linalg.norm(np.einsum("vij,vj->vi", across, aim - places), axis=1).max() < 0.15
    assert (np.einsum("vi,vi->v", directions, aim - places) > 1).all()
    assert 0 < aim[2] < 2
    assert (directions[:, 2] < 0).all()
    assert (places[:, 2] > 1).all()


@pytest.mark.real_data
def test_the_cameras_of_a_real_recording_show_its_points_where_they_were_detected(shared_data):
    path = shared_data / "keypoints" / "pose2sim" / "pose2sim_S00_P00_T00_StaticTrial.npz"
    cameras = load_calibration(path)
    with np.load(path) as archive:
        detected, points = archive["keypoints2d"], archive["joints3d"]
    errors = []
    for view, camera in enumerate(cameras):
        pixels = points @ camera.rotation.T + camera.translation
        pixels = pixels[..., :2] / pixels[..., 2:] * camera.camera.focal_length + camera.camera.camera_center
        seen = distort(np.concatenate([pixels, np.ones_like(pixels[..., :1])], axis=-1), camera)
        error = np.linalg.norm(seen[..., :2] - detected[:, view, :, :2], axis=-1)
        errors.append(error[detected[:, view, :, 2] > 0.5])
    # The file says 10.9 px of its own triangulation, which left the distortion in.
    assert np.median(np.concatenate(errors)) < 13
    assert np.concatenate(errors).max() < 60
