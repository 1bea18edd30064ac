import pickle
from pathlib import Path

import jax
import numpy as np
import pytest
import scipy.sparse
from bodies import parents_for, random_body, random_body_arrays
from body_files import assert_body_has, write_npz, write_pickle

from smplify_jax.body.load import load_body
from smplify_jax.body.open_body import OPEN_BODY_PATH
from smplify_jax.errors import InputError

PICKLES = Path(__file__).parent / "data" / "pickles"


@pytest.mark.parametrize("name", ["smpl_py2_protocol0", "smpl_py2_protocol2", "smpl_py3_protocol2"])
def test_a_pickle_as_smpl_was_written_gives_its_arrays(name):
    with np.load(PICKLES / f"{name[:8]}.npz") as archive:
        values = dict(archive)
    body = load_body(PICKLES / f"{name}.pkl")
    assert_body_has(body, values)
    assert body.parents == (-1, *range(23))
    assert body.name == name


@pytest.mark.parametrize(("num_joints", "num_directions", "num_betas"), [(24, 10, 10), (24, 300, 10), (52, 16, 16)])
@pytest.mark.parametrize("write", [write_pickle, write_npz])
def test_files_of_24_and_52_joints_load_in_both_formats(tmp_path, num_joints, num_directions, num_betas, write):
    arrays = random_body_arrays(num_joints, 120, num_directions)
    body = load_body(write(tmp_path / ("body.pkl" if write is write_pickle else "body.npz"), arrays), None, num_betas)
    assert_body_has(body, {**arrays, "shapedirs": arrays["shapedirs"][..., :num_betas]})
    assert body.parents == parents_for(num_joints)
    assert body.num_joints == num_joints == len(body.joint_names)
    assert body.num_betas == num_betas


@pytest.mark.parametrize(("num_directions", "num_shape"), [(400, 300), (20, 10), (16, 16)])
def test_smplx_files_lose_their_expression_directions(tmp_path, num_directions, num_shape):
    arrays = random_body_arrays(55, 120, num_directions)
    path = write_npz(tmp_path / "SMPLX_NEUTRAL.npz", arrays)
    body = load_body(path, num_betas=num_shape)
    np.testing.assert_array_equal(body.shapedirs, arrays["shapedirs"][..., :num_shape].astype(np.float32))
    with pytest.raises(InputError, match=f"has {num_shape} betas and {num_shape + 1} were asked for"):
        load_body(path, num_betas=num_shape + 1)


@pytest.mark.parametrize("root", [2**32 - 1, -1, 0])
@pytest.mark.parametrize("dtype", [np.int64, np.uint32, np.float64])
def test_the_root_is_known_whatever_its_parent_entry_says(tmp_path, root, dtype):
    arrays = random_body_arrays()
    arrays["kintree_table"][0, 0] = root
    arrays["kintree_table"] = arrays["kintree_table"].astype(dtype)
    assert load_body(write_pickle(tmp_path / "body.pkl", arrays)).parents == parents_for(24)


@pytest.mark.parametrize("flatten", [lambda p: p.reshape(-1, p.shape[2]), lambda p: p.reshape(-1, p.shape[2]).T])
def test_flattened_pose_directions_are_unfolded(tmp_path, flatten):
    arrays = random_body_arrays()
    body = load_body(write_npz(tmp_path / "body.npz", {**arrays, "posedirs": flatten(arrays["posedirs"])}))
    assert_body_has(body, arrays)


@pytest.mark.parametrize("matrix", [scipy.sparse.csc_matrix, scipy.sparse.csr_array, scipy.sparse.coo_matrix])
def test_a_sparse_regressor_is_read_from_pickles_and_from_archives(tmp_path, matrix):
    arrays = random_body_arrays()
    with_sparse = {**arrays, "J_regressor": matrix(arrays["J_regressor"])}
    assert_body_has(load_body(write_pickle(tmp_path / "body.pkl", with_sparse)), arrays)
    # numpy pickles what is no array inside the archive.
    assert_body_has(load_body(write_npz(tmp_path / "body.npz", with_sparse)), arrays)


