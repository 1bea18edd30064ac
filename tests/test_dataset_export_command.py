"""`smplify-fit-dataset export` as a user runs it, on existing fits."""

import json
import subprocess
import sys

import numpy as np
import pytest
from command_line import REPOSITORY, one_sentence
from dataset_fits import write_drawn
from PIL import Image

from smplify_jax.camera.crop_box import CropBox
from smplify_jax.cli.dataset import main

PROGRAM = "smplify-fit-dataset export"
SMPL = {"body_name": "SMPL_NEUTRAL", "body_gender": "neutral", "is_open_body": False}


@pytest.fixture
def fits(tmp_path):
    """A job's folder: six people of SMPL's own body in three pictures, the last without a fit."""
    folder = tmp_path / "fits"
    box = CropBox((100.0, 120.0), (50.0, 300.0))
    write_drawn(folder / "parquet" / "part-00000000.parquet", 6, num_failed=1, made_with=SMPL, box=box)
    return folder


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (64, 48)).save(folder / f"street {number}.png")
    return folder


def npz(path):
    with np.load(path) as data:
        return {name: data[name] for name in data.files}


def test_fits_are_exported_again_with_other_settings_and_nothing_is_fitted(fits, images, tmp_path, capsys):
    assert main(["export", str(fits), "--to", "spin"]) == 0
    assert "Export: " in (output := capsys.readouterr()).out
    assert not output.err
    before = npz(fits / "spin" / "fits.npz")
    np.testing.assert_allclose(before["scale"], 1.2 * 1.5, rtol=1e-6)
    more = ["--box-factor", "1.5", "--images", str(images), "--dataset", "coco", "--out", str(tmp_path / "mine")]
    assert main(["export", str(fits), "--to", "spin", *more]) == 0
    after = npz(tmp_path / "mine" / "coco.npz")
    np.testing.assert_allclose(after["scale"], 1.5 * 1.5, rtol=1e-6)
    np.testing.assert_array_equal(after["shape"], before["shape"])
    assert after["has_smpl"].tolist() == before["has_smpl"].tolist() == [1, 1, 1, 1, 1, 0]


def test_a_missing_picture_leaves_its_people_out_is_named_and_gives_status_1(fits, images, capsys):
    (images / "street 1.png").unlink()
    for name in ("spin", "4dhumans"):
        assert main(["export", str(fits), "--to", name, "--images", str(images)]) == 1
        output = capsys.readouterr()
        assert "4 people, 2 left out (picture cannot be used)" in output.out
        assert "street 1.png" in one_sentence(output.err, PROGRAM)
        assert (fits / name / "left_out.jsonl").exists()
    assert len(npz(fits / "spin" / "fits.npz")["imgname"]) == 4


def test_people_of_low_quality_are_left_out_and_counted_without_a_complaint(fits, capsys):
    assert main(["export", str(fits), "--to", "amass", "--min-quality", "0.5", "--max-error", "50"]) == 0
    output = capsys.readouterr()
    assert "left out (quality too low or not known)" in output.out
    assert not output.err
    assert 0 < len(list((fits / "amass").iterdir())) < 5


def test_the_open_bodys_betas_are_output_of_once(tmp_path, capsys):
    write_drawn(tmp_path / "a.parquet", 2)
    assert main(["export", str(tmp_path), "--to", "spin", "--out", str(tmp_path / "out")]) == 0
    assert "betas are not SMPL's" in one_sentence(capsys.readouterr().err, PROGRAM)
    assert npz(tmp_path / "out" / "fits.npz")["has_smpl"].tolist() == [0, 0]
    more = ["--out", str(tmp_path / "out"), "--open-body-as-smpl"]
    assert main(["export", str(tmp_path), "--to", "spin", *more]) == 0
    assert not capsys.readouterr().err
    assert npz(tmp_path / "out" / "fits.npz")["has_smpl"].tolist() == [1, 1]


def test_a_job_that_has_not_ended_is_output(fits, capsys):
    (fits / "job.json").write_text("{}")
    assert main(["export", str(fits), "--to", "people"]) == 0
    assert "has not ended yet" in one_sentence(capsys.readouterr().err, PROGRAM)


def test_one_file_of_fits_is_exported_beside_itself(tmp_path, capsys):
    write_drawn(tmp_path / "a.parquet", 2, made_with=SMPL)
    assert main(["export", str(tmp_path / "a.parquet"), "--to", "people"]) == 0
    assert len(list((tmp_path / "people").iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "FOLDER"),
        (["fits"], "--to"),
        (["fits", "--to", "fbx"], "no export 'fbx'"),
        (["fits", "--to", "spin", "--box-factor", "0"], "--box-factor"),
        (["fits", "--to", "spin", "--min-quality", "2"], "--min-quality"),
        (["fits", "--to", "spin", "--max-error", "-1"], "--max-error"),
        (["fits", "--to", "amass", "--frame-rate", "0"], "--frame-rate"),
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["export", *arguments]) == 2
    assert words in one_sentence(capsys.readouterr().err, PROGRAM)
    assert not list(tmp_path.iterdir())


def test_a_folder_without_fits_is_output_and_status_1(capsys, tmp_path):
    assert main(["export", str(tmp_path), "--to", "spin"]) == 1
    assert "no .parquet files" in one_sentence(capsys.readouterr().err, PROGRAM)


def test_an_input_called_export_is_named_with_its_folder(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "export").write_text(json.dumps({"people": []}))
    assert main(["export", "--out", "fits"]) == 2
    assert "the input of that name is ./export" in one_sentence(capsys.readouterr().err, "smplify-fit-dataset")
    assert main(["./export", "--out", "fits", "--no-cache"]) == 1
    assert "nobody in it can be fitted" in one_sentence(capsys.readouterr().err, "smplify-fit-dataset")


def test_exports_need_no_jax(fits, images):
    script = (
        "import sys, smplify_jax.cli.dataset as d\n"
        f"for name in ('spin', '4dhumans', 'amass', 'smpl', 'people'):\n"
        f"    assert d.main(['export', {str(fits)!r}, '--to', name, '--images', {str(images)!r}]) == 0\n"
        "assert 'jax' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_its_help_names_every_option_and_does_not_wait_for_jax():
    script = (
        "import sys, smplify_jax.cli.dataset as d\n"
        "try: d.main(['export', '--help'])\n"
        "except SystemExit: assert 'jax' not in sys.modules and 'numpy' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    for option in ("--to", "--out", "--images", "--box-factor", "--min-quality", "--max-error", "--open-body-as-smpl"):
        assert option in result.stdout
