"""Vertices of a mesh in the place of keypoints: correspondences, their files, and the bodies that are fitted to them."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import scipy.sparse
from people import draw_people

from smplify_jax import SurfacePoints, fit_points, load_body, load_surface_points
from smplify_jax.errors import InputError
from smplify_jax.result import FitStatus

NUM_POINTS = 200


@pytest.fixture(scope="module")
def body():
    return load_body()


@pytest.fixture(scope="module")
def people():
    return draw_people(3, "smpl24", seed=3, is_any_way_up=True)


@pytest.fixture(scope="module")
def vertices(body, people):
    """(B, V, 4) of the people, as a mesh."""
    posed = np.asarray(body.vertices(**people.parameters), np.float64)
    return np.concatenate([posed, np.ones((*posed.shape[:2], 1))], axis=-1)


@pytest.fixture(scope="module")
def chosen(body):
    return np.sort(np.random.default_rng(0).choice(len(body.v_template), NUM_POINTS, replace=False))


@pytest.fixture(scope="module")
def fitted(vertices, chosen):
    return fit_points(vertices, layout=SurfacePoints.of(chosen, source=chosen))


def millimetres(result, truth):
    """Mean distance of all vertices from the true ones [mm]."""
    return 1000 * np.linalg.norm(np.asarray(result.vertices()) - truth[..., :3], axis=-1).mean(axis=-1)


def test_200_vertices_of_a_posed_body_give_the_body(fitted, vertices, people):
    assert fitted.statuses() == [FitStatus.CONVERGED] * 3
    assert (millimetres(fitted, vertices) <= 1).all()  # measured 0.08
    assert 1000 * np.linalg.norm(np.asarray(fitted.joints) - people.joints, axis=-1).mean(axis=-1).max() <= 1
    np.testing.assert_allclose(fitted.betas, people.parameters["betas"], atol=0.1)


def test_the_result_is_about_the_given_points(fitted, vertices, chosen, body):
    assert fitted.point_errors.shape == (3, NUM_POINTS)
    assert fitted.keypoints_px.shape == (3, 0, NUM_POINTS, 2)
    assert fitted.layout == "surface points"
    assert fitted.body.point_names == body.point_names  # not those that were added for the fit
    distances = np.linalg.norm((np.asarray(fitted.vertices()) - vertices[..., :3])[:, chosen], axis=-1)
    np.testing.assert_allclose(fitted.point_errors, distances, atol=1e-5)


def test_noise_on_vertices_is_averaged_out(vertices, chosen):
    noisy = vertices.copy()
    noisy[..., :3] += np.random.default_rng(1).normal(0, 0.01, noisy[..., :3].shape)
    result = fit_points(noisy, layout=SurfacePoints.of(chosen, source=chosen))
    assert (millimetres(result, vertices) <= 8).all()  # the noise is 16 mm long; measured 5


def test_the_other_mesh_may_have_another_order_and_an_unknown_scale(vertices, chosen):
    order = np.random.default_rng(2).permutation(vertices.shape[1])
    place = np.argsort(order)
    other = vertices[:, order].copy()
    other[..., :3] *= 1000
    other[1] = np.nan
    result = fit_points(other, layout=SurfacePoints.of(chosen, source=place[chosen]), scale="free")
    assert result.statuses()[1] is FitStatus.TOO_FEW_KEYPOINTS
    # Of a whole surface the shape tells the size, but for what the prior says of it: 1 %.
    np.testing.assert_allclose(np.asarray(result.point_scale)[[0, 2]], 1e-3, rtol=0.05)


def test_in_time_vertices_share_a_shape(vertices, chosen):
    speed = np.array([0.5, 1.0, -0.2])
    moved = np.repeat(vertices[:1], 6, axis=0)
    moved[..., :3] += np.arange(6)[:, None, None] / 30 * speed
    result = fit_points(moved, layout=SurfacePoints.of(chosen, source=chosen), fps=30)
    assert (np.asarray(result.betas) == np.asarray(result.betas)[0]).all()
    assert (millimetres(result, moved) <= 1).all()


def test_spread_points_are_far_from_each_other(body):
    every = SurfacePoints.of(np.arange(len(body.v_template)))
    some = every.spread(100, body)
    places = np.asarray(body.v_template)[some.vertices[:, 0]]
    distances = np.linalg.norm(places[:, None] - places, axis=-1) + np.eye(100)
    assert len(some) == 100
    assert distances.min() > 0.05  # at random, some are a few millimetres apart
    np.testing.assert_array_equal(some.source, some.vertices[:, 0])
    assert len(every.spread(10**6, body)) == len(every)


def written(folder, kind, fields):
    """A file of each kind with the same fields."""
    path = folder / f"points.{kind}"
    if kind == "npz":
        np.savez(path, **fields)
    elif kind == "json":
        path.write_text(json.dumps({name: np.asarray(value).tolist() for name, value in fields.items()}))
    else:
        columns = {}
        for name, value in fields.items():
            short = {"vertices": "v", "weights": "w", "barycentric": "b"}.get(name, name)
            value = np.asarray(value)
            if value.ndim == 1:
                columns[{"vertices": "vertex", "triangles": "triangle"}.get(name, name)] = value
            else:
                columns |= {f"{short}{k}": value[:, k] for k in range(value.shape[1])}
        lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
        path.write_text("\n".join(lines) + "\n")
    return path


TRIANGLES = {"triangles": np.array([5, 100, 7]), "barycentric": np.array([[1, 0, 0], [0.2, 0.3, 0.5], [0, 0.5, 0.5]])}


@pytest.mark.parametrize("kind", ["npz", "json", "csv"])
def test_a_file_says_vertices_or_places_in_triangles(tmp_path, kind, body):
    alone = load_surface_points(written(tmp_path, kind, {"vertices": np.array([4, 2, 9])}))
    np.testing.assert_array_equal(alone.vertices, [[4], [2], [9]])
    np.testing.assert_array_equal(alone.source, [0, 1, 2])
    fields = TRIANGLES | {"source": np.array([11, 12, 3]), "std": np.array([0, 0.03, 0])}
    points = load_surface_points(written(tmp_path, kind, fields))
    np.testing.assert_array_equal(points.vertices, np.asarray(body.faces)[TRIANGLES["triangles"]])
    np.testing.assert_allclose(points.weights, TRIANGLES["barycentric"])
    np.testing.assert_array_equal(points.source, [11, 12, 3])
    np.testing.assert_array_equal(points.std, [0, 0.03, 0])
    assert points.name == f"points.{kind}"
    several = {"vertices": np.array([[4, 2], [9, 1]]), "weights": np.array([[0.25, 0.75], [1.0, 0.0]])}
    pairs = load_surface_points(written(tmp_path, kind, several))
    np.testing.assert_allclose(pairs.weights, several["weights"])


@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
def test_a_sparse_matrix_has_a_row_for_each_point(tmp_path, kind, body):
    dense = np.zeros((3, len(body.v_template)))
    dense[[0, 1, 1, 2], [7, 3, 600, 2]] = 1.0, 0.25, 0.75, 1.0
    scipy.sparse.save_npz(tmp_path / "matrix.npz", scipy.sparse.coo_matrix(dense).asformat(kind))
    points = load_surface_points(tmp_path / "matrix.npz")
    again = np.zeros_like(dense)
    np.add.at(again, (np.arange(3)[:, None], points.vertices), points.weights)
    np.testing.assert_array_equal(again, dense)


def test_a_list_of_vertices_is_enough(tmp_path):
    (tmp_path / "a.json").write_text("[3, 1, 2]")
    np.testing.assert_array_equal(load_surface_points(tmp_path / "a.json").vertices, [[3], [1], [2]])


def test_points_of_a_triangle_are_where_it_is(vertices, body):
    points = SurfacePoints.of(np.asarray(body.faces)[TRIANGLES["triangles"]], TRIANGLES["barycentric"])
    zero = np.zeros(3, np.float32)
    placed = points.on(body).keypoints(
        betas=zero, global_orient=zero, body_pose=zero, transl=zero, layout=points.layout
    )
    corners = np.asarray(body.v_template)[points.vertices]
    np.testing.assert_allclose(placed, np.einsum("kn,knc->kc", points.weights, corners), atol=1e-6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "numbers from 0 on"),
        ("[1, -2]", "numbers from 0 on"),
        ("[1.5]", "no whole numbers"),
        ("[1e30]", "whole numbers|numbers from|vertex"),
        ("[99999999]", "names vertex 99999999, and the mesh of"),
        ('{"vertices": [[1, 2]]}', "a weight for each"),
        ('{"vertices": [[1, 2]], "weights": [[1, 1]]}', "must sum to one"),
        ('{"vertices": [1], "source": [-1]}', "source has shape"),
        ('{"vertices": [1], "std": [-1]}', "std must be metres"),
        ('{"triangles": [99999999], "barycentric": [[1, 0, 0]]}', "numbers of the .* faces"),
        ('{"triangles": [1]}', "neither vertices nor triangles"),
        ('{"nothing": 1}', "neither vertices nor triangles"),
        ("[" * 100_000, "damaged|nested|cut-off"),
        ("vertex\n", "none below the names"),
        ("vertex,source\n1\n", "different numbers of cells"),
        ("vertex\nx\n", "is no number"),
        ("", "empty"),
    ],
)
def test_a_file_that_is_no_correspondence_is_one_sentence(tmp_path, text, words):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        load_surface_points(path)
    assert "a.json" in str(caught.value)


def test_a_sparse_matrix_that_lies_about_its_shape_is_refused(tmp_path):
    arrays = {"format": np.array("csr"), "shape": np.array([2, 9]), "data": np.ones(2), "indices": np.array([1, 2])}
    for pointers in ([0, 1, 3], [1, 1, 2], [0, 2], [0, 5, 2]):
        np.savez(tmp_path / "a.npz", indptr=np.array(pointers), **arrays)
        with pytest.raises(InputError, match="sparse matrix"):
            load_surface_points(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", format=np.array("coo"), shape=[10**14, 9], data=[1.0], row=[10**13], col=[0])
    with pytest.raises(InputError, match="ask for"):
        load_surface_points(tmp_path / "b.npz")


def test_too_many_points_and_too_few_vertices_are_one_sentence(vertices, body):
    every = SurfacePoints.of(np.arange(len(body.v_template)))
    with pytest.raises(InputError, match=r"more than the 512 that a fit takes: .*spread\(300, body\)"):
        fit_points(vertices, layout=every)
    few = SurfacePoints.of([1, 2, 3, 5000])
    with pytest.raises(InputError, match="names point 3, and 3 points are given"):
        fit_points(np.ones((3, 4)), layout=few)
    outside = dataclasses.replace(few, vertices=np.full((4, 1), 10**6))
    with pytest.raises(InputError, match="names vertex 1000000"):
        fit_points(np.ones((4, 4)), layout=outside)
