"""
Follow a person through a video
===============================

`fit_sequence` fits all frames of a person together: one shape, and a body that moves as people do. Frames help each
other, and those in which nobody was found are filled in. The example writes `video.glb`, a mesh that moves, and
`video.png` to the current folder.

Run it with `python examples/05_follow_a_video.py`.
"""

import numpy as np

from smplify_jax import fit, fit_sequence, load_body
from smplify_jax.files.images import save_image
from smplify_jax.media.example_video import FOCAL_LENGTH, FRAME_RATE, IMAGE_SIZE, example_motion
from smplify_jax.pictures.overlay import OverlayStyle
from smplify_jax.pictures.views import contact_sheet

FPS = FRAME_RATE / 2

# %%
# The keypoints of somebody who walks on the spot and waves, in every second frame, with four pixels of noise. In
# frames 3 and 4 nobody was found.

motion = example_motion(load_body(), 16)
exact, true_joints = motion.keypoints_px("coco17")[::2], motion.joints[::2]
keypoints = np.dstack([exact + np.random.default_rng(0).normal(0, 4, exact.shape), np.ones((len(exact), 17))])
keypoints[3:5] = 0

# %%
# Once frame by frame, and once together.

alone = fit(keypoints, layout="coco17", image_size=IMAGE_SIZE, camera=FOCAL_LENGTH)
track = fit_sequence(keypoints, layout="coco17", fps=FPS, image_size=IMAGE_SIZE, camera=FOCAL_LENGTH)


def error_mm(joints):
    """Mean distance of the joints from the true ones in each frame, pelvis on pelvis [mm]."""
    offsets = (joints - joints[:, :1]) - (true_joints - true_joints[:, :1])
    return 1000 * np.linalg.norm(offsets, axis=-1).mean(axis=1)


print("frame   alone  together")
for frame, errors in enumerate(zip(error_mm(alone.joints), error_mm(track.joints), track.statuses(), strict=True)):
    print("{:5d}  {:6.1f}  {:8.1f}  {}".format(frame, *errors[:2], errors[2].name))
seen = keypoints[:, 0, 2] > 0
means = [error_mm(result.joints)[seen].mean() for result in (alone, track)]
print("seen   {:6.1f}  {:8.1f}  on average".format(*means))

track.export("video.glb", fps=FPS)

# %%
# Above frame by frame, below together.

shown, small = (2, 3, 5, 7), OverlayStyle(max_side=220)
pictures = [
    result[frame].overlay(None, keypoints[frame], image_size=IMAGE_SIZE, style=small)
    for result in (alone, track)
    for frame in shown
]
labels = [f"frame {frame}, {way}" for way in ("alone", "together") for frame in shown]
save_image("video.png", contact_sheet(pictures, len(shown), labels=labels))
