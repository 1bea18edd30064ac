"""
Which camera, and what its focal length changes
===============================================

    python examples/12_which_camera.py

Keypoints say little about the focal length, and a wrong one puts people at a wrong distance. Here the same person is
fitted with what you may know of the camera. The example writes `which_camera.png` to the current folder.
"""

from dataclasses import replace

import numpy as np

from smplify_jax import Camera, fit, load_body
from smplify_jax.camera.conversions import crop_of_camera, focal_length_from_35mm, points_in_crop
from smplify_jax.files.images import save_image
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.media.example_video import IMAGE_SIZE, example_motion
from smplify_jax.pictures.views import contact_sheet

# %%
# A phone's wide camera, 26 mm in 35 mm terms: EXIF data say so, and `fit_photo` reads them. The person is 2.2 m away.

true_focal = float(focal_length_from_35mm(26.0, IMAGE_SIZE))
diagonal = float(np.hypot(*IMAGE_SIZE))
center = np.array(IMAGE_SIZE) / 2
body = load_body()
motion = example_motion(body, 8)
truth = replace(motion.parameters(7), transl=np.array([0, 0, 2.2], np.float32))
points = np.asarray(body.keypoints(**truth.blocks(), layout="openpose25"))
pixels = true_focal * points[:, :2] / points[:, 2:] + center
keypoints = np.column_stack([pixels + np.random.default_rng(0).normal(0, 2, pixels.shape), np.ones(25)])
true_joints = np.asarray(body.joints(**truth.blocks()))[:24]

# %%
# Not known: the picture's diagonal is assumed. Known; twice too long, as behind a telephoto lens; or searched for:
# five focal lengths are tried.

given = {"layout": "openpose25", "image_size": IMAGE_SIZE}
focal_lengths = {"assumed: the diagonal": diagonal, "known": true_focal, "twice too long": 2 * true_focal}
fits = fit(np.repeat(keypoints[None], 3, axis=0), camera=np.array([*focal_lengths.values()])[:, None], **given)
results = dict(zip(focal_lengths, fits, strict=True)) | {"searched for": fit(keypoints, camera="search", **given)}

# %%
# A crop has the camera of the crop: its focal length grows with the zoom, and its principal point is not its middle.
# The position is then the same as from the whole picture.

box_center, box_side, crop_size = np.array([200.0, 300.0]), 400.0, 224.0
cropped = keypoints.copy()
cropped[:, :2] = points_in_crop(keypoints[:, :2], box_center, box_side, crop_size)
crop_camera = crop_of_camera(Camera(np.full(2, true_focal), center), box_center, box_side, crop_size)
results["known, in a crop"] = fit(cropped, layout="openpose25", image_size=(crop_size, crop_size), camera=crop_camera)

print(f"{'focal length':24s}{'px':>6s}{'distance':>10s}{'PA-MPJPE':>11s}")
print(f"{'(the truth)':24s}{true_focal:6.0f}{true_joints[0, 2]:8.2f} m")
for name, person in results.items():
    error = 1000 * pa_mpjpe(np.asarray(person.joints), true_joints)
    print(f"{name:24s}{float(person.camera.focal_length[0]):6.0f}{float(person.joints[0, 2]):8.2f} m{error:8.0f} mm")

# %%
# All of them fit the keypoints: what changes is seen from the side.

shown = list(focal_lengths)
pictures = [results[name].overlay(None, keypoints, image_size=IMAGE_SIZE, views=["side"])[::2, ::2] for name in shown]
save_image("which_camera.png", contact_sheet(pictures, 3, labels=shown))
