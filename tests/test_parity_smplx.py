"""Values and derivatives of the body agree with the package smplx (torch, CPU, float32)."""

import contextlib
import io
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bodies import random_body, random_body_arrays

from smplify_jax.body.load import load_body
from smplify_jax.body.model import BodyModel
from smplify_jax.body.surface_points import VERTICES_BY_TOPOLOGY

torch = pytest.importorskip("torch", reason="needs the extra smplx")
smplx = pytest.importorskip("smplx", reason="needs the extra smplx")
pytestmark = pytest.mark.smplx

NUM_PEOPLE = 3

# Metres: float32 carries 1e-7 of a coordinate of 1 m, times the chain of products from root to finger tip.
VALUE_TOLERANCE = 1e-5
# Of the largest entry of the derivative: the same rounding, summed over all vertices.
DERIVATIVE_TOLERANCE = 1e-5

# smplx picks face, hand and foot vertices as extra joints; on a mesh that is not SMPL's any vertex will do.
EXTRA_VERTICES = dict.fromkeys(
    [
        *("nose", "reye", "leye", "rear", "lear"),
        *("LBigToe", "LSmallToe", "LHeel", "RBigToe", "RSmallToe", "RHeel"),
        *(side + finger for side in "lr" for finger in ("thumb", "index", "middle", "ring", "pinky")),
    ],
    0,
)


def arrays_of(body: BodyModel) -> dict[str, Any]:
    return {
        "v_template": np.asarray(body.v_template),
        "shapedirs": np.asarray(body.shapedirs),
        "posedirs": np.asarray(body.posedirs),
        "J_regressor": np.asarray(body.J_regressor),
        "weights": np.asarray(body.lbs_weights),
        "f": np.asarray(body.faces).astype(np.int64),
        "kintree_table": np.array([body.parents, range(body.num_joints)], np.int64),
    }


def smplx_twin(arrays: dict[str, Any], path: Path):
    """The same body in smplx.

    Args:
        arrays: As in a body file; SMPL-X's face and hand entries are added here, with values that play no part.
        path: Where to write SMPL-X, which smplx takes from a file only; must end in .npz.
    """
    with contextlib.redirect_stdout(io.StringIO()):  # it prints how many shape directions there are
        return _smplx_twin(arrays, path)


def _smplx_twin(arrays: dict[str, Any], path: Path):
    num_joints = arrays["weights"].shape[1]
    hands = {"hands_componentsl": np.eye(45), "hands_componentsr": np.eye(45)}
    hand_means = {"hands_meanl": np.zeros(45), "hands_meanr": np.zeros(45)}
    face = {"lmk_faces_idx": np.zeros(51, np.int64), "lmk_bary_coords": np.full((51, 3), 1 / 3)}
    if num_joints == 55:
        np.savez(path, **arrays, **hands, **hand_means, **face)
        return smplx.SMPLX(str(path), ext="npz", use_pca=False, flat_hand_mean=True, use_face_contour=False)
    data = smplx.utils.Struct(**arrays, **hands, **hand_means)
    if num_joints == 52:
        return smplx.SMPLH("", data_struct=data, use_pca=False, flat_hand_mean=True, vertex_ids=EXTRA_VERTICES)
    return smplx.SMPL("", data_struct=data, vertex_ids=EXTRA_VERTICES)


def pose_parts(body_pose, num_joints: int) -> dict[str, Any]:
    """Our one pose vector in smplx's arguments."""
    lengths = {
        24: {"body_pose": 69},
        52: {"body_pose": 63, "left_hand_pose": 45, "right_hand_pose": 45},
        55: {
            "body_pose": 63,
            "jaw_pose": 3,
            "leye_pose": 3,
            "reye_pose": 3,
            "left_hand_pose": 45,
            "right_hand_pose": 45,
        },
    }[num_joints]
    return dict(zip(lengths, torch.split(body_pose, list(lengths.values()), dim=-1), strict=True))


def random_arguments(num_joints: int, num_betas: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "betas": rng.normal(0, 1, (NUM_PEOPLE, num_betas)).astype(np.float32),
        "global_orient": rng.normal(0, 1, (NUM_PEOPLE, 3)).astype(np.float32),
        "body_pose": rng.normal(0, 0.4, (NUM_PEOPLE, 3 * (num_joints - 1))).astype(np.float32),
        "transl": rng.normal(0, 0.5, (NUM_PEOPLE, 3)).astype(np.float32),
    }


