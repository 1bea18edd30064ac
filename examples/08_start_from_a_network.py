"""
Start from a network's body
===========================

    python examples/08_start_from_a_network.py

A network that has seen the picture knows things that keypoints do not show. `fit` fuses its body with what the
keypoints say, each as far as it can be trusted. The example writes `start_from_a_network.png` to the current folder.
"""

import numpy as np

from smplify_jax import PredictedBodies, fit, load_body
from smplify_jax.camera.conversions import weak_perspective_in_crop
from smplify_jax.files.images import save_image
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.learn.starts import StartErrors, make_starts
from smplify_jax.media.example_video import FOCAL_LENGTH, IMAGE_SIZE, example_motion
from smplify_jax.pictures.views import contact_sheet

# %%
# Somebody who waves, and their keypoints with four pixels of noise.

body = load_body()
motion = example_motion(body, 8)
truth = motion.parameters([7])
pixels = motion.keypoints_px("openpose25")[7]
keypoints = np.column_stack([pixels + np.random.default_rng(0).normal(0, 4, pixels.shape), np.ones(25)])

# %%
# The network's prediction: a stand-in here, wrong as networks are, by 50 mm or so, mostly along the view. What you
# have is probably SPIN's, VIBE's or HMR2's: rotation matrices, and weak perspective (s, tx, ty) in a square crop of
# the picture.

predicted = make_starts(truth, body, StartErrors(pa_mpjpe_mm=50.0))
center, side = (pixels.min(0) + pixels.max(0)) / 2, 1.2 * float(np.ptp(pixels, axis=0).max())
pred_cam = weak_perspective_in_crop(predicted.transl, center, side, FOCAL_LENGTH, np.array(IMAGE_SIZE) / 2)
pose = np.concatenate([predicted.global_orient, predicted.body_pose], axis=1)
init = PredictedBodies.of(pose=pose).in_crops(pred_cam, center, side)

# %%
# Without it, and with it. `init_error` is its expected PA-MPJPE in mm, or "spin", "vibe", "hmr2".

given = {"layout": "openpose25", "image_size": IMAGE_SIZE, "camera": FOCAL_LENGTH}
results = {
    "keypoints alone": fit(keypoints[None], **given),
    "with the network's body": fit(keypoints[None], init=init, init_error=50.0, **given),
}
joints = {name: np.asarray(result.joints[0]) for name, result in results.items()}
joints = {"the network alone": np.asarray(body.joints(**predicted.blocks()))[0, :24]} | joints
for name, found in joints.items():
    print(f"{name:24s} PA-MPJPE {1000 * pa_mpjpe(found, motion.joints[7]):5.1f} mm")

pictures = [result.overlay(None, keypoints[None], image_size=IMAGE_SIZE, views=["side"]) for result in results.values()]
save_image("start_from_a_network.png", contact_sheet([one[::2, ::2] for one in pictures], 2, labels=list(results)))
