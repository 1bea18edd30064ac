"""Learning capsules: the search finds true capsules, the regression true maps, the tool a body's own."""

import json
from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trimesh
from bodies import random_body_arrays

from smplify_jax import InputError, load_body, with_capsules
from smplify_jax.body.capsules import PART_JOINTS, PARTS
from smplify_jax.body.formats import body_from_arrays
from smplify_jax.learn.capsules.__main__ import main
from smplify_jax.learn.capsules.recipe import Recipe, learn_capsules
from smplify_jax.learn.capsules.regression import cross_validated_ridge
from smplify_jax.learn.capsules.search import (
    FreeCapsules,
    SearchOptions,
    capsule_points,
    fit_capsules,
    signed_distance,
    squared_distance_inward,
)
from smplify_jax.learn.capsules.surfaces import part_of_vertices, part_surfaces

TRUE = FreeCapsules(
    centers=jnp.array([0.1, -0.05, 0.02]),
    directions=jnp.array([0.6, 0.8, 0.0]),
    lengths=jnp.asarray(0.25),
    radii=jnp.asarray(0.06),
)
TINY = Recipe(
    num_shapes=16, num_held_out=4, num_points=48, first=SearchOptions(num_steps=60), again=SearchOptions(num_steps=20)
)


def test_points_of_a_capsule_lie_on_it_and_weigh_by_area():
    points, shares = capsule_points(TRUE)
    np.testing.assert_allclose(signed_distance(points, TRUE), 0.0, atol=1e-6)
    np.testing.assert_allclose(np.sum(shares), 1.0, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(shares) @ np.asarray(points), TRUE.centers, atol=1e-5)


def test_signed_distance_is_negative_inside_and_positive_outside():
    axis = np.asarray(TRUE.directions)
    across = np.array([0.8, -0.6, 0.0])
    points = TRUE.centers + np.stack([0 * axis, 0.1 * across, 0.3 * axis])
    np.testing.assert_allclose(signed_distance(points, TRUE), [-0.06, 0.04, 0.3 - 0.125 - 0.06], atol=1e-5)


def test_search_recovers_a_true_capsule_from_a_poor_start():
    points, _ = capsule_points(TRUE, num_rings=8, num_around=24)
    axis, half = TRUE.directions, 0.5 * TRUE.lengths
    offset = points - TRUE.centers
    normals = offset - jnp.clip(offset @ axis, -half, half)[:, None] * axis
    normals = normals / jnp.linalg.norm(normals, axis=-1, keepdims=True)
    start = FreeCapsules(
        TRUE.centers + jnp.array([0.02, 0.03, -0.02]), jnp.array([0.8, 0.6, 0.1]), jnp.asarray(0.15), jnp.asarray(0.09)
    )
    lifted = jax.tree.map(lambda leaf: leaf[None, None], start)
    spacing = jnp.array([0.01])
    options = SearchOptions(num_steps=400, turn_weight=0.0)
    found = fit_capsules(lifted, points[None, None], normals[None], spacing, options)
    # A millimetre: what gradient descent of 400 steps leaves.
    np.testing.assert_allclose(found.centers[0, 0], TRUE.centers, atol=1e-3)
    np.testing.assert_allclose(found.lengths[0, 0], TRUE.lengths, atol=2e-3)
    np.testing.assert_allclose(found.radii[0, 0], TRUE.radii, atol=5e-4)
    assert abs(float(found.directions[0, 0] @ axis)) > 0.9999
    inward = squared_distance_inward(jax.tree.map(lambda leaf: leaf[0, 0], found), points, normals, spacing[0])
    assert np.sqrt(inward) < 6e-3  # the tangent planes of points a centimetre apart leave a round surface by that much


def test_regression_finds_a_linear_map_and_how_well_it_holds():
    rng = np.random.default_rng(0)
    betas, rows = rng.normal(size=(64, 10)), rng.normal(size=(11, 4))
    noise = 0.01 * rng.normal(size=(64, 4))
    found = cross_validated_ridge(betas, np.column_stack([betas, np.ones(64)]) @ rows + noise)
    np.testing.assert_allclose(found.rows, rows, atol=0.01)  # 0.01 / sqrt(64 - 11), six of them
    np.testing.assert_allclose(found.held_out, 0.01, rtol=0.5)


def test_regression_leans_on_the_ridge_where_betas_say_nothing():
    rng = np.random.default_rng(0)
    found = cross_validated_ridge(rng.normal(size=(24, 10)), 5.0 + rng.normal(size=(24, 3)))
    assert found.strength == 10.0
    np.testing.assert_allclose(found.rows[-1], 5.0, atol=1.0)


