"""`smplify-fit` before it fits: help, options, and the files it is given."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import DETECTIONS, PICTURE, REPOSITORY, one_sentence
from PIL import Image

from smplify_jax.cli.fit import main
from smplify_jax.cli.inputs import missing_pictures, read_inputs
from smplify_jax.cli.options import FitCommand, ReadOptions
from smplify_jax.fitting.profiles import PROFILES
from smplify_jax.keypoints.formats.registry import FORMATS
from smplify_jax.keypoints.layouts import LAYOUTS


def test_help_has_examples_and_every_name_that_options_take(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert not stop.value.code
    text = capsys.readouterr().out
    assert text.count("  smplify-fit ") >= 3
    for name in (*LAYOUTS, *FORMATS, *PROFILES):
        assert name in text
    for option in [
        "--layout",
        "--format",
        "--body",
        "--gender",
        "--prior",
        "--image",
        "--image-size",
        "--focal-length",
        "--camera-center",
    ]:
        assert option in text


def test_help_does_not_wait_for_jax():
    script = (
        "import sys, smplify_jax.cli.arguments as a\n"
        "try: a.FIT.parse(['--help'])\n"
        "except SystemExit: assert 'jax' not in sys.modules and 'trimesh' not in sys.modules"
    )
    # The package's own __init__ may import what it likes; this is about the command's modules.
    result = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--layuot", "coco17", "x.npz"], "--layuot"),
        (["x.npz", "--num-betas", "many", "--out", "o"], "--num-betas"),
        (["x.npz", "--image-size", "640", "--out", "o"], "--image-size"),
        (["x.npz", "--image-size", "640", "-480", "--out", "o"], "--image-size"),
        (["x.npz", "--focal-length", "0", "--out", "o"], "--focal-length must be a positive number"),
        (["x.npz", "--focal-length", "nan", "--out", "o"], "--focal-length must be a positive number"),
        (["x.npz"], "with --out FOLDER"),
        ([], "Give pictures, videos or keypoint files to fit, or --example"),
        (["--example", "x.npz"], "--example fits its own input"),
        (["x.npz", "--out", "o", "--layout", "coco71"], "coco71"),
        (["x.npz", "--out", "o", "--format", "bvh"], "no keypoint format 'bvh'"),
        (["x.npz", "--out", "o", "--profile", "fast"], "no profile 'fast'"),
        (["x.npz", "--out", "o", "--num-starts", "0"], "--num-starts"),
        (["x.npz", "--out", "o", "--num-betas", "0"], "--num-betas"),
        (["x.npz", "--out", "o", "--report", "photo.jpg"], "a name that ends in .html"),
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert words in one_sentence(capsys.readouterr().err)
    assert not list(tmp_path.iterdir())


def test_a_missing_file_is_one_sentence_and_status_1(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert main([str(tmp_path / "gone.json"), "--out", str(tmp_path / "fits")]) == 1
    assert "gone.json" in one_sentence(capsys.readouterr().err)
    assert not (tmp_path / "fits").exists()


def test_detections_without_people_are_one_sentence_and_status_1(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    (tmp_path / "empty_keypoints.json").write_text('{"version": 1.3, "people": []}')
    assert main([str(tmp_path / "empty_keypoints.json"), "--out", str(tmp_path / "fits")]) == 1
    assert "no people" in one_sentence(capsys.readouterr().err)


def test_a_layout_that_does_not_fit_the_file_is_one_sentence_and_status_1(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    assert main([str(DETECTIONS), "--layout", "coco17", "--out", str(tmp_path / "fits")]) == 1
    sentence = one_sentence(capsys.readouterr().err)
    assert "25 keypoints" in sentence
    assert "coco17" in sentence


@pytest.mark.parametrize("out", ["file", "file/below"])
def test_an_unwritable_folder_is_told_before_fitting(out: str, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    assert main([str(DETECTIONS), "--out", str(tmp_path / out), "--image", str(PICTURE)]) == 1
    assert str(tmp_path / out) in one_sentence(capsys.readouterr().err)


@pytest.mark.parametrize(("page", "words"), [("nowhere/report.html", "no folder"), ("folder.html", "is a folder")])
def test_a_page_that_cannot_be_written_is_told_before_the_fit(
    page: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    Path("folder.html").mkdir()
    assert main([str(DETECTIONS), "--image", str(PICTURE), "--out", "out", "--report", page, "--no-cache"]) == 1
    assert words in one_sentence(capsys.readouterr().err)
    assert not any((tmp_path / "out").iterdir())


@pytest.mark.parametrize("option", ["--body", "--prior", "--image"])
def test_a_missing_file_in_an_option_is_named(option: str, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert main([str(DETECTIONS), "--out", str(tmp_path / "fits"), option, str(tmp_path / "gone")]) == 1
    assert "gone" in one_sentence(capsys.readouterr().err)


def test_people_without_a_picture_or_its_size_are_counted(tmp_path: Path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "photo_keypoints.json").write_text(DETECTIONS.read_text())
    read = ReadOptions(image=tmp_path / "pictures")
    people = read_inputs([tmp_path / "photo_keypoints.json"], read).people
    without_picture, without_size = missing_pictures(people, FitCommand(read=read))
    assert "no picture for 1 of 1 people" in without_picture
    assert "--image-size" in without_size
    read = ReadOptions(image_size=(512, 640))
    people = read_inputs([tmp_path / "photo_keypoints.json"], read).people
    assert not missing_pictures(people, FitCommand(read=read))


@pytest.mark.parametrize("picture", ["photo.png", "photo.jpg", "photo_0.png"])
def test_a_picture_is_found_in_a_folder_by_the_keypoint_files_name(picture: str, tmp_path: Path):
    (tmp_path / "photo_keypoints.json").write_text(DETECTIONS.read_text())
    for name in (picture, "other.png"):
        Image.new("RGB", (512, 640)).save(tmp_path / name)
    people = read_inputs([tmp_path / "photo_keypoints.json"], ReadOptions(image=tmp_path)).people
    expected = None if picture == "photo_0.png" else tmp_path / picture
    assert people[0].image_path == expected
    assert np.isnan(people[0].image_size).any() == (expected is None)


def test_people_of_the_same_name_in_two_files_keep_apart(tmp_path: Path):
    paths = [tmp_path / "a" / "photo_keypoints.json", tmp_path / "b" / "photo_keypoints.json"]
    for path in paths:
        path.parent.mkdir()
        path.write_text(DETECTIONS.read_text())
    found = read_inputs(paths, ReadOptions())
    assert [person.name for person in found.people] == ["photo_0", "photo_0_2"]
    assert not found.unread
    assert not found.rejected


def test_a_keypoint_outside_the_picture_counts_unless_dropped(tmp_path: Path):
    (tmp_path / "photo_keypoints.json").write_text(DETECTIONS.read_text())
    counts = []
    for drop in (False, True):
        read = ReadOptions(image_size=(512, 400), drop_outside=drop)
        people = read_inputs([tmp_path / "photo_keypoints.json"], read).people
        counts.append(int((people[0].keypoints[:, 2] > 0).sum()))
    assert counts[1] < counts[0] == 24


def test_a_cache_folder_that_cannot_be_made_only_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from smplify_jax.cli.cache import use_compilation_cache

    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    complaint = use_compilation_cache()
    assert complaint is not None
    assert "not kept for the next run" in complaint


def test_a_relative_cache_home_is_ignored(monkeypatch: pytest.MonkeyPatch):
    from smplify_jax.cli.cache import cache_folder

    monkeypatch.setenv("XDG_CACHE_HOME", "somewhere")
    assert cache_folder().is_relative_to(Path.home())
