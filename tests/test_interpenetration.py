"""The interpenetration term on real bodies: it lets parts go apart, touches nothing but the pose, and frees a hand from the belly."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import numpy_twin as twin
import pytest
from scipy.spatial.transform import Rotation

from smplify_jax import PROFILES, BodyParameters, fit, load_body, penetration_depth
from smplify_jax.body.capsules import PART_JOINTS, PARTS
from smplify_jax.body.keypoint_body import keypoint_body
from smplify_jax.body.part_pairs import NON_ADJACENT_PAIRS, PAPER_PAIRS
from smplify_jax.body.posed_keypoints import pose_keypoints
from smplify_jax.body.spheres import body_spheres
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.terms.interpenetration import InterpenetrationTerm, sphere_pairs

WEIGHT = 1000.0


@pytest.fixture(scope="module")
def body():
    return load_body()


@pytest.fixture(scope="module")
def term(body):
    return InterpenetrationTerm(keypoint_body(body, "coco17"), body_spheres(body), jnp.asarray(WEIGHT))


def hand_in_the_belly(inward_degrees=80.0, forward_degrees=0.0):
    """(69,) The left arm hangs down and the elbow bends so far inwards that hand and forearm lie in the trunk."""
    pose = np.zeros((23, 3), np.float32)
    hanging = Rotation.from_euler("yzx", (-forward_degrees, 0, 0), degrees=True) * Rotation.from_euler(
        "ZX", (-70, inward_degrees), degrees=True
    )
    pose[SMPL_JOINT_NAMES.index("left_shoulder") - 1] = hanging.as_rotvec()
    pose[SMPL_JOINT_NAMES.index("left_elbow") - 1] = (0.0, np.radians(-60), 0.0)
    pose[SMPL_JOINT_NAMES.index("right_shoulder") - 1] = (0.0, 0.0, np.radians(70))
    return pose.ravel()


def parameters_with(body_pose, betas=None, global_orient=(0.2, -0.4, 0.1), transl=(0.3, 0.1, 4.0)):
    betas = np.zeros(10) if betas is None else betas
    blocks = (global_orient, body_pose, betas, transl)
    return BodyParameters(*(jnp.asarray(block, jnp.float32) for block in blocks))


def posed(term, parameters):
    return pose_keypoints(term.body, parameters)


@jax.jit
def _residuals(term, parameters):
    return term.residuals(posed(term, parameters))


@jax.jit
def linearize(term, parameters):
    """J^T r (P,), and J^T J (69, 69) over the pose: that the others feel nothing is in the term's form."""
    found = term.linearize(posed(term, parameters))
    assert found.jacobian_t is None
    assert found.diagonal is None
    return found.gradient, found.pose_hessian


def energy(term, parameters):
    return float(jnp.sum(_residuals(term, parameters) ** 2))


@pytest.mark.parametrize("pairs", [PAPER_PAIRS, NON_ADJACENT_PAIRS], ids=["paper", "non_adjacent"])
@pytest.mark.parametrize("seed", range(3))
def test_energy_is_the_papers(body, term, pairs, seed):
    rng = np.random.default_rng(seed)
    term = replace(term, spheres=body_spheres(body, pairs=pairs))
    parameters = parameters_with(hand_in_the_belly() + rng.normal(0, 0.2, 69), rng.normal(size=10))
    blocks = (np.asarray(getattr(parameters, name), np.float64) for name in ("betas", "global_orient", "body_pose"))
    expected = twin.interpenetration_energy(twin.capsule_spheres(body, PART_JOINTS, *blocks), pairs, WEIGHT)
    # An exponent of -20 turns float32's 1e-6 m of 0.1 m into 1e-4 of the pair's energy; such pairs add little.
    np.testing.assert_allclose(energy(term, parameters), expected, rtol=1e-4)


def test_energy_falls_as_a_hand_leaves_the_belly(term):
    blend = np.linspace(0.0, 1.0, 5)  # from the belly to hanging in front of it
    energies = [energy(term, parameters_with(hand_in_the_belly(80 * (1 - share)))) for share in blend]
    assert np.all(np.diff(energies) < 0)
    assert energies[0] > 1000
    assert energies[-1] < 1


def test_a_t_pose_keeps_all_parts_apart(body, term):
    for betas in (np.zeros(10), 2 * np.eye(10)[0], -2 * np.eye(10)[0]):
        wider = replace(term, spheres=body_spheres(body, pairs=NON_ADJACENT_PAIRS))
        assert energy(wider, parameters_with(np.zeros(69), betas)) < 1e-3


def test_only_the_pose_feels_it(term):
    parameters = parameters_with(hand_in_the_belly())
    gradient, _ = linearize(term, parameters)
    columns = parameters.columns()
    assert float(jnp.abs(gradient[columns.body_pose]).max()) > 100
    for others in (columns.global_orient, columns.betas, columns.transl):
        np.testing.assert_array_equal(gradient[others], 0)
    by_betas = jax.grad(lambda b: jnp.sum(_residuals(term, replace(parameters, betas=b)) ** 2))(parameters.betas)
    np.testing.assert_array_equal(by_betas, 0)