@cache
def capsule_body():
    """A body whose parts are true capsules of radius 5 cm around their bones, and grow with the first beta."""
    arrays = random_body_arrays(24)
    template, weights = arrays["v_template"], arrays["weights"]
    joints = arrays["J_regressor"] @ template
    names = load_body().joint_names
    vertices, faces, moved_by, grows = [], [], [], []
    for joint in PART_JOINTS.values():
        at = names.index(joint)
        mesh = trimesh.creation.capsule(height=0.2, radius=0.05, count=[16, 16])
        # trimesh stands its capsules on z with the middle at the origin; here they lie along x.
        shape = mesh.vertices[:, [2, 1, 0]]
        shape = shape - (shape.max(axis=0) + shape.min(axis=0)) / 2
        faces.append(np.asarray(mesh.faces)[:, ::-1] + len(template) + sum(map(len, vertices)))
        vertices.append(shape + joints[at])
        axis_point = np.clip(shape[:, 0], -0.1, 0.1)[:, None] * [1.0, 0.0, 0.0]
        grows.append(0.1 * (shape - axis_point))  # a tenth of the radius per beta
        moved_by.append(np.tile(np.eye(24)[at], (len(shape), 1)))
    all_vertices = np.concatenate([template, *vertices])
    num_new = len(all_vertices) - len(template)
    shapedirs = np.zeros((len(all_vertices), 3, 2))
    shapedirs[len(template) :, :, 0] = np.concatenate(grows)
    full = {
        "v_template": all_vertices,
        "shapedirs": shapedirs,
        "posedirs": np.zeros((len(all_vertices), 3, 207)),
        "J_regressor": np.pad(arrays["J_regressor"], ((0, 0), (0, num_new))),
        "weights": np.concatenate([weights, *moved_by]),
        "f": np.concatenate(faces).astype(np.uint32),
        "kintree_table": arrays["kintree_table"],
    }
    return body_from_arrays(full, name="capsule man", source="capsules", num_betas=2)


@pytest.fixture(scope="module")
def learned():
    recipe = replace(TINY, num_points=96, first=SearchOptions(num_steps=200, turn_weight=0.0))
    return learn_capsules(capsule_body(), recipe)


def test_a_body_of_true_capsules_gives_them_back(learned):
    capsules = learned.capsules
    np.testing.assert_allclose(capsules.betas2rads[-1], 0.05, atol=1e-3)
    np.testing.assert_allclose(capsules.betas2rads[0], 0.005, atol=5e-4)
    np.testing.assert_allclose(capsules.betas2lens[-1], 0.2, atol=6e-3)
    np.testing.assert_allclose(np.abs(capsules.axes[:, 0]), 1.0, atol=1e-3)
    np.testing.assert_allclose(capsules.betas2centers[-1], 0.0, atol=2e-3)
    assert learned.surface_rms.max() < 2e-3  # a mesh of 16 sides lies 1 mm inside its capsule
    assert learned.radius_error.max() < 1e-3


def test_parts_take_toes_fingers_and_face_with_them():
    body = load_body()
    part = part_of_vertices(body)
    main = np.asarray(body.lbs_weights).argmax(axis=1)
    for joint, carrier in (("left_foot", "left_foot"), ("right_hand", "right_hand"), ("left_ankle", "left_foot")):
        rows = main == body.joint_names.index(joint)
        assert np.mean(part[rows] == PARTS.index(carrier)) > 0.95
    assert set(part) == set(range(len(PARTS)))


def test_surface_points_lie_on_the_skin_of_their_part():
    body = load_body(num_betas=2)
    surfaces = part_surfaces(body, num_points=40, seed=0)
    betas = np.array([1.0, -1.0], np.float32)
    mesh = trimesh.Trimesh(body.with_shape(betas).v_shaped, body.faces, process=False)
    joints = np.asarray(body.with_shape(betas).rest_joints)
    at = PARTS.index("left_calf")
    points = np.asarray(surfaces.shaped(betas))[at] + joints[body.joint_names.index("left_knee")]
    _, distance, _ = trimesh.proximity.closest_point_naive(mesh, points)
    np.testing.assert_allclose(distance, 0.0, atol=1e-5)
    outward = np.einsum("nc,nc->n", surfaces.normals[at], np.asarray(surfaces.template)[at] * [1.0, 0.0, 1.0])
    assert np.mean(outward > 0) > 0.9  # away from the bone


def test_a_part_without_skin_is_told():
    body = capsule_body()
    is_kept = part_of_vertices(body)[np.asarray(body.faces)[:, 0]] != PARTS.index("neck")
    with pytest.raises(InputError, match="no surface at its part 'neck'"):
        learn_capsules(replace(body, faces=np.asarray(body.faces)[is_kept]), TINY)


def test_tool_writes_capsules_that_fit_the_body_and_its_report(tmp_path, capsys):
    for name in ("one", "two"):
        main(tmp_path / f"{name}.npz", report=tmp_path / f"{name}.json", recipe=TINY)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    learned = with_capsules(load_body(), tmp_path / "one.npz").capsules
    shipped = load_body().capsules
    assert learned is not None
    assert shipped is not None
    # A tenth of the points and steps of the shipped ones: close, not the same, and a round shoulder may as well be short and thick.
    np.testing.assert_allclose(learned.betas2rads[-1], shipped.betas2rads[-1], atol=0.025)
    report = json.loads((tmp_path / "one.json").read_text())
    assert list(report["parts"]) == list(PARTS)
    assert all(values["surface_rms_mm"] < 25 for values in report["parts"].values())
    assert "| left_forearm |" in capsys.readouterr().out
