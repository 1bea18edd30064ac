"""How deep a posed body penetrates itself."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike

from smplify_jax.body.kinematics import forward_kinematics, full_joint_pose
from smplify_jax.body.model import BodyModel
from smplify_jax.body.part_pairs import NON_ADJACENT_PAIRS, PartPair
from smplify_jax.body.spheres import BodySpheres, body_spheres
from smplify_jax.execution.precision import exact_products
from smplify_jax.geometry.rotations import exp_so3


def penetration_depth(
    body: BodyModel,
    *,
    betas: ArrayLike,
    body_pose: ArrayLike,
    pairs: tuple[PartPair, ...] = NON_ADJACENT_PAIRS,
) -> Array:
    """Depth of the deepest overlap of two capsules, max over pairs of (r_i + r_j - d_ij), d_ij being the distance of their axes.

    Capsules lie about a centimetre off the skin, and flesh gives way: hands on hips and crossed legs give a centimetre or two, a forearm
    through the belly gives ten.

    Args:
        body: with capsules; see `with_capsules`.
        betas: (..., n) shape coefficients, n at most `body.num_betas`.
        body_pose: (..., 3 m) axis-angle of the joints 1..m [rad]; global orientation and translation do not matter.
        pairs: names of the parts that must not overlap, see `smplify_jax.body.part_pairs`.
    Returns:
        (...,) [m]; zero where nothing overlaps, NaN where the pose is NaN.
    Raises:
        InputError: the body has no capsules.
    """
    betas = jnp.asarray(betas)
    return _depth(body, body_spheres(body, num_betas=betas.shape[-1], pairs=pairs), betas, jnp.asarray(body_pose))


@jax.jit
@exact_products
def _depth(body: BodyModel, spheres: BodySpheres, betas: Array, body_pose: Array) -> Array:
    template = body.J_regressor @ body.v_template
    joint_dirs = jnp.einsum("jv,vcb->jcb", body.J_regressor, body.shapedirs[..., : betas.shape[-1]])
    parts = sorted(set(spheres.parts))
    first = np.array([spheres.parts.index(part) for part in parts])
    last = len(spheres.parts) - 1 - np.array([spheres.parts[::-1].index(part) for part in parts])
    one, other = np.array([[parts.index(part) for part in pair] for pair in spheres.pairs]).T

    def of_one(betas: Array, body_pose: Array) -> Array:
        local = exp_so3(full_joint_pose(jnp.append(jnp.zeros(3), body_pose), body.num_joints))
        rotations, joints = forward_kinematics(local, template + joint_dirs @ betas, body.parents)
        offsets, radii = spheres.shaped(betas)
        rides_on = np.array(spheres.joints)
        centers = jnp.einsum("sab,sb->sa", rotations[rides_on], offsets) + joints[rides_on]
        starts, ends, radii = centers[first], centers[last], radii[first]
        distance = jax.vmap(segment_distance)(starts[one], ends[one], starts[other], ends[other])
        return jnp.max(jnp.maximum(radii[one] + radii[other] - distance, 0.0))

    batch = jnp.broadcast_shapes(betas.shape[:-1], body_pose.shape[:-1])
    flat_betas = jnp.broadcast_to(betas, (*batch, betas.shape[-1])).reshape(-1, betas.shape[-1])
    flat_pose = jnp.broadcast_to(body_pose, (*batch, body_pose.shape[-1])).reshape(-1, body_pose.shape[-1])
    return jax.vmap(of_one)(flat_betas, flat_pose).reshape(batch)


def segment_distance(start: Array, end: Array, other_start: Array, other_end: Array) -> Array:
    """Distance between two line segments given by their ends (3,), which may coincide.

    Either the lines' closest points lie within both segments, or an end of one segment is a closest point.
    """
    u, v, w = end - start, other_end - other_start, start - other_start
    uu, uv, vv = jnp.dot(u, u), jnp.dot(u, v), jnp.dot(v, v)
    determinant = uu * vv - uv**2
    is_skew = determinant > 1e-6 * uu * vv
    safe = jnp.where(is_skew, determinant, 1.0)
    s = (uv * jnp.dot(v, w) - vv * jnp.dot(u, w)) / safe
    t = (uu * jnp.dot(v, w) - uv * jnp.dot(u, w)) / safe
    is_inside = is_skew & (s >= 0) & (s <= 1) & (t >= 0) & (t <= 1)
    between_lines = jnp.where(is_inside, jnp.linalg.norm(w + s * u - t * v), jnp.inf)
    by_ends = (
        _point_distance(start, other_start, other_end),
        _point_distance(end, other_start, other_end),
        _point_distance(other_start, start, end),
        _point_distance(other_end, start, end),
    )
    return jnp.min(jnp.stack([between_lines, *by_ends]))


def _point_distance(point: Array, start: Array, end: Array) -> Array:
    """Distance of a point (3,) from a segment."""
    along = end - start
    fraction = jnp.clip(jnp.dot(point - start, along) / jnp.maximum(jnp.dot(along, along), 1e-12), 0.0, 1.0)
    return jnp.linalg.norm(point - start - fraction * along)
