"""Bodies written as files of the SMPL family."""

import pickle
import pickletools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bodies import random_body, with_random_capsules

from smplify_jax import load_body, save_body
from smplify_jax.errors import InputError

ARRAYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "lbs_weights", "faces")
SMPL_KEYS = {"v_template", "shapedirs", "posedirs", "J_regressor", "J", "weights", "f", "kintree_table"}


def _assert_same(body, expected):
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(body, name), getattr(expected, name), err_msg=name)
        assert getattr(body, name).dtype == getattr(expected, name).dtype
    assert (body.parents, body.joint_names, body.name) == (expected.parents, expected.joint_names, expected.name)


@pytest.fixture(scope="module", params=["pkl", "npz"])
def open_body_file(request, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("bodies") / f"SMPL_NEUTRAL.{request.param}"
    save_body(path)
    return path


def test_the_open_body_is_read_back_equal_and_keeps_its_name(open_body_file):
    _assert_same(load_body(open_body_file), load_body())


def test_it_is_found_in_a_folder_as_smplx_lays_it_out(open_body_file):
    assert load_body(open_body_file.parent, gender="neutral").name == "open body"


@pytest.mark.parametrize("num_betas", [1, 10, 16])
@pytest.mark.parametrize("num_joints", [24, 52, 55])
@pytest.mark.parametrize("ending", ["pkl", "npz"])
def test_any_body_is_read_back_equal(tmp_path, ending, num_joints, num_betas):
    num_directions = 400 if num_joints == 55 else 16
    body = with_random_capsules(random_body(num_joints, 120, num_directions, num_betas))
    save_body(tmp_path / f"body.{ending}", body)
    read = load_body(tmp_path / f"body.{ending}", num_betas=num_betas)
    _assert_same(read, body)
    assert read.capsules is None


def test_files_have_smpls_keys_and_plain_arrays(open_body_file):
    if open_body_file.suffix == ".npz":
        with np.load(open_body_file, allow_pickle=False) as archive:
            content = dict(archive)
    else:
        content = pickle.loads(open_body_file.read_bytes())
    assert set(content) == SMPL_KEYS | {"bs_type", "bs_style", "body_name", "origin"}
    assert (str(content["bs_type"]), str(content["bs_style"])) == ("lrotmin", "lbs")
    assert "CC0" in str(content["origin"])
    assert all(type(content[key]) is np.ndarray for key in SMPL_KEYS)
    assert content["kintree_table"][:, :3].tolist() == [[2**32 - 1, 0, 0], [0, 1, 2]]
    np.testing.assert_allclose(content["J"], content["J_regressor"] @ content["v_template"], atol=1e-6)


def test_only_the_open_body_has_its_origin(tmp_path):
    save_body(tmp_path / "body.npz", random_body(num_vertices=60))
    with np.load(tmp_path / "body.npz") as archive:
        assert "origin" not in archive.files


def test_a_pickle_names_nothing_that_an_old_numpy_lacks(tmp_path):
    save_body(tmp_path / "body.pkl", random_body(num_vertices=60))
    operations = list(pickletools.genops((tmp_path / "body.pkl").read_bytes()))
    names = {str(name) for code, name, _ in operations if code.name == "GLOBAL"}
    assert names == {"numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype", "_codecs encode"}
    assert max(code.proto for code, _, _ in operations) == 2


@pytest.mark.smplx
def test_smplx_reads_the_pickle_from_its_folder_and_by_its_path(tmp_path):
    smplx = pytest.importorskip("smplx", reason="needs the extra smplx")
    path = tmp_path / "smpl" / "SMPL_NEUTRAL.pkl"
    path.parent.mkdir()
    save_body(path)
    rest = dict.fromkeys(("global_orient", "transl"), np.zeros(3))
    expected = load_body().vertices(betas=np.zeros(10), body_pose=np.zeros(69), **rest)
    for model in (smplx.create(str(tmp_path), "smpl"), smplx.SMPL(str(path))):
        np.testing.assert_allclose(model().vertices[0].detach().numpy(), expected, atol=1e-6)
        np.testing.assert_array_equal(model.faces, load_body().faces)


@pytest.mark.parametrize("path", ["body", "body.obj", "body.pkl.gz"])
def test_another_ending_is_refused(tmp_path, path):
    with pytest.raises(InputError, match=r"written as \.pkl or \.npz"):
        save_body(tmp_path / path, random_body(num_vertices=60))
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(InputError, match="the folder does not exist"):
        save_body(tmp_path / "missing" / "body.npz", random_body(num_vertices=60))
    with pytest.raises(InputError, match="give a path, then a body"):
        save_body(random_body(num_vertices=60), tmp_path / "body.npz")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "name", [np.zeros(3), np.array(["a", "b"]), np.array(7), np.array("a\nb"), np.array(""), np.array("a" * 201)]
)
def test_a_name_that_is_no_line_of_text_is_refused(tmp_path, name):
    save_body(tmp_path / "body.npz", random_body(num_vertices=60))
    with np.load(tmp_path / "body.npz") as archive:
        np.savez(tmp_path / "changed.npz", **{**archive, "body_name": name})
    with pytest.raises(InputError, match="'body_name' is not a name"):
        load_body(tmp_path / "changed.npz")


def test_a_body_of_another_name_keeps_it_whatever_its_file_is_called(tmp_path):
    body = replace(random_body(num_vertices=60), name="Ünser Körper")
    save_body(tmp_path / "SMPL_MALE.pkl", body)
    assert load_body(tmp_path / "SMPL_MALE.pkl").name == "Ünser Körper"
