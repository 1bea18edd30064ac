"""Exports of results for other programs: upright meshes, and the names and shapes that the programs expect."""

import io
from dataclasses import replace

import jax
import numpy as np
import pytest
import trimesh
from bodies import random_body
from dataset_fits import draw_fits

from smplify_jax.body.save import save_body
from smplify_jax.errors import InputError
from smplify_jax.result import FitResult


@pytest.fixture(scope="module")
def result() -> FitResult:
    """Three people who stand about upright before a level camera, the last not fitted."""
    return draw_fits(3, num_failed=1)[1]


def _head_and_foot(result: FitResult, person: int) -> tuple[int, int]:
    """The vertices nearest to the head's and a foot's joint."""
    vertices, joints = np.asarray(result.vertices()[person]), np.asarray(result.joints[person])
    return tuple(int(np.argmin(np.linalg.norm(vertices - joints[joint], axis=1))) for joint in (15, 10))  # pyright: ignore


def _read(data: bytes | str, ending: str) -> np.ndarray:
    data = data.encode() if isinstance(data, str) else data
    return np.asarray(trimesh.load(io.BytesIO(data), file_type=ending, force="mesh", process=False).vertices)  # pyright: ignore


@pytest.mark.parametrize("ending", ["obj", "glb", "ply", "off"])
def test_every_exported_file_stands_upright_before_the_camera(result, ending):
    head, foot = _head_and_foot(result, 1)
    vertices = _read(result.mesh(1).export(file_type=ending), ending)
    assert vertices[head, 1] - vertices[foot, 1] > 1.0
    np.testing.assert_allclose(vertices, result.vertices()[1] * np.array([1, -1, -1]), atol=1e-6)
    assert vertices[:, 2].max() < 0  # the camera is at the origin and looks along -z


def test_an_exported_stl_stands_upright(result):
    triangles = _read(result.mesh(0).export(file_type="stl"), "stl")  # a format without shared vertices
    np.testing.assert_allclose(np.ptp(triangles, axis=0), np.ptp(np.asarray(result.vertices()[0]), axis=0), atol=1e-5)
    assert triangles[:, 2].max() < 0


@pytest.mark.parametrize("ending", ["obj", "ply"])
def test_the_mesh_and_the_exported_file_are_the_same(result, tmp_path, ending):
    path = tmp_path / f"person.{ending}"
    for frame in ("upright", "camera"):
        result[0].export(path, frame=frame)
        mesh = trimesh.load_mesh(path, process=False)
        np.testing.assert_allclose(mesh.vertices, result.mesh(0, frame).vertices, atol=1e-6)  # six decimals are written
        np.testing.assert_array_equal(mesh.faces, result.mesh(0).faces)
        assert mesh.volume > 0  # faces are seen from outside
        assert b"metres; y up" in path.read_bytes() if frame == "upright" else b"y down" in path.read_bytes()


@pytest.mark.parametrize("ending", ["obj", "ply"])
def test_everybody_who_has_a_body_is_in_one_file(result, tmp_path, ending):
    path = tmp_path / f"people.{ending}"
    result.export(path)
    mesh = trimesh.load_mesh(path, process=False)
    expected = [result.mesh(number) for number in range(2)]
    np.testing.assert_allclose(mesh.vertices, np.concatenate([one.vertices for one in expected]), atol=1e-6)
    np.testing.assert_array_equal(
        mesh.faces, np.concatenate([expected[0].faces, expected[1].faces + len(expected[0].vertices)])
    )
    names = [line for line in path.read_bytes().splitlines() if line.startswith(b"o ")]
    assert names == ([b"o person_0", b"o person_1"] if ending == "obj" else [])


def test_the_camera_frame_is_had_on_request(result):
    np.testing.assert_array_equal(result.mesh(0, frame="camera").vertices, result[0].vertices())
    np.testing.assert_array_equal(result.vertices("camera"), result.vertices())
    assert result.mesh(0).units == "meters"
    with pytest.raises(InputError, match="'camera' or 'upright'"):
        result.mesh(0, frame="world")


def test_whoever_has_no_mesh_is_told(result):
    with pytest.raises(InputError, match="Person 2 has no mesh: Not fitted"):
        result.mesh(2)
    with pytest.raises(IndexError, match="among 3 fitted people"):
        result.mesh(3)


