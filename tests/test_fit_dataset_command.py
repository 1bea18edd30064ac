"""`smplify-fit-dataset` as a user runs it, with real fits; and the cameras that fits of a data set use."""

import json
import pickle
import subprocess
import sys

import jax
import numpy as np
import pytest
from command_line import REPOSITORY, one_sentence
from dataset_jobs import write_coco
from people import IMAGE_SIZE, draw_people

from smplify_jax.cli.dataset import main
from smplify_jax.datasets.job import fitter as fitter_module
from smplify_jax.datasets.job.fitter import PeopleFitter
from smplify_jax.datasets.parquet import read_fits
from smplify_jax.fitting.fit import fit
from smplify_jax.keypoints.rows import DatasetRow

BATCH_SIZE = 8
"""Of ten people: a batch that is full, and one that is not."""


@pytest.fixture(scope="module")
def people():
    """(10, 17, 3), the last with fewer keypoints than a fit needs."""
    keypoints = draw_people(10, "coco17").keypoints
    keypoints[..., 2] = 2  # seen, in COCO's words
    keypoints[-1, 3:] = 0
    return keypoints


def test_a_data_set_is_fitted_exported_and_resumed(people, tmp_path, capsys):
    records = [*people.reshape(10, -1).tolist(), [1.0], [0.0] * 51]
    path = write_coco(tmp_path / "people.json", records, size=IMAGE_SIZE)
    out = tmp_path / "out"
    command = [str(path), "--out", str(out), "--batch-size", str(BATCH_SIZE), "--no-cache"]
    command += ["--export", "spin", "amass", "--max-error", "100"]
    assert main(command) == 1, "a record was rejected"
    output, complaints = capsys.readouterr()
    assert "10 people have a row: 9 converged, 1 too_few_keypoints" in output
    assert "1 records were rejected" in output
    assert "1 records without keypoints were passed over" in output
    assert f"{out / 'spin'}, 9 people, 1 left out (error too high or not known)" in output
    assert complaints.count("betas are not SMPL's") == 1, "once for both exports"

    direct = fit(people[:BATCH_SIZE], layout="coco17", image_size=IMAGE_SIZE)
    first, second = read_fits(out)
    # Another program, for another number of people.
    np.testing.assert_allclose(first.array("body_pose"), direct.body_pose, atol=1e-5)
    np.testing.assert_allclose(first.array("transl"), direct.transl, atol=1e-5)
    assert second.is_usable.tolist() == [True, False]
    assert second.texts("image") == ["one.jpg"] * 2
    assert len(np.load(out / "spin" / "fits.npz")["pose"]) == 9
    assert len(list((out / "amass").iterdir())) == 9
    assert "people.json" in (out / "rejected.jsonl").read_text()
    assert json.loads((out / "job.json").read_text())["profile"] == "default"

    assert main([*command, "--resume"]) == 1
    assert "0 people were fitted in this run" in capsys.readouterr().out

    # COCO's boxes are tight: SPIN cuts them 1.2 times as large.
    for more, side in (([], 1.2 * 300), (["--box-factor", "2"], 2 * 300)):
        assert main(["export", str(out), "--to", "spin", *more]) == 0
        np.testing.assert_allclose(np.load(out / "spin" / "fits.npz")["scale"], [side / 200] * 10, rtol=1e-6)


def test_a_person_is_fitted_the_same_to_the_bit_in_any_company():
    keypoints = draw_people(70, "coco17").keypoints
    rows = [DatasetRow(f"{k}", one, "coco17", "", "", image_size=IMAGE_SIZE) for k, one in enumerate(keypoints)]
    alone, together = PeopleFitter().fit(rows[:2]), PeopleFitter().fit(rows)
    assert len(alone) == 2
    for one, all_ in zip(jax.tree.leaves(alone), jax.tree.leaves(together[:2]), strict=True):
        np.testing.assert_array_equal(one, all_)


@pytest.mark.parametrize(("engine", "cores_are_split"), [("local", True), ("ray", False)])
def test_the_local_engine_splits_the_cores_before_anything_else_and_fits_on_all(
    engine, cores_are_split, tmp_path, monkeypatch
):
    def begin(*_, fitter, **__):
        calls.append(fitter.uses_all_devices)
        raise SystemExit

    calls = []
    monkeypatch.setattr("smplify_jax.execution.devices.use_all_cores", lambda: calls.append("cores"))
    monkeypatch.setattr("smplify_jax.datasets.job.job.fit_dataset", begin)
    with pytest.raises(SystemExit):
        main(["people.json", "--out", str(tmp_path), "--engine", engine, "--no-cache"])
    assert calls == ["cores"] * cores_are_split + [True]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required"),
        (["x.json"], "with --out FOLDER"),
        (["x.json", "--out", "o", "--format", "bvh"], "no keypoint format 'bvh'"),
        (["x.json", "--out", "o", "--export", "fbx"], "no export 'fbx'"),
        (["x.json", "--out", "o", "--shard", "8/8"], "shards 0/8 to 7/8"),
        (["x.json", "--out", "o", "--shard", "first"], "not of the form i/n"),
        (["x.json", "--out", "o", "--batch-size", "0"], "--batch-size"),
        (["x.json", "--out", "o", "--engine", "spark"], "spark"),
        (["x.json", "--out", "o", "--layout", "coco71"], "coco71"),
        (["x.json", "--out", "o", "--profile", "fast"], "no profile 'fast'"),
        (["x.json", "--out", "o", "--box-factor", "0"], "--box-factor"),
        (["x.json", "--out", "o", "--min-quality", "7"], "--min-quality"),
        (["x.json", "--out", "o", "--max-error", "nan"], "--max-error"),
        (["x.json", "--out", "o", "--image-size", "640", "-480"], "--image-size"),
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*arguments, "--no-cache"]) == 2
    assert words in one_sentence(capsys.readouterr().err, "smplify-fit-dataset")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_read_is_one_sentence_and_status_1(capsys, tmp_path):
    assert main([str(tmp_path / "gone.json"), "--out", str(tmp_path / "out"), "--no-cache"]) == 1
    assert "gone.json" in one_sentence(capsys.readouterr().err, "smplify-fit-dataset")
    assert not (tmp_path / "out").exists()


