"""From a picture to bodies: how pictures are read, `fit_photo`, and pictures as inputs of `smplify-fit`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import PICTURE, one_sentence
from pages import data_of
from PIL import Image
from stand_in_detector import EXAMPLE, StandIn, install

from smplify_jax import FitResult, InputError, detect, fit, fit_photo
from smplify_jax.camera.conversions import focal_length_from_35mm
from smplify_jax.cli.fit import main
from smplify_jax.files.images import is_picture, load_image, load_photo
from smplify_jax.files.kinds import kind_of

PERSON = load_image(PICTURE)
RAMP = np.repeat(np.arange(256, dtype=np.uint8)[None], 40, axis=0)
FARTHER = EXAMPLE * (0.8, 0.8, 1) + (np.float32(190), np.float32(40), np.float32(0))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """The packaged picture as a JPEG."""
    Image.fromarray(PERSON).save(tmp_path / "photo.jpg", quality=95)
    return tmp_path / "photo.jpg"


def _with_exif(path: Path, orientation: int, focal_length_35mm: int) -> Path:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769)[0xA405] = focal_length_35mm
    Image.fromarray(PERSON).save(path, exif=exif)
    return path


@pytest.mark.parametrize(
    ("name", "image", "tolerance"),
    [
        ("grey.png", Image.fromarray(RAMP), 0),
        ("deep.png", Image.fromarray(RAMP.astype(np.uint16) * 257), 0),
        ("deep.tif", Image.fromarray(RAMP.astype(np.uint16) * 257), 0),
        ("numbers.tif", Image.fromarray(RAMP.astype(np.float32) / 255), 0),
        ("cmyk.jpg", Image.fromarray(RAMP).convert("RGB").convert("CMYK"), 3),  # JPEG's losses
        ("palette.png", Image.fromarray(RAMP).convert("P"), 0),
        ("grey_alpha.png", Image.fromarray(RAMP).convert("LA"), 0),
    ],
)
def test_every_kind_of_picture_shows_the_same_grey(tmp_path, name, image, tolerance):
    image.save(tmp_path / name)
    loaded = load_image(tmp_path / name)
    assert (loaded.shape, loaded.dtype) == ((*RAMP.shape, 3), np.uint8)
    np.testing.assert_allclose(loaded.astype(int), np.repeat(RAMP[..., None], 3, axis=2), atol=tolerance)


def test_what_is_transparent_is_white_whatever_its_hidden_colour(tmp_path):
    pixels = np.dstack([PERSON, np.full(PERSON.shape[:2], 255, np.uint8)])
    pixels[:, :100, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "a.png")
    loaded = load_image(tmp_path / "a.png")
    assert (loaded[:, :100] == 255).all()
    np.testing.assert_array_equal(loaded[:, 100:], PERSON[:, 100:])


def test_heic_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    assert is_picture(tmp_path / "a.heic")
    with pytest.raises(InputError, match="it is HEIC: pip install pillow-heif"):
        load_image(tmp_path / "a.heic")


def test_heic_is_read_where_its_package_is_installed(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif", reason="needs the extra `heic`")
    pillow_heif.from_pillow(Image.fromarray(PERSON)).save(tmp_path / "a.heic", quality=95)
    difference = np.abs(load_image(tmp_path / "a.heic").astype(int) - PERSON)
    assert difference.mean() < 3  # HEIC's losses


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"\xff\xd8\xff\xe0", "a JPEG picture"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a WebP picture"),
        (b"RIFF\0\0\0\0AVI LIST", "a video"),
        (b"\0\0\0\x20ftypisom", "a video"),
        (b"\0\0\0\x20ftypavif", "an AVIF picture"),
        (b"GIF89a", "a GIF picture"),
        (b"%PDF-1.7", "a PDF document"),
        (b"BM\x36\0\0\0\0\0\0\0", "a BMP picture"),
        (b"BMI of people: 1, 2, 3", None),
        (b'{"people": []}', None),
        (b"", None),
    ],
)
def test_files_are_told_by_their_first_bytes(start, name):
    kind = kind_of(start)
    assert (kind and kind.name) == name


def test_detections_in_a_photo_know_its_name_and_focal_length(tmp_path):
    path = _with_exif(tmp_path / "photo.jpg", orientation=6, focal_length_35mm=28)
    detector = StandIn(EXAMPLE, FARTHER)
    found = detect(path, detector=detector)
    assert found.names == ("photo_0", "photo_1")
    assert found.image_names == ("photo.jpg",) * 2
    assert detector.shown[0].shape == (512, 640, 3)  # turned upright
    np.testing.assert_allclose(found.focal_length, focal_length_from_35mm(28, (640, 512)), rtol=1e-6)


def test_a_photo_without_exif_has_no_focal_length(photo):
    assert load_photo(photo).exif == {}
    assert np.isnan(detect(photo, detector=StandIn(EXAMPLE)).focal_length).all()


def test_fit_photo_is_the_fit_of_what_was_detected(photo):
    fitted = fit_photo(photo, detector=StandIn(EXAMPLE))
    expected = fit(EXAMPLE[None], layout="openpose25", image_size=(512, 640))
    np.testing.assert_array_equal(np.asarray(fitted.result.body_pose), np.asarray(expected.body_pose))
    np.testing.assert_array_equal(fitted.image, load_image(photo))


def test_fit_photo_takes_the_focal_length_of_the_photo_unless_one_is_given(tmp_path):
    path = _with_exif(tmp_path / "photo.jpg", orientation=1, focal_length_35mm=50)
    fitted = fit_photo(path, detector=StandIn(EXAMPLE))
    np.testing.assert_allclose(
        np.asarray(fitted.result.camera.focal_length), focal_length_from_35mm(50, (512, 640)), rtol=1e-6
    )
    fitted = fit_photo(path, detector=StandIn(EXAMPLE), camera=900.0)
    np.testing.assert_allclose(np.asarray(fitted.result.camera.focal_length), 900.0)


def test_fit_photo_writes_each_person_and_one_overlay(photo, tmp_path):
    fitted = fit_photo(photo, detector=StandIn(EXAMPLE, FARTHER), out=tmp_path / "new" / "fits")
    written = {path.name for path in (tmp_path / "new" / "fits").iterdir()}
    assert written == {"photo_0.npz", "photo_0.obj", "photo_1.npz", "photo_1.obj", "photo_overlay.png"}
    stored = FitResult.load(tmp_path / "new" / "fits" / "photo_1.npz")
    np.testing.assert_array_equal(np.asarray(stored.body_pose), np.asarray(fitted.result[1].body_pose))
    fitted.report(tmp_path / "page.html")
    (scene,) = data_of(tmp_path / "page.html")["scenes"]
    assert [person["name"] for person in scene["people"]] == ["photo_0", "photo_1"]
    assert len(scene["cameras"][0]["pictures"]) == 1


def test_a_photo_of_nobody_is_one_sentence(photo):
    with pytest.raises(InputError, match=r"photo\.jpg: stand-in finds nobody in this picture"):
        fit_photo(photo, detector=StandIn())


def test_the_command_fits_a_picture(photo, tmp_path, monkeypatch, capsys):
    install(monkeypatch, StandIn(EXAMPLE))
    assert main([str(photo), "--out", str(tmp_path / "fits")]) == 0
    assert capsys.readouterr().out.startswith("photo_0: Converged.")
    assert {path.name for path in (tmp_path / "fits").iterdir()} == {
        "photo_0.npz",
        "photo_0.obj",
        "photo_0_overlay.png",
        "summary.json",
    }
    (person,) = json.loads((tmp_path / "fits" / "summary.json").read_text())["people"]
    assert (person["input"], person["image"], person["layout"]) == (str(photo), str(photo), "openpose25")


def test_several_people_of_a_picture_share_an_overlay(photo, tmp_path, monkeypatch, capsys):
    install(monkeypatch, StandIn(EXAMPLE, FARTHER))
    assert main([str(photo), "--out", str(tmp_path / "fits"), "--no-obj"]) == 0
    written = {path.name for path in (tmp_path / "fits").iterdir()}
    assert written == {"photo_0.npz", "photo_1.npz", "photo_overlay.png", "summary.json"}
    people = json.loads((tmp_path / "fits" / "summary.json").read_text())["people"]
    assert all(person["files"][-1] == "photo_overlay.png" for person in people)
    overlay, picture = load_image(tmp_path / "fits" / "photo_overlay.png"), load_image(photo)
    is_drawn = np.abs(overlay.astype(int) - picture).max(axis=2) > 12
    for rows in (EXAMPLE, FARTHER):
        hips = rows[[9, 12], :2].mean(axis=0).astype(int)
        assert is_drawn[hips[1] - 5 : hips[1] + 5, hips[0] - 5 : hips[0] + 5].mean() > 0.9


def test_a_folder_of_pictures_is_fitted_picture_by_picture(photo, tmp_path, monkeypatch, capsys):
    (tmp_path / "photos").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "photos" / name).write_bytes(photo.read_bytes())
    install(monkeypatch, StandIn(EXAMPLE))
    assert main([str(tmp_path / "photos"), "--out", str(tmp_path / "fits"), "--no-obj", "--no-overlay"]) == 0
    assert {path.stem for path in (tmp_path / "fits").glob("*.npz")} == {"a_0", "b_0"}


def test_a_picture_of_nobody_ends_with_status_1_and_does_not_stop_the_others(photo, tmp_path, monkeypatch, capsys):
    install(monkeypatch, StandIn())
    assert main([str(photo), "--out", str(tmp_path / "fits")]) == 1
    assert "finds nobody in this picture" in one_sentence(capsys.readouterr().err)


def test_a_picture_without_a_detector_says_what_to_install(photo, tmp_path, monkeypatch, capsys):
    install(monkeypatch, None)
    assert main([str(photo), "--out", str(tmp_path / "fits")]) == 1
    assert "pip install mediapipe" in one_sentence(capsys.readouterr().err)


def test_an_unknown_detector_is_wrong_usage(photo, tmp_path, capsys):
    assert main([str(photo), "--detector", "yolo", "--out", str(tmp_path / "fits")]) == 2
    assert "mediapipe, rtmlib, ultralytics" in one_sentence(capsys.readouterr().err)
    assert main([str(photo), "--detector-model", "a.pt", "--out", str(tmp_path / "fits")]) == 2
    assert "use it with ultralytics" in one_sentence(capsys.readouterr().err)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jpg", b"%PDF-1.7" + bytes(40), "is a PDF document, not a file of keypoints; save its pages as JPEG or PNG"),
        ("a.png", b"GIF89a" + bytes(40), "is a GIF picture, not a file of keypoints; save it as JPEG or PNG"),
        ("a.jpg", b"\xff\xd8\xff\xe0" + bytes(40), "cannot be read as a picture (it is a JPEG picture of a rare kind)"),
    ],
)
def test_a_file_that_is_no_picture_says_what_it_is(tmp_path, monkeypatch, capsys, name, content, words):
    install(monkeypatch, StandIn(EXAMPLE))
    (tmp_path / name).write_bytes(content)
    assert main([str(tmp_path / name), "--out", str(tmp_path / "fits")]) == 1
    assert words in one_sentence(capsys.readouterr().err)


def test_a_picture_with_a_named_format_is_not_taken_for_a_photo(photo, tmp_path, monkeypatch, capsys):
    install(monkeypatch, StandIn(EXAMPLE))
    assert main([str(photo), "--format", "openpose", "--out", str(tmp_path / "fits")]) == 1
    assert "is a JPEG picture, not a file of keypoints" in one_sentence(capsys.readouterr().err)
