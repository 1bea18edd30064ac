"""What a tape measures: against sections of the mesh by trimesh, bodies of known size, and other numberings of the same mesh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from bodies import random_body
from scipy.spatial import ConvexHull

from smplify_jax import InputError, load_body, measure_body
from smplify_jax.measurements.definitions import DEFINITIONS, NAMES
from smplify_jax.measurements.landmarks import find_landmarks
from smplify_jax.measurements.rest_mesh import RestMesh, plane_axes
from smplify_jax.measurements.shape_measures import measure_shapes, measure_slopes, planes_of, shape_measures

NUM_BETAS = 10  # as the command measures: one compiled program
BETAS = np.random.default_rng(3).normal(size=(4, NUM_BETAS)).astype(np.float32)


@pytest.fixture(scope="module")
def body():
    return load_body(num_betas=NUM_BETAS)


@pytest.fixture(scope="module")
def measured(body):
    return measure_body(body, BETAS)


def test_girths_are_the_hulls_of_trimesh_sections(body, measured):
    mesh = RestMesh.of(body, NUM_BETAS)
    planes = planes_of(mesh, find_landmarks(mesh))
    assert {name for name in NAMES if name.endswith("girth")} == set(planes)
    for number, betas in enumerate(BETAS):
        vertices = mesh.vertices + mesh.shapedirs @ betas
        for name, plane in planes.items():
            taken = trimesh.Trimesh(vertices, mesh.faces[plane.is_taken[mesh.faces].all(axis=1)], process=False)
            segments = trimesh.intersections.mesh_plane(taken, plane.normal, plane.point @ vertices)
            section = np.asarray(segments).reshape(-1, 3)
            perimeter = ConvexHull(section @ plane_axes(plane.normal).T).area
            # 72 directions: the angle between two, squared and divided by 12, is 6e-4, which edges of a round hull do not reach.
            np.testing.assert_allclose(measured[name].value[number], perimeter, rtol=5e-4, err_msg=name)


def test_sizes_are_those_of_the_mesh(body, measured):
    for number, betas in enumerate(BETAS):
        vertices = np.asarray(body.with_shape(betas).v_shaped, np.float64)
        mesh = trimesh.Trimesh(vertices, np.asarray(body.faces), process=False)
        volume, stature = mesh.volume, np.ptp(vertices[:, 1])
        expected = {
            "volume": volume,
            "stature": stature,
            "mass": 1000 * volume,
            "body mass index": 1000 * volume / stature**2,
        }
        for name, value in expected.items():
            np.testing.assert_allclose(measured[name].value[number], value, rtol=1e-5, err_msg=name)


def test_a_body_a_tenth_larger_measures_a_tenth_more(body, measured):
    larger = replace(body, v_template=1.1 * body.v_template, shapedirs=1.1 * body.shapedirs)
    powers = {"volume": 3, "mass": 3, "body mass index": 1}
    for name, one in measure_body(larger, BETAS).items():
        np.testing.assert_allclose(
            one.value, 1.1 ** powers.get(name, 1) * measured[name].value, rtol=1e-4, err_msg=name
        )


def test_the_numbers_of_the_vertices_do_not_matter(body, measured):
    order = np.random.default_rng(0).permutation(len(body.v_template))
    renumbered = replace(
        body,
        v_template=body.v_template[order],
        shapedirs=body.shapedirs[order],
        posedirs=body.posedirs[order],
        J_regressor=body.J_regressor[:, order],
        lbs_weights=body.lbs_weights[order],
        faces=np.argsort(order)[np.asarray(body.faces)],
    )
    for name, one in measure_body(renumbered, BETAS).items():
        np.testing.assert_allclose(one.value, measured[name].value, rtol=1e-4, atol=1e-5, err_msg=name)


def test_derivatives_are_those_of_finite_differences(body):
    measures = shape_measures(body)
    step = (
        3e-2  # girths have kinks where the tape passes to another edge, at which the slope changes by a few hundredths
    )
    around = [measure_shapes(measures, BETAS[0] + sign * step * np.eye(NUM_BETAS)) for sign in (1, -1)]
    expected = ((around[0] - around[1]) / (2 * step)).T
    found = measure_slopes(measures, BETAS[0])
    scale = np.abs(expected).max(axis=1, keepdims=True)
    np.testing.assert_allclose(found / scale, expected / scale, atol=3e-2)


def test_some_measurements_are_the_same_as_among_all(body, measured):
    chosen = ("mass", "waist girth", "outer arm length")
    some = measure_body(body, BETAS, names=chosen)
    assert tuple(some) == chosen
    for name in chosen:
        np.testing.assert_allclose(some[name].value, measured[name].value, rtol=1e-6)


def test_people_without_a_body_have_no_measurements(body):
    betas = np.stack([BETAS[0], np.full(NUM_BETAS, np.nan, np.float32), BETAS[1], BETAS[2]])
    values = measure_body(body, betas).numbers
    assert np.isnan(values[1]).all()
    assert np.isfinite(values[[0, 2, 3]]).all()


def test_every_definition_has_its_own_name_and_clause():
    clauses = [one.clause for one in DEFINITIONS if one.clause is not None]
    assert len(set(NAMES)) == len(NAMES)
    assert len(set(clauses)) == len(clauses)


def test_errors_say_what_can_be_measured(body):
    with pytest.raises(InputError, match=r"no measurement 'wrist'.*wrist girth"):
        measure_body(body, BETAS, names=["wrist"])
    for names in ("mass", []):
        with pytest.raises(InputError, match="give a list of measurements"):
            measure_body(body, BETAS, names=names)
    with pytest.raises(InputError, match="10 betas and 11 were given"):
        measure_body(body, np.zeros(11))
    with pytest.raises(InputError, match=r"give \(n,\)"):
        measure_body(body, 1.0)
    with pytest.raises(InputError, match="cannot be measured"):
        measure_body(random_body(24))


def test_measurements_print_as_one_line(measured):
    assert repr(measured) == "<28 measurements of (4,) people>"
    assert repr(measured["mass"]) == "<mass [kg] of (4,) people>"
