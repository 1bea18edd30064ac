import pytest
from bodies import random_body_arrays
from body_files import assert_body_has, write_npz, write_pickle

from smplify_jax.body.load import load_body
from smplify_jax.errors import InputError


@pytest.fixture
def models(tmp_path):
    """A folder as smplx lays it out, each body told apart by its seed."""
    files = {
        "smpl/SMPL_NEUTRAL.pkl": 1,
        "smpl/SMPL_MALE.pkl": 2,
        "smplh/SMPLH_female.pkl": 3,
        "smplx/SMPLX_FEMALE.npz": 4,
    }
    for name, seed in files.items():
        arrays = random_body_arrays(num_vertices=60, seed=seed)
        (write_pickle if name.endswith("pkl") else write_npz)(tmp_path / "models" / name, arrays)
    (tmp_path / "models" / "smpl" / "J_regressor_extra.npy").write_bytes(b"")
    (tmp_path / "models" / "smplh" / "MANO_LEFT.pkl").write_bytes(b"")
    return tmp_path / "models"


@pytest.mark.parametrize(
    ("folder", "gender", "seed"),
    [
        ("", None, 1),
        ("", "neutral", 1),
        ("", "Male", 2),
        ("smpl", "MALE", 2),
        ("smpl", None, 1),
        ("smplx", None, 4),
        ("smplx", "female", 4),
        ("smplh", "female", 3),
    ],
)
def test_a_folder_gives_the_body_of_the_gender(models, folder, gender, seed):
    assert_body_has(load_body(models / folder, gender), random_body_arrays(num_vertices=60, seed=seed))


def test_several_fitting_files_are_named(models):
    with pytest.raises(InputError, match=r"several files fit .*SMPLH_female\.pkl.*SMPLX_FEMALE\.npz"):
        load_body(models, "female")


def test_no_fitting_file_names_those_there_are(models):
    with pytest.raises(InputError, match=r"no male body file .*SMPLX_FEMALE\.npz"):
        load_body(models / "smplx", "male")


def test_a_folder_without_bodies_says_so(tmp_path):
    with pytest.raises(InputError, match="body files found: none"):
        load_body(tmp_path)


def test_the_same_model_in_two_formats_is_one_and_the_archive_is_read(models):
    write_npz(models / "smpl" / "SMPL_MALE.npz", random_body_arrays(num_vertices=60, seed=9))
    assert_body_has(load_body(models, "male"), random_body_arrays(num_vertices=60, seed=9))


@pytest.mark.parametrize(
    ("name", "gender"),
    [
        ("basicModel_neutral_lbs_10_207_0_v1.0.0.pkl", "neutral"),
        ("basicmodel_m_lbs_10_207_0_v1.0.0.pkl", "male"),
        ("basicModel_f_lbs_10_207_0_v1.0.0.pkl", "female"),
        ("basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl", "neutral"),
        ("SMPL_FEMALE.pkl", "female"),
        ("SMPLX_NEUTRAL_2020.npz", "neutral"),
        ("smplh/male/model.npz", "male"),
    ],
)
def test_file_names_in_the_wild_tell_their_gender(tmp_path, name, gender):
    write = write_pickle if name.endswith("pkl") else write_npz
    path = write(tmp_path / name, random_body_arrays(num_vertices=60))
    assert load_body(tmp_path, gender).name == path.stem
    other = "female" if gender != "female" else "male"
    with pytest.raises(InputError, match=f"no {other} body file"):
        load_body(tmp_path, other)
    with pytest.raises(InputError, match=f"this is a {gender} body and {other} was asked for"):
        load_body(path, other)


def test_an_unknown_gender_is_refused(models):
    with pytest.raises(InputError, match="gender 'man' is not known: choose neutral, male, female"):
        load_body(models, "man")
