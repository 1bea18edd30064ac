"""Pairs of body parts that must not overlap."""

from __future__ import annotations

from itertools import combinations

from smplify_jax.body.capsules import PART_JOINTS, PARTS
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, SMPL_PARENTS

PartPair = tuple[str, str]

_TRUNK = ("pelvis", "spine1", "spine2", "spine3")
_UNBENDING = (*_TRUNK, "neck", "head", "left_shoulder", "right_shoulder")
_SIDES = ("left", "right")

PAPER_PAIRS: tuple[PartPair, ...] = (
    *((trunk, f"{side}_{arm}") for trunk in _TRUNK for side in _SIDES for arm in ("forearm", "hand")),
    ("left_calf", "right_calf"),
    ("left_foot", "right_foot"),
    ("left_foot", "right_calf"),
    ("right_foot", "left_calf"),
    ("left_shoulder", "left_forearm"),
    ("right_shoulder", "right_forearm"),
    ("left_hand", "right_hand"),
)
"""The pairs of the paper's code: arms and trunk, shins and feet of both legs, a forearm and its own shoulder, both hands."""


def _non_adjacent_pairs() -> tuple[PartPair, ...]:
    # An upper arm that hangs down lies against the flank: with that pair, a third of fitted people would have a penetration depth of 2 cm.
    chains = [_chain(joint) for joint in PART_JOINTS.values()]
    found = []
    for (first, one), (second, other) in combinations(zip(PARTS, chains, strict=True), 2):
        is_trunk_alone = first in _UNBENDING and second in _UNBENDING
        is_flank = first == "spine2" and second.endswith("upper_arm")
        num_bones = len(one ^ other)
        if not (is_trunk_alone or is_flank) and (num_bones >= 3 or (first, second) in _MEET_ACROSS_A_JOINT):
            found.append((first, second))
    return tuple(found)


def _chain(joint: str) -> set[str]:
    """A joint and all its ancestors."""
    at, chain = SMPL_JOINT_NAMES.index(joint), set()
    while at >= 0:
        chain.add(SMPL_JOINT_NAMES[at])
        at = SMPL_PARENTS[at]
    return chain


# Most parts two bones apart share flesh around the joint between them; these can really pass through each other.
_MEET_ACROSS_A_JOINT = (
    ("left_thigh", "right_thigh"),
    ("left_shoulder", "left_forearm"),
    ("right_shoulder", "right_forearm"),
)

NON_ADJACENT_PAIRS: tuple[PartPair, ...] = _non_adjacent_pairs()
"""Every pair of parts three or more bones apart of which at least one is a limb, the thighs, and each shoulder with its own forearm:
arms through thighs, legs through legs, hands in the face. Left out are the upper arms against the flanks (spine2), where they rest."""
