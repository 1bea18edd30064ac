"""Skeleton conventions of motion files: names of the joints, and the reference pose.

Twists are measured on the recordings, from the axis about which the elbows actually bend.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smplify_jax.learn.mocap.retarget import Rig

_SIDES = (("left", "l", "L", "Left"), ("right", "r", "R", "Right"))

Z_UP_FRONT_MINUS_Y = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""Rotates file axes with z up and the front along -y to y up, +z front."""


def _both_sides(patterns: dict[str, str]) -> dict[str, str]:
    """Expand {s} (l, r), {S} (L, R), {Side} (Left, Right) and {side} (left, right) in patterns for both sides."""
    return {
        f"{name}_{joint}": pattern.format(s=small, S=capital, Side=word, side=name)
        for name, small, capital, word in _SIDES
        for joint, pattern in patterns.items()
    }


ASF = Rig(
    joints={
        "pelvis": "root",
        "spine1": "lowerback",
        "spine2": "upperback",
        "spine3": "thorax",
        "neck": "lowerneck",
        "head": "head",
        **_both_sides(
            {
                "collar": "{s}clavicle",
                "shoulder": "{s}humerus",
                "elbow": "{s}radius",
                "wrist": "{s}hand",
                "hip": "{s}femur",
                "knee": "{s}tibia",
                "ankle": "{s}foot",
                "foot": "{s}toes",
            }
        ),
    },
    feet_follow_legs=True,
    has_still_collars=True,
)

MOTION_BUILDER = Rig(
    joints={
        "pelvis": "Hips",
        "spine1": "LowerBack",
        "spine2": "Spine",
        "spine3": "Spine1",
        "neck": "Neck",
        "head": "Head",
        **_both_sides(
            {
                "shoulder": "{Side}Arm",
                "elbow": "{Side}ForeArm",
                "wrist": "{Side}Hand",
                "hip": "{Side}UpLeg",
                "knee": "{Side}Leg",
                "ankle": "{Side}Foot",
                "foot": "{Side}ToeBase",
            }
        ),
    },
    feet_follow_legs=True,
    foot_pitch=np.radians(
        -10.0
    ),  # otherwise feet on the ground point 10° down, unlike in the AMC files of the same people
    has_still_collars=True,  # collars left out: here they are a constant that differs by 0.3 rad between actors
)

MOTION_BUILDER_T_POSE = replace(MOTION_BUILDER, foot_pitch=0.0)

MAX = Rig(
    joints={
        "pelvis": "Hips",
        "spine1": "lowerback",
        "spine2": "Chest",
        "spine3": "Chest2",
        "neck": "lowerneck",
        "head": "Head",
        **_both_sides(
            {
                "collar": "{Side}Collar",
                "shoulder": "{Side}Shoulder",
                "elbow": "{Side}Elbow",
                "wrist": "{Side}Wrist",
                "hip": "{Side}Hip",
                "knee": "{Side}Knee",
                "ankle": "{Side}Ankle",
                "foot": "{Side}Toe",
            }
        ),
    },
    feet_follow_legs=True,
    has_still_collars=True,
)

DAZ = Rig(
    joints={
        "pelvis": "hip",
        "spine1": "abdomen",
        "spine3": "chest",
        "neck": "neck",
        "head": "head",
        **_both_sides(
            {
                "collar": "{s}Collar",
                "shoulder": "{s}Shldr",
                "elbow": "{s}ForeArm",
                "wrist": "{s}Hand",
                "hip": "{s}Thigh",
                "knee": "{s}Shin",
                "ankle": "{s}Foot",
            }
        ),
    },
    # Its forearms and shins are bent by 17° and 8° in the T-pose, but its recordings never straighten further: the
    # minimum bend of subjects 14 and 135 is larger by these angles here than in their AMC files. So the rotations are
    # right, and the limb lines are not.
    is_reference_straight=True,
    has_still_collars=True,
)

ICLONE = Rig(
    joints={
        "pelvis": "CC_Base_Hip",
        "spine1": "CC_Base_Waist",
        "spine2": "CC_Base_Spine01",
        "spine3": "CC_Base_Spine02",
        "neck": "CC_Base_NeckTwist01",
        "head": "CC_Base_Head",
        **_both_sides(
            {
                "collar": "CC_Base_{S}_Clavicle",
                "shoulder": "CC_Base_{S}_Upperarm",
                "elbow": "CC_Base_{S}_Forearm",
                "wrist": "CC_Base_{S}_Hand",
                "hip": "CC_Base_{S}_Thigh",
                "knee": "CC_Base_{S}_Calf",
                "ankle": "CC_Base_{S}_Foot",
                "foot": "CC_Base_{S}_ToeBase",
            }
        ),
    },
    has_still_collars=True,
)

MESH2MOTION_ADDON = Rig(
    joints={
        "pelvis": "pelvis",
        "spine1": "spine_01",
        "spine2": "spine_02",
        "spine3": "spine_03",
        "neck": "neck_01",
        "head": "head",
        **_both_sides(
            {
                "collar": "clavicle_{s}",
                "shoulder": "upperarm_{s}",
                "elbow": "lowerarm_{s}",
                "wrist": "hand_{s}",
                "hip": "thigh_{s}",
                "knee": "calf_{s}",
                "ankle": "foot_{s}",
                "foot": "ball_{s}",
            }
        ),
    },
    arm_twist=np.radians(43.5),  # its elbows hinge 13.5° from the vertical the other way
)

MESH2MOTION_BASE = Rig(
    joints={
        "pelvis": "DEF-hips",
        "spine1": "DEF-spine.001",
        "spine2": "DEF-spine.002",
        "spine3": "DEF-spine.003",
        "neck": "DEF-neck",
        "head": "DEF-head",
        **_both_sides(
            {
                "collar": "DEF-shoulder.{S}",
                "shoulder": "DEF-upper_arm.{S}",
                "elbow": "DEF-forearm.{S}",
                "wrist": "DEF-hand.{S}",
                "hip": "DEF-thigh.{S}",
                "knee": "DEF-shin.{S}",
                "ankle": "DEF-foot.{S}",
                "foot": "DEF-toe.{S}",
            }
        ),
    },
    is_twist_in_lower_limb=True,
)

FAIR = Rig(
    joints={
        "pelvis": "Hips",
        "spine1": "Spine1",
        "spine2": "Spine2",
        "spine3": "Spine3",
        "neck": "Neck",
        "head": "Head",
        **_both_sides(
            {
                "collar": "{Side}Shoulder",
                "shoulder": "{Side}Arm",
                "elbow": "{Side}ForeArm",
                "wrist": "{Side}Hand",
                "hip": "{Side}UpLeg",
                "knee": "{Side}Leg",
                "ankle": "{Side}Foot",
                "foot": "{Side}ToeBase",
            }
        ),
    },
    world=Z_UP_FRONT_MINUS_Y,
)

X_FRONT = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
"""Rotates file axes with y up and the front along +x to +z front."""

DEEP_MIMIC = Rig(
    joints={
        "pelvis": "root",
        "spine3": "chest",
        "neck": "neck",
        **_both_sides(
            {
                "shoulder": "{side}_shoulder",
                "elbow": "{side}_elbow",
                "wrist": "{side}_wrist",
                "hip": "{side}_hip",
                "knee": "{side}_knee",
                "ankle": "{side}_ankle",
            }
        ),
    },
    world=X_FRONT,
    arm_twist=np.radians(30.0),
)
