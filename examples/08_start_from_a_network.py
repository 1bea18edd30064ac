"""
Start from a network's body
===========================

A network that has seen the picture knows things that keypoints do not show. `fit` fuses its body with what the
keypoints say, each as far as it can be trusted. The example writes `start_from_a_network.png` to the current folder.

Run it with `python examples/08_start_from_a_network.py`.
"""

import numpy as np

from smplify_jax import PredictedBodies, fit, load_body
from smplify_jax.camera.conversions import weak_perspective_in_crop
from smplify_jax.files.images import save_image
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.learn.starts import StartErrors, make_starts
from smplify_jax.media.example_video import FOCAL_LENGTH, IMAGE_SIZE, example_motion
from smplify_jax.pictures.overlay import OverlayStyle
from smplify_jax.pictures.views import contact_sheet

# %%
# Sixteen moments of somebody who waves, and their keypoints with four pixels of noise.

body = load_body()
motion = example_motion(body, 16)
truth = motion.parameters(range(16))
pixels = motion.keypoints_px("coco17")
keypoints = np.dstack([pixels + np.random.default_rng(0).normal(0, 4, pixels.shape), np.ones((16, 17))])

# %%
# The network's predictions: stand-ins here, wrong as networks are, by 50 mm or so, mostly along the view. What you
# have is probably SPIN's, VIBE's or HMR2's: rotation matrices, and weak perspective (s, tx, ty) in a square crop of
# the picture.

predicted = make_starts(truth, body, StartErrors(pa_mpjpe_mm=50.0))
low, high = pixels.min(axis=1), pixels.max(axis=1)
center, side = (low + high) / 2, 1.2 * (high - low).max(axis=1)
pred_cam = weak_perspective_in_crop(predicted.transl, center, side, FOCAL_LENGTH, np.array(IMAGE_SIZE) / 2)
pose = np.concatenate([predicted.global_orient, predicted.body_pose], axis=1)
init = PredictedBodies.of(pose=pose).in_crops(pred_cam, center, side)

# %%
# Without them, and with them. `init_error` is their expected PA-MPJPE in mm, or "spin", "vibe", "hmr2".

given = {"layout": "coco17", "image_size": IMAGE_SIZE, "camera": FOCAL_LENGTH}
results = {
    "the keypoints alone": fit(keypoints, **given),
    "both together": fit(keypoints, init=init, init_error=50.0, **given),
}
found = {"the network alone": body.joints(**predicted.blocks())[:, :24]}
found |= {name: result.joints for name, result in results.items()}
for name, joints in found.items():
    errors = [pa_mpjpe(np.asarray(one), true) for one, true in zip(joints, motion.joints, strict=True)]
    print(f"{name:20s} PA-MPJPE {1000 * np.mean(errors):5.1f} mm")

how = {"image_size": IMAGE_SIZE, "views": ["side"], "style": OverlayStyle(max_side=400)}
pictures = [result[7].overlay(None, keypoints[7], **how) for result in results.values()]
save_image("start_from_a_network.png", contact_sheet(pictures, 2, labels=list(results)))
