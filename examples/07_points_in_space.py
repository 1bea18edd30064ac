"""
Points in space to a body
=========================

Triangulated keypoints, joints of a depth camera, or another program's body: `fit_points` finds the body from points,
in any frame. The example writes `points_in_space.png` and `points_in_space.obj` to the current folder.

Run it with `python examples/07_points_in_space.py`.
"""

import numpy as np

from smplify_jax import fit_points, get_layout, load_body
from smplify_jax.files.images import save_image
from smplify_jax.media.example_video import example_motion
from smplify_jax.pictures.overlay import Marks, draw_overlay
from smplify_jax.pictures.palette import BODY_COLOR
from smplify_jax.pictures.raycast import Shape
from smplify_jax.pictures.views import contact_sheet

# %%
# SMPL's 24 joints as another program found them, with a centimetre of noise along each axis, in a world whose z
# points up. Two of them are missing.

body = load_body()
motion = example_motion(body, 16)
in_camera = np.asarray(body.keypoints(**motion.parameters(7).blocks(), layout="smpl24"))
world_from_camera = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
points = in_camera @ world_from_camera.T + np.random.default_rng(0).normal(0, 0.01, in_camera.shape)
points = np.column_stack([points, np.ones(24)])  # x, y, z [m], confidence
names = get_layout("smpl24").keypoint_names
points[[names.index("left_knee"), names.index("head")], 3] = 0

# %%
# Points show the scale, so nothing is a guess but what they do not show. Give `scale="free"` if their unit is not
# known, and `fps=` if they move.

result = fit_points(points, layout="smpl24")
errors_mm = 1000 * np.asarray(result.point_errors)
print(f"points: {np.nanmean(errors_mm):.0f} mm from those of the body; not given: {np.isnan(errors_mm).sum()}")
true_joints = motion.joints[7] @ world_from_camera.T
print(f"joints: {1000 * np.linalg.norm(result.joints - true_joints, axis=-1).mean():.0f} mm from the true ones")
result.export("points_in_space.obj")

# %%
# The body with the given points, from the front, from the side and from above.

SIZE, FOCAL = (260, 380), np.full(2, 720.0)
views = {
    "front": [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
    "side": [[0, 1, 0], [0, 0, -1], [-1, 0, 0]],
    "above": np.diag([1, -1, -1]),
}
middle, pictures = points[points[:, 3] > 0, :3].mean(axis=0), []
for turn in views.values():
    seen = (points[:, :3] - middle) @ np.transpose(turn) + (0, 0, 4.2)
    vertices = (np.asarray(result.vertices()) - middle) @ np.transpose(turn) + (0, 0, 4.2)
    detected = np.column_stack([FOCAL * seen[:, :2] / seen[:, 2:] + np.array(SIZE) / 2, points[:, 3]])
    shape = Shape(vertices, np.asarray(body.faces), BODY_COLOR)
    pictures.append(draw_overlay(SIZE, FOCAL, np.array(SIZE) / 2, [shape], [Marks(names, detected)]))
save_image("points_in_space.png", contact_sheet(pictures, 3, labels=list(views)))