def test_place_and_orientation_of_the_whole_change_no_energy(term):
    here = energy(term, parameters_with(hand_in_the_belly()))
    there = energy(term, parameters_with(hand_in_the_belly(), global_orient=(3.0, 0.2, -0.4), transl=(5.0, -2.0, 20.0)))
    np.testing.assert_allclose(here, there, rtol=1e-4)  # as above: float32 through an exponential


def test_steepest_rows_are_nearly_the_whole_hessian(term):
    """Where a whole arm lies in the trunk, more pairs overlap than J^T J has rows for."""
    parameters = parameters_with(hand_in_the_belly())

    def residuals(step):
        return _residuals(term, parameters.retract(step))

    jacobian = jax.jit(jax.jacfwd(residuals))(jnp.zeros(parameters.columns().size))
    gradient, hessian = linearize(term, parameters)
    over_pose = jacobian[:, parameters.columns().body_pose]
    full = over_pose.T @ over_pose
    np.testing.assert_allclose(hessian, full, atol=1e-2 * float(jnp.abs(full).max()))
    expected = jacobian.T @ residuals(jnp.zeros(parameters.columns().size))
    np.testing.assert_allclose(gradient, expected, atol=1e-4 * float(jnp.abs(expected).max()))


def test_people_in_a_batch_feel_what_they_feel_alone(term):
    poses = jnp.stack([jnp.asarray(hand_in_the_belly(angle)) for angle in (20.0, 60.0, 80.0)])
    each = [parameters_with(pose) for pose in poses]
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)
    batched = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, -1), batch)
    together = linearize(term, batched)
    for index, parameters in enumerate(each):
        for ours, alone in zip(together, linearize(term, parameters), strict=True):
            scale = float(jnp.abs(alone).max())
            np.testing.assert_allclose(ours[index], alone, atol=1e-4 * scale)  # float32 through an exponential


def test_every_pair_of_parts_has_its_spheres(body):
    spheres = body_spheres(body)
    first, second = sphere_pairs(spheres.parts, spheres.pairs)
    met = {(PARTS[spheres.parts[i]], PARTS[spheres.parts[j]]) for i, j in zip(first, second, strict=True)}
    assert met == set(PAPER_PAIRS)
    assert {frozenset(pair) for pair in PAPER_PAIRS} <= {frozenset(pair) for pair in NON_ADJACENT_PAIRS}


@pytest.fixture(scope="module")
def keypoints(body):
    """Someone who stands half turned, with hand and forearm in the belly, as a camera sees the joints."""
    turned = Rotation.from_euler("x", 180, degrees=True) * Rotation.from_euler("y", 45, degrees=True)
    person = parameters_with(hand_in_the_belly(forward_degrees=40.0), None, turned.as_rotvec(), (0, 0, 4))
    points = np.asarray(body.keypoints(**person.__dict__, layout="coco17"), np.float64)
    pixels = 1000 * points[:, :2] / points[:, 2:] + 500
    return np.column_stack([pixels, np.ones(len(pixels))]).astype(np.float32)


def with_weight(weight):
    """The default profile with this weight of the term, from searched starts: the network would not put a hand into a belly."""
    default = PROFILES["default"]
    (refine,) = default.refine
    refine = replace(refine, weights=replace(refine.weights, interpenetration=weight))
    return replace(default, refine=(refine,), uses_proposal=False, weighs_by_noise=False)


def fit_from_scratch(keypoints, weight, body):
    return fit(
        keypoints, layout="coco17", image_size=(1000, 1000), camera=1000.0, profile=with_weight(weight), body=body
    )


def test_a_hand_is_pushed_out_of_the_belly_with_the_term_and_not_without(body, keypoints):
    without, with_term = (fit_from_scratch(keypoints, weight, body) for weight in (0.0, 3000.0))
    depths = [
        float(penetration_depth(body, betas=result.betas, body_pose=result.body_pose, pairs=PAPER_PAIRS))
        for result in (without, with_term)
    ]
    assert depths[0] > 0.08
    assert depths[1] < 0.02
    assert without.cost_by_term["interpenetration"] == 0
    # [px] of a person 425 px tall: the arm moved along the line of sight, as far as it could.
    assert np.nanmax(with_term.reprojection_error_px) < 15
    np.testing.assert_allclose(with_term.cost, sum(with_term.cost_by_term.values()), rtol=1e-4)


def test_a_body_without_capsules_is_fitted_without_the_term_and_a_warning(body, keypoints):
    bare = replace(body, capsules=None)
    with pytest.warns(UserWarning, match=r"has no capsules.*learn\.capsules.*with_capsules"):
        with_term = fit_from_scratch(keypoints, 3000.0, bare)
    without = fit_from_scratch(keypoints, 0.0, bare)
    np.testing.assert_allclose(with_term.body_pose, without.body_pose, atol=1e-3)
    assert with_term.cost_by_term["interpenetration"] == 0
