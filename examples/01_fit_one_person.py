"""Fit one person, and draw the body over the picture.

    python examples/01_fit_one_person.py

This example reads OpenPose's detections for the picture that comes with the library, fits the open body, and writes
`fit_one_person.png` to the current folder. Replace the two paths with your own files.
"""

import numpy as np

from smplify_jax import fit, load_keypoints
from smplify_jax.cli.example import EXAMPLE_KEYPOINTS, EXAMPLE_PICTURE
from smplify_jax.files.images import load_image, save_image
from smplify_jax.result.overlay import draw_fit

picture = load_image(EXAMPLE_PICTURE)
people = load_keypoints(EXAMPLE_KEYPOINTS)
height, width = picture.shape[:2]

# One person: (K, 3) rows of x, y [px], confidence. Without a camera, the focal length is taken to be the picture's diagonal.
result = fit(people.keypoints[0], layout=people.layout, image_size=(width, height))

print(result.statuses()[0].sentence)
print("mean reprojection error [px]:", round(float(np.nanmean(result.reprojection_error_px)), 1))
print("position in the camera frame [m]:", np.round(result.transl, 2))
print("body shape:", np.round(result.betas, 1))

save_image("fit_one_person.png", draw_fit(result, people.keypoints[0], picture))
print("wrote fit_one_person.png")
