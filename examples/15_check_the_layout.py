"""
Is the layout right?
====================

Keypoints in a wrong order fit badly, or worse, fit well and mean something else. Look before you fit:
`draw_keypoints` shows which point of the body each keypoint is taken for. In a shell, `smplify-fit FILE --check` does
the same. The example writes `right_layout.png` and `wrong_layout.png` to the current folder.

Run it with `python examples/15_check_the_layout.py`.
"""

import numpy as np

from smplify_jax import LAYOUTS, Layout, load_keypoints
from smplify_jax.cli.example import EXAMPLE_KEYPOINTS, EXAMPLE_PICTURE
from smplify_jax.files.images import load_image, save_image
from smplify_jax.pictures.keypoint_check import draw_keypoints

picture, people = load_image(EXAMPLE_PICTURE), load_keypoints(EXAMPLE_KEYPOINTS)
keypoints = people.keypoints[0]
print(f"the file says that its {len(keypoints)} keypoints are {people.layout}")
print("layouts of as many keypoints:", *(name for name, one in LAYOUTS.items() if one.num_keypoints == len(keypoints)))

# %%
# The right layout: lines follow the limbs, blue is the person's left.

save_image("right_layout.png", draw_keypoints(keypoints, people.layout, picture))

# %%
# Another layout of 25 keypoints: lines leave the body.

save_image("wrong_layout.png", draw_keypoints(keypoints, "openpose25b", picture))

# %%
# A layout of your own is a list of names, and of the points of the body that each stands for. These are the arms
# alone.

arms = ("left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist")
layout = Layout("arms", arms, tuple((name,) for name in arms))
chosen = [LAYOUTS[people.layout].index(name) for name in arms]
print(
    f"{layout.name}: {np.isfinite(keypoints[chosen]).all(axis=1).sum()} keypoints; mirrored, they are numbers {layout.flip}"
)
