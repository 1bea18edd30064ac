"""
Whom to trust: quality and uncertainty
======================================

A fit always gives a body. `quality` is the probability that it is right, and `joints_std` says which of its joints
are certain. The example writes `whom_to_trust.png` to the current folder.

Run it with `python examples/13_whom_to_trust.py`.
"""

import numpy as np

from smplify_jax import fit, load_body
from smplify_jax.files.images import save_image
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.media.example_video import FOCAL_LENGTH, IMAGE_SIZE, example_motion
from smplify_jax.pictures.overlay import OverlayStyle
from smplify_jax.pictures.views import contact_sheet

# %%
# The same person as a good detector sees them, as a poor one does, and with everything below the hips hidden.

motion = example_motion(load_body(), 16)
picture = next(motion.frames()).image
pixels = motion.keypoints_px("coco17")[0]
rng = np.random.default_rng(3)
detected = {name: pixels + rng.normal(0, noise, pixels.shape) for name, noise in (("good", 2), ("noisy", 30))}
detected["upper body alone"] = detected["good"]
keypoints = np.dstack([np.stack([*detected.values()]), np.ones((3, 17))])
keypoints[2, 13:] = 0  # knees and ankles
result = fit(keypoints, layout="coco17", image_size=IMAGE_SIZE, camera=FOCAL_LENGTH)

# %%
# `joints_std` is along x, y and depth: one view says little about depth. Use `quality` to choose fits, or as a weight
# of labels.

joints = [SMPL_JOINT_NAMES.index(name) for name in ("pelvis", "left_hand", "left_foot")]
print(f"{'':18s}quality   error    standard deviation in depth [mm]: pelvis, left hand, left foot")
for name, person in zip(detected, result, strict=True):
    error = 1000 * pa_mpjpe(np.asarray(person.joints), motion.joints[0])
    depth = 1000 * np.asarray(person.joints_std)[joints, 2]
    print(f"{name:18s}{float(person.quality):7.2f}{error:6.0f} mm" + "".join(f"{value:9.0f}" for value in depth))

print(f"kept: {len(result[result.quality > 0.7])} of {len(result)}")

# %%
# Bodies in the colours of their uncertainty: blue where joints are certain, vermilion where their standard deviation
# is 10 cm.

pictures, labels, small = [], [], OverlayStyle(max_side=320)
for name, person, rows in zip(detected, result, keypoints, strict=True):
    pictures.append(person.overlay(picture, rows, color="uncertainty", views=["side"], style=small))
    labels.append(f"{name}: quality {float(person.quality):.2f}")
save_image("whom_to_trust.png", contact_sheet(pictures, 3, labels=labels))