def test_smplifys_keys_have_the_shapes_of_the_original(result):
    one = result[0].to_smplify()
    assert {name: array.shape for name, array in one.items()} == {
        "cam_t": (3,),
        "f": (2,),
        "pose": (72,),
        "betas": (10,),
        "c": (2,),
    }
    np.testing.assert_array_equal(one["f"], result.camera.focal_length[0])
    np.testing.assert_array_equal(one["c"], result.camera.camera_center[0])
    np.testing.assert_array_equal(one["pose"], [*result.global_orient[0], *result.body_pose[0]])
    assert result.to_smplify()["f"].shape == (3, 2)


def test_smplifys_numbers_project_the_joints_to_where_they_are(result):
    keys = result[1].to_smplify()
    joints = result.body.joints(
        betas=keys["betas"], global_orient=keys["pose"][:3], body_pose=keys["pose"][3:], transl=np.zeros(3)
    )
    joints = np.asarray(joints) + keys["cam_t"]
    seen = keys["f"] * joints[:, :2] / joints[:, 2:] + keys["c"]
    expected = np.asarray(result.joints[1])
    expected = 800 * expected[:, :2] / expected[:, 2:] + [320, 240]
    np.testing.assert_allclose(seen, expected, atol=0.01)  # float32 at a few hundred pixels


def test_a_body_with_fingers_has_zero_for_smpls_hands(result):
    with_fingers = replace(result, body_pose=result.body_pose[:, :63])
    pose = with_fingers.to_smplify()["pose"]
    assert pose.shape == (3, 72)
    np.testing.assert_array_equal(pose[:2, 66:], 0)


@pytest.mark.parametrize("people", [slice(None), 0], ids=["a batch", "one person"])
def test_arrays_for_smplx_are_batched_writable_and_contiguous(result, people):
    arrays = jax.tree.map(jax.numpy.asarray, result)[people].to_smplx()
    num_people = 3 if people == slice(None) else 1
    assert {name: array.shape for name, array in arrays.items()} == {
        "betas": (num_people, 10),
        "global_orient": (num_people, 3),
        "body_pose": (num_people, 69),
        "transl": (num_people, 3),
    }
    for array in arrays.values():
        assert array.dtype == np.float32
        assert array.flags.writeable
        assert array.flags.c_contiguous


@pytest.mark.smplx
def test_smplx_makes_the_same_bodies_of_them(result, tmp_path):
    torch = pytest.importorskip("torch", reason="needs the extra smplx")
    smplx = pytest.importorskip("smplx", reason="needs the extra smplx")
    (tmp_path / "smpl").mkdir()
    save_body(tmp_path / "smpl" / "SMPL_NEUTRAL.pkl")
    for people in (result[:2], result[0]):
        model = smplx.create(str(tmp_path), "smpl", batch_size=len(people))
        output = model(**{name: torch.as_tensor(array) for name, array in people.to_smplx().items()})
        expected = np.asarray(people.vertices()).reshape(len(people), -1, 3)
        np.testing.assert_allclose(output.vertices.detach().numpy(), expected, atol=2e-5)  # float32 at 5 m


@pytest.mark.smplx
def test_smplh_takes_the_pose_of_a_body_with_fingers(result):
    torch = pytest.importorskip("torch", reason="needs the extra smplx")
    smplx = pytest.importorskip("smplx", reason="needs the extra smplx")
    body = random_body(52, num_vertices=600)
    arrays = {
        "v_template": body.v_template,
        "shapedirs": body.shapedirs,
        "posedirs": body.posedirs,
        "J_regressor": body.J_regressor,
        "weights": body.lbs_weights,
        "f": body.faces,
        "kintree_table": np.array([body.parents, range(52)]),
        "hands_componentsl": np.eye(45),
        "hands_componentsr": np.eye(45),
        "hands_meanl": np.ones(45),
        "hands_meanr": np.ones(45),
    }
    people = replace(result[:2], body=body, body_pose=result.body_pose[:2, :63])
    model = smplx.SMPLH(
        "",
        data_struct=smplx.utils.Struct(**{name: np.asarray(array) for name, array in arrays.items()}),
        batch_size=2,
        use_pca=False,
        flat_hand_mean=True,
        vertex_ids=dict.fromkeys(smplx.vertex_ids.vertex_ids["smplh"], 0),
    )
    output = model(**{name: torch.as_tensor(array) for name, array in people.to_smplx().items()})
    np.testing.assert_allclose(output.vertices.detach().numpy(), people.vertices(), atol=2e-5)
