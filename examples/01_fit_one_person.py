"""
Fit one person, and draw the body over the picture
==================================================

Start here. The example reads OpenPose's detections for the picture that comes with the library, fits the open body,
and writes `fit_one_person.png` to the current folder. Replace the two paths with your own files.

Run it with `python examples/01_fit_one_person.py`.
"""

import numpy as np

from smplify_jax import fit, load_keypoints
from smplify_jax.cli.example import EXAMPLE_KEYPOINTS, EXAMPLE_PICTURE
from smplify_jax.files.images import load_image, save_image

picture = load_image(EXAMPLE_PICTURE)
people = load_keypoints(EXAMPLE_KEYPOINTS)
height, width = picture.shape[:2]

# %%
# One person is a row x, y [px], confidence for each keypoint. Without a camera, the focal length is taken to be the
# picture's diagonal.

result = fit(people.keypoints[0], layout=people.layout, image_size=(width, height))

print(result.statuses()[0].sentence)
print(f"mean reprojection error: {float(np.nanmean(result.reprojection_error_px)):.1f} px")
print(f"quality, the probability that the joints are right to 80 mm: {float(result.quality):.2f}")
print("position in the camera frame [m]:", np.round(result.transl, 2))
print("betas:", np.round(result.betas, 1))

# %%
# The body over the picture, and from the side, where its depth shows. Dots are detections, crosses the fitted
# keypoints; blue is the person's left.

save_image("fit_one_person.png", result.overlay(picture, people.keypoints[0], views=["side"]))