# Joints, vertices, shape directions. smplx picks vertices of SMPL-X by fixed ids, so that mesh must have its full size.
SIZES = {"SMPL-H format": (52, 1000, 16), "SMPL-X format": (55, 10475, 20)}


@pytest.fixture(params=["open body", *SIZES], scope="module")
def twins(request, tmp_path_factory):
    """A body of ours, and the same in smplx."""
    path = tmp_path_factory.mktemp("models") / "SMPLX_NEUTRAL.npz"
    if request.param == "open body":
        body = load_body()
        return body, smplx_twin(arrays_of(body), path)
    size = SIZES[request.param]
    arrays = {
        key: value.astype(np.float32) if value.dtype == float else value
        for key, value in random_body_arrays(*size).items()
    }
    twin = smplx_twin(arrays, path)
    return load_body(path) if path.exists() else random_body(*size), twin


def smplx_output(twin, arguments, num_joints):
    """Vertices and joints of smplx, and the arguments as tensors that keep their derivatives."""
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in arguments.items()}
    parts = pose_parts(tensors["body_pose"], num_joints)
    rest = {"expression": torch.zeros(NUM_PEOPLE, 10)} if num_joints == 55 else {}
    output = twin(
        betas=tensors["betas"], global_orient=tensors["global_orient"], transl=tensors["transl"], **parts, **rest
    )
    return {"vertices": output.vertices, "joints": output.joints[:, :num_joints]}, tensors


@partial(jax.jit, static_argnames="what")
def values_and_gradient(body, arguments, projection, what):
    """Our vertices or joints, and the derivative of their projection on one direction."""

    def projected(arguments):
        points = getattr(body, what)(**arguments)
        return jnp.sum(points * projection), points

    (_, points), gradient = jax.value_and_grad(projected, has_aux=True)(arguments)
    return points, gradient


def assert_agreement(twins, arguments, what, seed):
    body, twin = twins
    outputs, tensors = smplx_output(twin, arguments, body.num_joints)
    expected = outputs[what]
    projection = np.random.default_rng(seed).normal(size=expected.shape).astype(np.float32)
    (expected * torch.tensor(projection)).sum().backward()

    points, gradient = values_and_gradient(body, arguments, projection, what)
    assert points.dtype == jnp.float32
    np.testing.assert_allclose(points, expected.detach().numpy(), rtol=0, atol=VALUE_TOLERANCE)
    for name, tensor in tensors.items():
        reference = tensor.grad.numpy()
        tolerance = DERIVATIVE_TOLERANCE * np.abs(reference).max()
        np.testing.assert_allclose(gradient[name], reference, rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("what", ["vertices", "joints"])
def test_values_and_derivatives_agree_with_smplx_at_random_poses(twins, what, seed):
    body, _ = twins
    assert_agreement(twins, random_arguments(body.num_joints, body.num_betas, seed), what, seed)


@pytest.mark.parametrize("what", ["vertices", "joints"])
def test_values_and_derivatives_agree_with_smplx_at_rest(twins, what):
    body, _ = twins
    arguments = {
        name: np.zeros_like(value) for name, value in random_arguments(body.num_joints, body.num_betas, 0).items()
    }
    assert_agreement(twins, arguments, what, seed=0)


@pytest.mark.parametrize(("num_vertices", "family"), [(6890, "smplh"), (10475, "smplx")])
def test_published_vertex_ids_are_those_of_smplx(num_vertices, family):
    theirs = smplx.vertex_ids.vertex_ids[family]
    words = {"nose": "nose"}
    for side, letter in (("left", "l"), ("right", "r")):
        words |= {f"{side}_eye": f"{letter}eye", f"{side}_ear": f"{letter}ear"}
        words |= {
            f"{side}_{finger}_tip": f"{letter}{finger}" for finger in ("thumb", "index", "middle", "ring", "pinky")
        }
        feet = {"big_toe": "BigToe", "small_toe": "SmallToe", "heel": "Heel"}
        words |= {f"{side}_{ours}": f"{letter.upper()}{their}" for ours, their in feet.items()}
    ours = {name: vertex for name, vertex in VERTICES_BY_TOPOLOGY[num_vertices].items() if name != "head_top"}
    assert ours == {name: theirs[word] for name, word in words.items()}
