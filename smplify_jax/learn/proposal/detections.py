"""Simulate detections: layouts, hidden parts, noise and confidence, outliers, exchanged sides."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.keypoints.confidence import CONFIDENCE_SLOPE, MIDDLE_CONFIDENCE
from smplify_jax.proposal.slots import learned_layouts, slot_layout, slot_matrix

_FEATURED_LAYOUTS = {"coco17": 7.0, "openpose25": 7.0, "lsp14": 7.0}  # all others weigh one

_UNSEEN: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.82, ()),
    (0.06, ("hip", "pelvis", "knee", "ankle", "toe", "heel", "foot")),
    (0.03, ("knee", "ankle", "toe", "heel", "foot")),
    (0.02, ("ankle", "toe", "heel", "foot")),
    (0.01, ("left_",)),
    (0.01, ("right_",)),
    (0.01, ("hip", "pelvis")),
    (0.02, ("head", "nose", "eye", "ear")),
    (0.01, ("elbow", "wrist", "hand")),
    (0.01, ("nose", "eye")),
)
"""Probability of sets of body parts being outside the picture, or hidden."""

_MISSING_SHARES = ((0.25, 0.0), (0.6, 0.1), (0.11, 0.25), (0.04, 0.5))
_SHARE_EXACT = 0.2
_MIN_NOISE, _MAX_NOISE = 0.003, 0.05  # of the person's height
_NOISE_SPREAD = 0.4
_SHARE_CLEAN = 0.3  # people without outliers and swaps
_MAX_OUTLIERS, _MAX_SWAPS = 0.06, 0.04
_OUTLIER_REACH = 0.6  # heights
_SHARE_TELLING, _SHARE_ONES = (
    0.65,
    0.25,
)  # shares of detectors whose confidence follows the noise, and is always one; else it is random

_LIMBS: tuple[tuple[str, ...], ...] = (
    ("left_elbow", "left_wrist", "left_hand"),
    ("right_elbow", "right_wrist", "right_hand"),
    ("left_knee", "left_ankle", "left_foot", "left_heel", "left_big_toe", "left_small_toe"),
    ("right_knee", "right_ankle", "right_foot", "right_heel", "right_big_toe", "right_small_toe"),
)
_SHARE_TOGETHER, _COMMON_VARIANCE = 0.3, 0.6
"""Share of people whose limbs' keypoints err together, and which part of the variance they then have in common."""
_MAX_INVERTED = 0.03
"""Share of people whose whole arms, and whose whole legs, are exchanged, at most. Source, of the kinds of errors: Ronchi and Perona,
Benchmarking and error diagnosis in multi-instance pose estimation, ICCV 2017."""


@dataclass(frozen=True)
class DetectionTables:
    """Which slots can be visible.

    Attributes:
        layouts: (L, S) whether a layout has a slot.
        layout_shares: (L,) probability of each layout.
        unseen: (U, S) whether a slot is out of sight, in each of U cases.
        unseen_shares: (U,) probability of each case.
        flip: (S,) the slot of the other side.
        limbs: (4, S) which slots are on the left arm, the right arm, the left leg, the right leg.
    """

    layouts: np.ndarray
    layout_shares: np.ndarray
    unseen: np.ndarray
    unseen_shares: np.ndarray
    flip: np.ndarray
    limbs: np.ndarray


def detection_tables(slots: tuple[str, ...]) -> DetectionTables:
    """The tables for these slots."""
    masks = [slot_matrix(layout, slots).max(axis=1) for layout in learned_layouts()]
    shares = np.array([_FEATURED_LAYOUTS.get(layout.name, 1.0) for layout in learned_layouts()] + [2.0])
    return DetectionTables(
        layouts=np.array([*masks, np.ones(len(slots))]) > 0,
        layout_shares=shares / shares.sum(),
        unseen=np.array([[any(part in slot for part in parts) for slot in slots] for _, parts in _UNSEEN]),
        unseen_shares=np.array([share for share, _ in _UNSEEN]),
        flip=np.array(slot_layout(slots).flip),
        limbs=np.array([[slot in parts for slot in slots] for parts in _LIMBS]),
    )


