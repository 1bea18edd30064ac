"""The body that is fitted if a folder has one per gender and the data set states genders, and how exports state it."""

from pathlib import Path

import numpy as np
import pytest
from body_files import write_pickle
from dataset_fits import load_body

from smplify_jax.body.load import load_body as read_body
from smplify_jax.cli.dataset import main
from smplify_jax.datasets.parquet import read_fits
from smplify_jax.geometry.skeleton import SMPL_PARENTS

PEOPLE = Path(__file__).parent / "data" / "cases" / "npz" / "spin_two_genders.npz"
"""SPIN's npz of two people, a woman and a man."""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder of three bodies of few vertices, which differ in size."""
    folder, rng = tmp_path_factory.mktemp("models"), np.random.default_rng(0)
    body = load_body()
    part = np.arange(300) % 24
    template = np.asarray(body.J_regressor @ body.v_template)[part] + rng.normal(0, 0.03, (300, 3))
    arrays = {
        "shapedirs": rng.normal(0, 0.003, (300, 3, 10)),
        "posedirs": np.zeros((300, 3, 207)),
        "J_regressor": np.stack([(part == j) / (part == j).sum() for j in range(24)]),
        "weights": np.eye(24)[part],
        "f": np.array([[0, 1, 2]]),
        "kintree_table": np.array([[2**32 - 1, *SMPL_PARENTS[1:]], range(24)]),
    }
    for gender, size in (("NEUTRAL", 1.0), ("FEMALE", 0.94), ("MALE", 1.05)):
        write_pickle(folder / f"SMPL_{gender}.pkl", {**arrays, "v_template": size * template})
    return folder


@pytest.mark.filterwarnings("ignore:The body .* does not define")  # a few vertices have no nose
@pytest.mark.parametrize(
    ("options", "fitted", "amass", "smpl", "spin"),
    [
        ([], "SMPL_NEUTRAL", "neutral", 0, None),
        (["--gender", "female"], "SMPL_FEMALE", "female", 2, ["f", "f"]),
    ],
    ids=["neutral", "female"],
)
def test_everybody_has_the_body_that_was_asked_for_and_exports_say_so(
    models, tmp_path, capsys, options, fitted, amass, smpl, spin
):
    out = tmp_path / "out"
    command = [str(PEOPLE), "--out", str(out), "--body", str(models), "--image-size", "1280", "960", "--no-cache"]
    command += ["--profile", "plain", "--export", "spin", "amass", "smpl", *options]
    assert main(command) == 0
    (batch,) = read_fits(out)
    assert batch.texts("gender") == ["female", "male"]
    assert batch.provenance.body_name == fitted
    assert [str(np.load(path)["gender"]) for path in (out / "amass").iterdir()] == [amass] * 2
    assert [int(np.load(path)["gender"]) for path in (out / "smpl").iterdir()] == [smpl] * 2
    data = np.load(out / "spin" / "fits.npz")
    assert (data["gender"].tolist() if "gender" in data else None) == spin
    assert data["has_smpl"].tolist() == [1, 1]
    complaints = capsys.readouterr().err
    assert complaints.count("another gender than the fitted body") == 1
    assert fitted in complaints


def test_a_body_says_the_gender_of_its_file_or_what_the_caller_says(models, tmp_path):
    for gender in ("neutral", "female", "male"):
        assert read_body(models, gender).gender == gender
    mine = tmp_path / "mine.pkl"
    mine.write_bytes((models / "SMPL_MALE.pkl").read_bytes())
    assert read_body(mine).gender is None
    assert read_body(mine, "male").gender == "male"
    (tmp_path / "female").mkdir()
    assert read_body(mine.rename(tmp_path / "female" / "model.pkl")).gender == "female"
    assert read_body().gender == "neutral"
