"""
Which camera, and what its focal length changes
===============================================

Keypoints say little about the focal length, and a wrong one puts people at a wrong distance. Here the same person is
fitted with what you may know of the camera. The example writes `which_camera.png` to the current folder.

Run it with `python examples/12_which_camera.py`.
"""

from dataclasses import replace

import numpy as np

from smplify_jax import Camera, fit, load_body
from smplify_jax.camera.conversions import crop_of_camera, focal_length_from_35mm, points_in_crop
from smplify_jax.files.images import save_image
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.media.example_video import IMAGE_SIZE, example_motion
from smplify_jax.pictures.side_view import SideView
from smplify_jax.pictures.views import contact_sheet
from smplify_jax.result.overlay import body_shapes

# %%
# A phone's wide camera, 26 mm in 35 mm terms: EXIF data say so, and `fit_photo` reads them. The person is 2.2 m away.

focal = float(focal_length_from_35mm(26.0, IMAGE_SIZE))
diagonal = float(np.hypot(*IMAGE_SIZE))
center = np.array(IMAGE_SIZE) / 2
body = load_body()
truth = replace(example_motion(body, 16).parameters(7), transl=np.array([0, 0, 2.2], np.float32))
points = np.asarray(body.keypoints(**truth.blocks(), layout="coco17"))
pixels = focal * points[:, :2] / points[:, 2:] + center
keypoints = np.column_stack([pixels + np.random.default_rng(0).normal(0, 2, pixels.shape), np.ones(17)])
true_joints = np.asarray(body.joints(**truth.blocks()))[:24]

# %%
# A crop has the camera of the crop: its focal length grows with the zoom, and its principal point is not its middle.

box_center, box_side, crop_size = np.array([200.0, 300.0]), 400.0, 224.0
cropped = keypoints.copy()
cropped[:, :2] = points_in_crop(keypoints[:, :2], box_center, box_side, crop_size)
crop_camera = crop_of_camera(Camera(np.full(2, focal), center), box_center, box_side, crop_size)

# %%
# One call fits the person with every camera. Without `camera=`, the picture's diagonal is assumed; "search" tries
# five focal lengths, and takes the one with the lowest energy.

ways = {
    "assumed: the diagonal": (keypoints, Camera(np.full(2, diagonal), center)),
    "known": (keypoints, Camera(np.full(2, focal), center)),
    "twice too long": (keypoints, Camera(np.full(2, 2 * focal), center)),
    "known, in a crop": (cropped, crop_camera),
}
rows, cameras = zip(*ways.values(), strict=True)
sizes = [IMAGE_SIZE] * 3 + [(crop_size, crop_size)]
fits = fit(np.stack(rows), layout="coco17", image_size=sizes, camera=cameras)
results = dict(zip(ways, fits, strict=True))
results["searched for"] = fit(keypoints[None], layout="coco17", image_size=IMAGE_SIZE, camera="search")[0]

print(f"{'focal length':24s}{'px':>6s}{'distance':>10s}{'PA-MPJPE':>11s}")
print(f"{'(the truth)':24s}{focal:6.0f}{true_joints[0, 2]:8.2f} m")
for name, person in results.items():
    error = 1000 * pa_mpjpe(np.asarray(person.joints), true_joints)
    print(f"{name:24s}{float(person.camera.focal_length[0]):6.0f}{float(person.joints[0, 2]):8.2f} m{error:8.0f} mm")

# %%
# All of them fit the keypoints; what changes is how far away the body is. The first three from the side, the camera
# on the left: orange with the known focal length, grey with the assumed one, green with one twice too long.

whole = fits[:3]
side = SideView.of([np.asarray(whole.joints)], 640).draw(body_shapes(list(whole)))
picture = results["known"].overlay(None, keypoints, image_size=IMAGE_SIZE)
save_image(
    "which_camera.png",
    contact_sheet([picture, side], 2, labels=["the keypoints, and a fit", "three fits, from the side"]),
)