def detect(tables: DetectionTables, key: Array, truth: Array, height: Array) -> tuple[Array, Array]:
    """Add a detector's errors to true keypoints.

    Args:
        tables: of the S slots.
        key: for all random numbers.
        truth: (N, S, 2) in any unit.
        height: (N,) of the people in that unit.
    Returns:
        Detections (N, S, 2) and confidence (N, S), zero where nothing is detected.
    """
    count, num_slots = truth.shape[:2]
    keys = jax.random.split(key, 8)
    spread = _NOISE_SPREAD * jax.random.normal(keys[0], (count, num_slots))
    people = jax.random.uniform(keys[1], (count, 6, 1))
    log_range = jnp.log(_MIN_NOISE), jnp.log(_MAX_NOISE)
    level = jnp.exp(log_range[0] + people[:, 0] * (log_range[1] - log_range[0]))
    level = jnp.where(people[:, 1] < _SHARE_EXACT, 1e-4, level)
    sigma = level * height[:, None] * jnp.exp(spread)
    found = truth + sigma[..., None] * _unit_noise(tables, keys[2], truth.shape)

    chance = jax.random.uniform(keys[3], (count, 4, num_slots))
    is_clean = people[:, 2] < _SHARE_CLEAN
    is_outlier = chance[:, 0] < jnp.where(is_clean, 0.0, _MAX_OUTLIERS * people[:, 3])
    anywhere = jax.random.uniform(keys[4], truth.shape, minval=-1.0, maxval=1.0)
    middle = jnp.mean(truth, axis=1, keepdims=True)
    found = jnp.where(is_outlier[..., None], middle + _OUTLIER_REACH * height[:, None, None] * anywhere, found)
    first_of_pair = np.minimum(np.arange(num_slots), tables.flip)
    is_swapped = chance[:, 1][:, first_of_pair] < jnp.where(is_clean, 0.0, _MAX_SWAPS * people[:, 4])
    for pair, inverted in ((tables.limbs[:2], people[:, 5]), (tables.limbs[2:], 1.0 - people[:, 5])):
        is_swapped |= pair.any(axis=0) & ~is_clean & (inverted < _MAX_INVERTED)
    found = jnp.where(is_swapped[..., None], found[:, tables.flip], found)

    confidence = _confidence(keys[5], spread, is_outlier, chance[:, 2])
    return found, jnp.where(_is_seen(tables, keys[6], chance[:, 3]), confidence, 0.0)


def _unit_noise(tables: DetectionTables, key: Array, shape: tuple[int, ...]) -> Array:
    """Normal noise (N, S, 2) of variance one; some people's limbs have a part of it in common."""
    own_key, common_key, which_key = jax.random.split(key, 3)
    own = jax.random.normal(own_key, shape)
    common = jnp.einsum("nlc,ls->nsc", jax.random.normal(common_key, (shape[0], len(_LIMBS), 2)), 1.0 * tables.limbs)
    share = _COMMON_VARIANCE * (jax.random.uniform(which_key, (shape[0], 1, 1)) < _SHARE_TOGETHER)
    share = share * np.any(tables.limbs, axis=0, keepdims=True)[..., None]
    return jnp.sqrt(1.0 - share) * own + jnp.sqrt(share) * common


def _confidence(key: Array, spread: Array, is_outlier: Array, chance: Array) -> Array:
    """Draw confidences (N, S); each person's come from one of three kinds of detector."""
    telling_key, kind_key = jax.random.split(key)
    telling = MIDDLE_CONFIDENCE - CONFIDENCE_SLOPE * spread + 0.05 * jax.random.normal(telling_key, spread.shape)
    telling = jnp.where(is_outlier, 0.2 + 0.6 * chance, jnp.clip(telling, 0.2, 1.0))
    kind = jax.random.uniform(kind_key, (len(spread), 1))
    saying_nothing = 0.3 + 0.7 * chance
    return jnp.where(
        kind < _SHARE_TELLING, telling, jnp.where(kind < _SHARE_TELLING + _SHARE_ONES, 1.0, saying_nothing)
    )


def _is_seen(tables: DetectionTables, key: Array, chance: Array) -> Array:
    """Whether slots (N, S) are in the layout, in sight, and not missed."""
    layout_key, unseen_key, missing_key = jax.random.split(key, 3)
    count = len(chance)
    layout = jax.random.choice(layout_key, len(tables.layouts), (count,), p=jnp.asarray(tables.layout_shares))
    unseen = jax.random.choice(unseen_key, len(tables.unseen), (count,), p=jnp.asarray(tables.unseen_shares))
    shares, missing = np.array(_MISSING_SHARES).T
    missing = jax.random.choice(missing_key, jnp.asarray(missing), (count, 1), p=jnp.asarray(shares))
    return jnp.asarray(tables.layouts)[layout] & ~jnp.asarray(tables.unseen)[unseen] & (chance >= missing)
