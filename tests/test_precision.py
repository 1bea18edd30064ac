"""Every matrix product asks for full precision, because GPUs round the factors by default."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from people import IMAGE_SIZE, draw_people

from smplify_jax import fit, load_body
from smplify_jax.body.keypoint_body import keypoint_body
from smplify_jax.execution.precision import exact_products
from smplify_jax.fitting import batches

HIGHEST = (jax.lax.Precision.HIGHEST,) * 2


def precisions(function, *args) -> list:
    """Of every matrix product in the traced function, and in all that is nested in it."""
    return list(_precisions(jax.make_jaxpr(function)(*args).jaxpr))


def _precisions(jaxpr) -> Iterator:
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            yield equation.params["precision"]
        for inner in jax.tree.leaves(equation.params, is_leaf=_is_jaxpr):
            if _is_jaxpr(inner):
                yield from _precisions(getattr(inner, "jaxpr", inner))


def _is_jaxpr(thing) -> bool:
    return hasattr(thing, "eqns") or hasattr(thing, "jaxpr")


def test_products_are_exact_only_where_asked():
    def chain(x):
        return jax.lax.fori_loop(0, 3, lambda _, y: jax.jit(jnp.matmul)(x, y), x)

    x = jnp.eye(3)
    assert precisions(chain, x) == [None]
    assert precisions(exact_products(chain), x) == [HIGHEST]
    np.testing.assert_array_equal(exact_products(chain)(x), x)


@pytest.mark.parametrize("num_people", [1, 64])
def test_a_fit_has_only_exact_products(monkeypatch, num_people):
    traced = []

    def traced_only(function, **_):
        def call(*args):
            traced.extend(precisions(function, *args))
            return jax.tree.map(lambda of: jnp.zeros(of.shape, of.dtype), jax.eval_shape(function, *args))

        return call

    monkeypatch.setattr(batches.compilation, "jit", traced_only)
    monkeypatch.setattr(batches, "_compiled", batches._compiled.__wrapped__)
    people = draw_people(num_people, "coco17")
    fit(people.keypoints, layout="coco17", camera=people.focal_length, image_size=IMAGE_SIZE)
    assert len(traced) > 20
    assert set(traced) == {HIGHEST}


@pytest.mark.parametrize("points", ["joints", "vertices", "keypoints"])
def test_a_posed_body_has_only_exact_products(points):
    body = keypoint_body(load_body(), "coco17") if points == "keypoints" else load_body()

    def posed(pose):
        return getattr(body, points)(betas=np.zeros(10), global_orient=np.zeros(3), body_pose=pose, transl=np.zeros(3))

    assert set(precisions(posed, np.zeros(69, np.float32))) == {HIGHEST}


def test_so_has_a_body_posed_in_stages():
    def posed(pose):
        return load_body().with_shape(np.zeros(10)).with_pose(np.zeros(3), pose).vertices()

    assert set(precisions(posed, np.zeros(69, np.float32))) == {HIGHEST}
