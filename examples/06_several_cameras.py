"""
Several cameras see one person
==============================

One picture does not say how far away a hand is; a second camera does. `fit_views` fits one body to the pictures of
all cameras at once. The example writes `several_cameras.png` to the current folder.

Run it with `python examples/06_several_cameras.py`.
"""

import numpy as np

from smplify_jax import fit, fit_views, load_body
from smplify_jax.camera.calibrated import calibrated_camera
from smplify_jax.files.images import save_image
from smplify_jax.geometry.metrics import mpjpe
from smplify_jax.media.example_video import FOCAL_LENGTH, IMAGE_SIZE, example_motion
from smplify_jax.pictures.overlay import OverlayStyle
from smplify_jax.pictures.views import contact_sheet

# %%
# Two calibrated cameras, x_cam = R X + t. The world is the frame of the first; the second stands to the person's left
# and looks at them. For your own, `load_calibration` reads the files of Qualisys, Pose2Sim, Anipose, OpenCV and
# others.

matrix = [[FOCAL_LENGTH, 0, IMAGE_SIZE[0] / 2], [0, FOCAL_LENGTH, IMAGE_SIZE[1] / 2], [0, 0, 1]]
quarter_turn = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], float)
middle = np.array([0, 0, 4.0])  # where the person stands, 4 m before both
cameras = [
    calibrated_camera(matrix=matrix, rotation=turn, translation=middle - turn @ middle, name=name)
    for name, turn in (("front", np.eye(3)), ("side", quarter_turn))
]

# %%
# What they see: a person who waves, with three pixels of noise.

body = load_body()
motion = example_motion(body, 16)
truth = motion.parameters(7)
world = np.asarray(body.keypoints(**truth.blocks(), layout="coco17"))
rng = np.random.default_rng(1)
views = []
for camera in cameras:
    rows = (world @ camera.rotation.T + camera.translation) @ camera.matrix.T
    views.append(np.column_stack([rows[:, :2] / rows[:, 2:] + rng.normal(0, 3, (17, 2)), np.ones(17)]))

# %%
# The front camera alone, and both.

one = fit(views[0], layout="coco17", image_size=IMAGE_SIZE, camera=FOCAL_LENGTH)
both = fit_views(views, cameras, layout="coco17")
for name, result in (("one camera", one), ("two cameras", both)):
    print(f"{name}: the joints are {1000 * mpjpe(np.asarray(result.joints), motion.joints[7]):.0f} mm off on average")

# %%
# `in_view` is the body as one camera sees it. A fit to the front camera alone looks right from the front.

given = {"image_size": IMAGE_SIZE, "views": ["side"], "style": OverlayStyle(max_side=320)}
pictures = [one.overlay(None, views[0], **given)]
pictures += [both.in_view(view).overlay(None, views[view], **given) for view in (0, 1)]
labels = ["front camera alone, and from its right", "both, seen by the front camera", "both, seen by the side camera"]
save_image("several_cameras.png", contact_sheet(pictures, 3, labels=labels))
