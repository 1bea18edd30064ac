"""What several views propose, made one body: exact proposals agree, a wrong one is outvoted, and no view is no NaN."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from rigs import ring
from scipy.spatial.transform import Rotation

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.extrinsics import Extrinsics
from smplify_jax.fitting.fusion import fuse
from smplify_jax.proposal.propose import Proposal

NUM_FRAMES, NUM_VIEWS = 3, 4


def rig():
    cameras = ring(NUM_VIEWS)
    return Extrinsics(np.stack([c.rotation for c in cameras]), np.stack([c.translation for c in cameras]))


def exact_proposals(extrinsics, seed=0):
    """What the views would propose if they knew: proposals (T, V), rest pelvises, and the body in the world."""
    rng = np.random.default_rng(seed)
    orient = Rotation.random(NUM_FRAMES, rng)
    place = rng.normal((0, 0, 1), 0.3, (NUM_FRAMES, 3))
    pose, betas = rng.normal(0, 0.4, (NUM_FRAMES, 69)), rng.normal(size=(NUM_FRAMES, 10))
    rest = np.array([0.0, -0.2, 0.03])
    turned = [Rotation.from_matrix(turn) * orient for turn in extrinsics.rotation]
    parameters = BodyParameters(
        global_orient=np.stack([turn.as_rotvec() for turn in turned], axis=1),
        body_pose=np.repeat(pose[:, None], NUM_VIEWS, axis=1),
        betas=np.repeat(betas[:, None], NUM_VIEWS, axis=1),
        transl=np.einsum("vij,tj->tvi", extrinsics.rotation, place) + extrinsics.translation - rest,
    )
    fields: dict[str, Any] = {field.name: None for field in dataclasses.fields(Proposal)}
    fields |= {
        "parameters": parameters,
        "std_pose": np.full((NUM_FRAMES, NUM_VIEWS, 69), 0.3),
        "std_betas": np.full((NUM_FRAMES, NUM_VIEWS, 10), 0.8),
    }
    truth = BodyParameters(orient.as_rotvec(), pose, betas, place - rest)
    return Proposal(**fields), np.broadcast_to(rest, (NUM_FRAMES, NUM_VIEWS, 3)), truth


ALL = np.ones((NUM_FRAMES, NUM_VIEWS), bool)


def assert_same(ours, truth, atol=1e-9):
    for name in ("global_orient", "body_pose"):
        one, other = (Rotation.from_rotvec(np.asarray(getattr(body, name)).reshape(-1, 3)) for body in (ours, truth))
        np.testing.assert_allclose((one.inv() * other).magnitude(), 0, atol=max(atol, 1e-7), err_msg=name)
    np.testing.assert_allclose(ours.betas, truth.betas, atol=atol)
    np.testing.assert_allclose(ours.transl, truth.transl, atol=atol)


def test_views_that_agree_give_their_body_in_the_world():
    extrinsics = rig()
    proposals, rest, truth = exact_proposals(extrinsics)
    fused = fuse(proposals, ALL, extrinsics, rest)
    assert_same(fused.parameters, truth)


def test_the_more_views_the_weaker_the_anchor():
    extrinsics = rig()
    proposals, rest, _ = exact_proposals(extrinsics)
    anchor = fuse(proposals, ALL, extrinsics, rest).anchor
    np.testing.assert_allclose(anchor.pose_scale**2, 1 / 0.3**2 / NUM_VIEWS)
    np.testing.assert_allclose(anchor.betas_scale**2, 1 / 0.8**2 / NUM_VIEWS)
    one = np.zeros_like(ALL)
    one[:, 2] = True
    np.testing.assert_allclose(fuse(proposals, one, extrinsics, rest).anchor.pose_scale, 1 / 0.3)


@pytest.mark.parametrize("view", range(NUM_VIEWS))
def test_a_view_that_faces_the_wrong_way_is_outvoted(view):
    extrinsics = rig()
    proposals, rest, truth = exact_proposals(extrinsics)
    orient = proposals.parameters.global_orient.copy()
    orient[:, view] = (Rotation.from_rotvec(orient[:, view]) * Rotation.from_rotvec([0, np.pi, 0])).as_rotvec()
    wrong = dataclasses.replace(proposals, parameters=dataclasses.replace(proposals.parameters, global_orient=orient))
    found = fuse(wrong, ALL, extrinsics, rest).parameters
    off = (Rotation.from_rotvec(found.global_orient).inv() * Rotation.from_rotvec(truth.global_orient)).magnitude()
    assert np.rad2deg(off).max() < 2


def test_a_view_that_is_not_seen_counts_for_nothing():
    extrinsics = rig()
    proposals, rest, truth = exact_proposals(extrinsics)
    spoiled = proposals.parameters.blocks()
    spoiled = {name: np.array(block) for name, block in spoiled.items()}
    for block in spoiled.values():
        block[:, 1] = 3.0
    seen = ALL.copy()
    seen[:, 1] = False
    wrong = dataclasses.replace(proposals, parameters=BodyParameters(**spoiled))
    assert_same(fuse(wrong, seen, extrinsics, rest).parameters, truth)


def test_a_wrong_depth_is_corrected_where_rays_meet():
    extrinsics = rig()
    proposals, rest, truth = exact_proposals(extrinsics)
    transl = proposals.parameters.transl.copy()
    transl[:, 0] = 1.15 * (transl[:, 0] + rest[:, 0]) - rest[:, 0]  # 15 % too far along the ray of the pelvis
    wrong = dataclasses.replace(proposals, parameters=dataclasses.replace(proposals.parameters, transl=transl))
    off = np.linalg.norm(fuse(wrong, ALL, extrinsics, rest).parameters.transl - truth.transl, axis=-1)
    assert off.max() < 0.03  # of 60 cm


def test_the_view_that_knows_a_joint_decides():
    extrinsics = rig()
    proposals, rest, truth = exact_proposals(extrinsics)
    pose, std = proposals.parameters.body_pose.copy(), np.asarray(proposals.std_pose).copy()
    pose[:, 1:, 6:9], std[:, 1:, 6:9] = 0.0, 3.0
    changed = dataclasses.replace(
        proposals, parameters=dataclasses.replace(proposals.parameters, body_pose=pose), std_pose=std
    )
    found = fuse(changed, ALL, extrinsics, rest).parameters.body_pose
    # Three views with a hundredth of the weight each: rotations of up to 1 rad are off by 3 %.
    np.testing.assert_allclose(found[:, 6:9], truth.body_pose[:, 6:9], atol=0.05)


def test_a_frame_that_nobody_sees_is_finite_and_has_no_anchor():
    extrinsics = rig()
    proposals, rest, truth = exact_proposals(extrinsics)
    seen = ALL.copy()
    seen[1] = False
    fused = fuse(proposals, seen, extrinsics, rest)
    assert all(np.isfinite(block).all() for block in fused.parameters.blocks().values())
    np.testing.assert_array_equal(fused.anchor.pose_scale[1], 0)
    np.testing.assert_allclose(fused.parameters.transl[[0, 2]], truth.transl[[0, 2]], atol=1e-9)
