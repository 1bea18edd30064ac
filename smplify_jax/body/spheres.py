"""Spheres along the capsules' axes, which the interpenetration term compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.capsules import PART_JOINTS, PARTS, Capsules
from smplify_jax.body.model import BodyModel
from smplify_jax.body.part_pairs import PAPER_PAIRS, PartPair
from smplify_jax.errors import InputError


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class BodySpheres:
    """S spheres, each riding rigidly on one joint; centres and radii are linear in the betas.

    The number of spheres and the pairs depend on the body alone, not on the person, so that people batch.

    Attributes:
        centers: (B + 1, S, 3) relative to the joint, rest pose [m]: a row per beta and, last, the constant.
        radii: (B + 1, S) [m], likewise.
        joints: index of the joint that each sphere rides on.
        parts: index into PARTS of each sphere.
        pairs: indices into PARTS of the parts that must not overlap.
    """

    centers: Array | np.ndarray
    radii: Array | np.ndarray
    joints: tuple[int, ...] = field(metadata={"static": True})
    parts: tuple[int, ...] = field(metadata={"static": True})
    pairs: tuple[tuple[int, int], ...] = field(metadata={"static": True})

    @property
    def num_spheres(self) -> int:
        """Number of spheres."""
        return len(self.parts)

    def shaped(self, betas: Array | np.ndarray) -> tuple[Array, Array]:
        """Centres (S, 3, ...) relative to the joints and radii (S, ...) for betas (B, ...) [m]."""
        padded = jnp.concatenate([jnp.asarray(betas), jnp.ones_like(jnp.asarray(betas)[:1])])
        centers = jnp.einsum("b...,bsc->sc...", padded, self.centers)
        return centers, jnp.maximum(jnp.einsum("b...,bs->s...", padded, self.radii), 1e-3)


@lru_cache(maxsize=16)
def body_spheres(
    body: BodyModel, *, num_betas: int | None = None, pairs: tuple[PartPair, ...] = PAPER_PAIRS
) -> BodySpheres:
    """The spheres of those of a body's capsules that are in any pair.

    Args:
        body: with capsules.
        num_betas: how many shape directions to keep; all of them by default.
        pairs: part names.
    Raises:
        InputError: the body has no capsules, or a pair names no part.
    """
    if body.capsules is None:
        raise InputError(
            f"The body {body.name!r} has no capsules: learn them with `python -m smplify_jax.learn.capsules` and give them to the body "
            "with `with_capsules`."
        )
    capsules = body.capsules.with_num_betas(body.num_betas if num_betas is None else num_betas)
    indices = _indices(pairs)
    used = sorted({part for pair in indices for part in pair})
    positions = [sphere_places(capsules, part) for part in used]
    parts = np.repeat(used, [len(places) for places in positions])
    return BodySpheres(
        centers=jax.device_put(_centers(capsules, parts, np.concatenate(positions))),
        radii=jax.device_put(np.asarray(capsules.betas2rads)[:, parts]),
        joints=tuple(body.joint_names.index(PART_JOINTS[PARTS[part]]) for part in parts),
        parts=tuple(int(part) for part in parts),
        pairs=indices,
    )


def sphere_places(capsules: Capsules, part: int) -> np.ndarray:
    """(n,) positions of a part's spheres along its axis, from -0.5 at one end to 0.5 at the other.

    One sphere at each end, and evenly between them as many as keep neighbours at most one diameter apart for the mean shape. A thigh has no
    sphere at the hip and an upper arm none at its ends: these would always overlap their neighbours.
    """
    length, radius = float(capsules.betas2lens[-1, part]), float(capsules.betas2rads[-1, part])
    places = np.linspace(-0.5, 0.5, max(2, int(np.ceil(length / (2 * radius))) + 1))
    if PARTS[part].endswith("thigh"):
        return places[1:]
    if PARTS[part].endswith("upper_arm"):
        return places[1:-1] if len(places) > 2 else np.zeros(1)
    return places


def _centers(capsules: Capsules, parts: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(B + 1, S, 3): middle of the axis, and from there along it."""
    lengths, axes = np.asarray(capsules.betas2lens)[:, parts], np.asarray(capsules.axes)[parts]
    along = (places * lengths)[..., None] * axes
    return (np.asarray(capsules.betas2centers)[:, parts] + along).astype(np.float32)


def _indices(pairs: Sequence[PartPair]) -> tuple[tuple[int, int], ...]:
    unknown = [name for pair in pairs for name in pair if name not in PARTS]
    if unknown or not pairs:
        raise InputError(
            f"{unknown[0] if unknown else 'Nothing'!r} is not a pair of body parts: use names from {', '.join(PARTS)}."
        )
    return tuple((PARTS.index(first), PARTS.index(second)) for first, second in pairs)
