"""
Whom to trust: quality and uncertainty
======================================

    python examples/13_whom_to_trust.py

A fit always gives a body. `quality` is the probability that it is right, and `joints_std` says which of its joints
are certain. The example writes `whom_to_trust.png` to the current folder.
"""

import numpy as np

from smplify_jax import fit, load_keypoints
from smplify_jax.cli.example import EXAMPLE_KEYPOINTS, EXAMPLE_PICTURE, load_example_truth
from smplify_jax.files.images import load_image, save_image
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.pictures.views import contact_sheet

# %%
# The same person as a good detector sees them, as a poor one does, and with everything below the hips outside the
# picture.

picture, people = load_image(EXAMPLE_PICTURE), load_keypoints(EXAMPLE_KEYPOINTS)
names = ("good", "noisy", "upper body alone")
keypoints = np.repeat(people.keypoints, len(names), axis=0)
keypoints[1, :, :2] += np.random.default_rng(3).normal(0, 22, (25, 2)) * (keypoints[1, :, 2:] > 0)
keypoints[2, keypoints[2, :, 1] > 330] = 0
result = fit(keypoints, layout=people.layout, image_size=picture.shape[1::-1])

# %%
# `joints_std` is along x, y and depth: one view says little about depth. Use `quality` to choose fits, or as a weight
# of labels.

truth = load_example_truth().joints
joints = [SMPL_JOINT_NAMES.index(name) for name in ("pelvis", "left_hand", "left_foot")]
print(f"{'':18s}quality  error    standard deviation in depth [mm]: pelvis, left hand, left foot")
for name, person in zip(names, result, strict=True):
    error = 1000 * pa_mpjpe(np.asarray(person.joints), truth)
    depth = 1000 * np.asarray(person.joints_std)[joints, 2]
    print(f"{name:18s}{float(person.quality):7.2f}{error:5.0f} mm" + "".join(f"{value:9.0f}" for value in depth))

good = result[result.quality > 0.5]
print(f"kept: {len(good)} of {len(result)}")

# %%
# Bodies in the colours of their uncertainty: blue where joints are certain, vermilion where their standard deviation
# is 10 cm.

pictures = [
    person.overlay(picture, rows, color="uncertainty", views=["side"])
    for person, rows in zip(result, keypoints, strict=True)
]
labels = [f"{name}: quality {float(person.quality):.2f}" for name, person in zip(names, result, strict=True)]
save_image("whom_to_trust.png", contact_sheet([one[::2, ::2] for one in pictures], 3, labels=labels))