def test_a_data_set_without_anybody_is_told_and_status_1(capsys, tmp_path):
    path = write_coco(tmp_path / "people.json", [[1.0]])
    assert main([str(path), "--out", str(tmp_path / "out"), "--no-cache"]) == 1
    why, told = capsys.readouterr().err.strip().splitlines()
    assert "'people.json', annotations[0]: the annotation has 1 numbers" in one_sentence(why, "smplify-fit-dataset")
    assert "nobody in it can be fitted" in one_sentence(told, "smplify-fit-dataset")


def test_an_export_is_a_command_of_its_own_in_a_process_of_its_own(tmp_path):
    command = [sys.executable, "-m", "smplify_jax.cli.dataset", "export", tmp_path / "none", "--to", "spin"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert str(tmp_path / "none") in one_sentence(done.stderr, "smplify-fit-dataset export")


def test_help_does_not_wait_for_jax():
    script = (
        "import sys, smplify_jax.cli.dataset as d\n"
        "try: d.main(['--help'])\n"
        "except SystemExit: assert 'jax' not in sys.modules and 'numpy' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("  smplify-fit-dataset ") >= 4
    assert "smplify-fit-dataset export FOLDER --to NAME" in result.stdout


def _row(**about):
    keypoints = np.tile(np.array([100, 200, 1], np.float32), (17, 1))
    keypoints[:, 1] += 10 * np.arange(17, dtype=np.float32)
    return DatasetRow("f#1", keypoints, "coco17", "f", "1", **about)


@pytest.fixture
def told(monkeypatch):
    """Makes a fitter tell which camera it would have `fit` use, and returns a function that gives it."""

    class ToldError(Exception):
        pass

    def refuse(keypoints, *, camera, **_):
        raise ToldError(camera)

    def camera_of(fitter, *people):
        with pytest.raises(ToldError) as stop:
            fitter.fit(people)
        return stop.value.args[0]

    monkeypatch.setattr(fitter_module, "fit", refuse)
    return camera_of


SIZED = {"image_size": (640.0, 480.0)}


def test_cameras_of_the_data_set_are_used_and_completed_by_what_is_assumed(told):
    camera = told(PeopleFitter(), _row(focal_length=900.0, **SIZED), _row(camera_center=(300.0, 200.0), **SIZED))
    np.testing.assert_allclose(camera.focal_length[:2], [[900, 900], [800, 800]])  # 800 is the diagonal
    np.testing.assert_allclose(camera.camera_center[:2], [[320, 240], [300, 200]])


def test_the_callers_camera_is_for_pictures_without_one(told):
    fitter = PeopleFitter(focal_length=1000.0)
    np.testing.assert_allclose(told(fitter, _row(**SIZED)).focal_length, 1000.0)
    np.testing.assert_allclose(told(fitter, _row(focal_length=900.0, **SIZED)).focal_length, 900.0)


def test_where_nothing_is_known_a_fit_is_told_nothing(told):
    assert told(PeopleFitter(), _row(**SIZED)) is None
    assert told(PeopleFitter(searches_focal_length=True), _row(**SIZED)) == "search"
    assert told(PeopleFitter(searches_focal_length=True), _row(focal_length=900.0, **SIZED)) != "search"


def test_people_whose_pictures_size_is_not_known_are_rejected_unless_guesses_are_wanted():
    assert "size is not known" in str(PeopleFitter().objection(_row()))
    assert "size is not known" in str(PeopleFitter().objection(_row(focal_length=900.0)))
    assert PeopleFitter(guesses_cameras=True).objection(_row()) is None
    assert PeopleFitter(camera_center=(320.0, 240.0)).objection(_row()) is None
    assert PeopleFitter().objection(_row(**SIZED)) is None


def test_a_fitter_can_be_sent_to_another_process():
    fitter = PeopleFitter(profile="plain", focal_length=900.0)
    assert pickle.loads(pickle.dumps(fitter)).settings() == fitter.settings()