def test_other_names_of_the_same_keys_are_known(tmp_path):
    arrays = random_body_arrays()
    renamed = {**arrays, "lbs_weights": arrays["weights"], "faces": arrays["f"]}
    del renamed["weights"], renamed["f"]
    assert_body_has(load_body(write_npz(tmp_path / "body.npz", renamed)), arrays)


def test_a_malicious_object_inside_an_archive_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("executed",)

    arrays = {**random_body_arrays(), "J_regressor": np.array(Evil(), object)}
    with pytest.raises(InputError, match=r"J_regressor.*print.*nothing was executed"):
        load_body(write_npz(tmp_path / "body.npz", arrays))


def test_an_unneeded_object_inside_an_archive_is_not_even_read(tmp_path):
    arrays = {**random_body_arrays(), "part2num": np.array({"head": Path()}, object)}
    assert_body_has(load_body(write_npz(tmp_path / "body.npz", arrays)), arrays)


def test_the_format_is_told_by_content_not_by_ending(tmp_path):
    arrays = random_body_arrays()
    archive = write_npz(tmp_path / "body.npz", arrays)
    assert_body_has(load_body(archive.rename(tmp_path / "body.pkl")), arrays)


# Surface points


@pytest.mark.parametrize(
    ("num_joints", "num_vertices", "nose", "left_heel"), [(24, 6890, 332, 3387), (55, 10475, 9120, 8846)]
)
def test_smpl_and_smplx_meshes_bring_their_published_points(num_joints, num_vertices, nose, left_heel):
    body = random_body(num_joints, num_vertices, num_directions=10)
    for name, vertex in (("nose", nose), ("left_heel", left_heel)):
        row = body.point_names.index(name)
        assert np.asarray(body.point_vertices)[row].tolist() == [vertex]
        assert np.asarray(body.point_weights)[row].tolist() == [1]
    assert "head_top" in body.point_names


def test_a_mesh_of_unknown_topology_has_no_surface_points():
    body = random_body(24, 300)
    assert body.point_names == ()
    assert body.point_vertices.shape[0] == body.point_weights.shape[0] == 0


# Errors


def broken(key, change):
    arrays = random_body_arrays()
    arrays[key] = change(arrays[key])
    return arrays


def with_entry(array, value):
    array = array.copy()
    array.flat[3] = value
    return array


@pytest.mark.parametrize(
    ("key", "change", "message"),
    [
        ("v_template", lambda a: a[:, :2], r"'v_template' has shape \(300, 2\); expected \(any, 3\)"),
        ("v_template", lambda a: with_entry(a, np.nan), r"'v_template' holds NaN"),
        ("v_template", lambda a: with_entry(a, 1e300), r"'v_template' holds NaN, infinite or absurdly large"),
        ("v_template", lambda a: a * 1000, r"'v_template' is .* m across; expected a body in metres"),
        ("v_template", lambda a: a.astype(str), r"'v_template' is of type <U\d+; expected numbers"),
        ("v_template", lambda a: [[0.0, 1.0], [2.0]], r"'v_template' is no array; expected one of numbers"),
        ("v_template", lambda a: a[:0], r"'v_template' has shape \(0, 3\)"),
        ("shapedirs", lambda a: a[:5], r"'shapedirs' has shape \(5, 3, 10\); expected \(300, 3, any\)"),
        ("shapedirs", lambda a: with_entry(a, np.inf), r"'shapedirs' holds NaN"),
        ("posedirs", lambda a: a[:, :, 1:], r"'posedirs' has shape \(300, 3, 206\); expected \(300, 3, 207\)"),
        ("posedirs", lambda a: with_entry(a, np.nan), r"'posedirs' holds NaN"),
        (
            "posedirs",
            lambda a: np.full(a.shape, 0x7FF0000000000001).view(np.float64),
            r"'posedirs' holds NaN",
        ),  # signalling
        ("J_regressor", lambda a: a.T, r"'J_regressor' has shape \(300, 24\); expected \(24, 300\)"),
        ("J_regressor", lambda a: with_entry(a, np.nan), r"'J_regressor' holds NaN"),
        ("weights", lambda a: a[:, :23], r"'weights' is for 23 joints; expected 24 \(SMPL\), 52"),
        ("weights", lambda a: a * 2, r"'weights' has rows that do not sum to one"),
        ("weights", lambda a: np.full_like(a, 3e38), r"'weights' has rows that do not sum to one"),
        ("v_template", lambda a: 3e38 * np.sign(a - a.mean(axis=0)), "m across; expected a body in metres"),
        ("f", lambda a: a + 1, r"'f' names vertices from 1 to 300 of 300"),
        ("f", lambda a: a + 0.5, r"'f' holds fractions"),
        ("f", lambda a: a[:, :2], r"'f' has shape"),
        ("kintree_table", lambda a: a[:1], r"'kintree_table' has shape \(1, 24\); expected \(2, 24\)"),
        ("kintree_table", lambda a: a[:, ::-1], r"'kintree_table' is not a tree"),
        ("kintree_table", lambda a: with_entry(a, 77), r"'kintree_table' is not a tree"),
    ],
)
def test_a_wrong_array_is_named_with_its_file(tmp_path, key, change, message):
    path = write_pickle(tmp_path / "body.pkl", broken(key, change))
    with pytest.raises(InputError, match=message) as caught:
        load_body(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("key", list(random_body_arrays()))
def test_a_missing_array_is_named_with_its_file(tmp_path, key):
    arrays = random_body_arrays()
    del arrays[key]
    with pytest.raises(InputError, match=rf"body\.npz: there is no '{key}'"):
        load_body(write_npz(tmp_path / "body.npz", arrays))


def test_too_many_betas_are_refused(tmp_path):
    path = write_npz(tmp_path / "body.npz", random_body_arrays())
    with pytest.raises(InputError, match="has 10 betas and 11 were asked for; ask for at most 10"):
        load_body(path, num_betas=11)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"hello", pickle.dumps([1, 2])])
def test_a_file_that_is_no_body_is_an_input_error(tmp_path, content):
    path = tmp_path / "body.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"body\.npz"):
        load_body(path)


def test_a_missing_path_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        load_body(tmp_path / "missing.pkl")


# The open body


def test_no_path_gives_the_open_body():
    body = load_body()
    assert body.num_joints == 24
    assert body.num_betas == 10
    assert {"nose", "left_ear", "head_top", "right_heel"} <= set(body.point_names)
    assert load_body(gender="neutral", num_betas=16).num_betas == 16


def test_a_file_of_an_open_body_is_refused_where_another_gender_is_asked_for():
    assert load_body(OPEN_BODY_PATH, gender="neutral").gender == "neutral"
    with pytest.raises(InputError, match=r"open_body\.npz: this is a neutral body and male was asked for"):
        load_body(OPEN_BODY_PATH, gender="male")


def test_the_open_body_can_be_loaded_from_its_file():
    np.testing.assert_array_equal(load_body(OPEN_BODY_PATH).v_template, load_body().v_template)


def test_a_damaged_open_body_is_an_input_error(tmp_path):
    content = bytearray(OPEN_BODY_PATH.read_bytes())
    for position in range(len(content) // 4, len(content) // 2, 1000):
        content[position] ^= 255
    (tmp_path / "body.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"body\.npz"):
        load_body(tmp_path / "body.npz")


def test_a_body_is_shown_in_a_line_also_where_jax_puts_something_else_in_its_arrays_place():
    body = load_body()
    shown = repr(body)
    assert shown.startswith("<BodyModel 'open body', neutral: 24 joints, v_template (6999, 3), shapedirs (6999, 3, 10)")
    assert "\n" not in shown
    assert len(shown) < 200
    assert repr(jax.eval_shape(lambda one: one, body)) == shown
    assert "v_template NoneType" in repr(jax.tree.map(lambda _: None, body))
    assert len(jax.tree.leaves(body)) == len(jax.tree.leaves(jax.jit(lambda one: one)(body)))
