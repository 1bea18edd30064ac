"""
Your own SMPL file, women, men and children
===========================================

`load_body` reads SMPL, SMPL-H and SMPL-X files, and has open bodies of women, of men and of all ages. A body goes to
`fit` as `body=`. The example writes `SMPL_NEUTRAL.npz`, `other_bodies.png` and `child.png` to the current folder.

Run it with `python examples/14_other_bodies.py`.
"""

from dataclasses import replace

import numpy as np

from smplify_jax import fit, load_body, save_body
from smplify_jax.body.ages import betas_at_age
from smplify_jax.files.images import save_image
from smplify_jax.media.example_video import FOCAL_LENGTH, IMAGE_SIZE, example_motion
from smplify_jax.pictures.overlay import OverlayStyle
from smplify_jax.pictures.palette import BODY_COLOR
from smplify_jax.pictures.views import contact_sheet, render_views

# %%
# The file of a body: yours is probably named like this one, which is the open body in SMPL's format. Reading executes
# nothing in it.

save_body("SMPL_NEUTRAL.npz")
body = load_body("SMPL_NEUTRAL.npz")
print(f"{body.name}: {len(body.v_template)} vertices, {len(body.joint_names)} joints")


# %%
# Open bodies, each with a shape space of its own: betas of one mean nothing on another.


def at_rest(body, betas):
    """The vertices of the T-pose, on the floor."""
    vertices = np.asarray(body.v_template) + np.asarray(body.shapedirs) @ betas
    return vertices - vertices.min(axis=0) * (0, 1, 0)


children = load_body(all_ages=True)
shapes = {
    "neutral": at_rest(load_body(), np.zeros(10)),
    "woman": at_rest(load_body(gender="female"), np.zeros(10)),
    "man": at_rest(load_body(gender="male"), np.zeros(10)),
} | {f"{years} years": at_rest(children, betas_at_age(years)) for years in (3, 7, 12)}
pictures, labels = [], []
for name, vertices in shapes.items():
    pictures += render_views(
        vertices, np.asarray(body.faces), (20,), (190, 200), height=1.9, center=np.array([0, 0.9, 0]), color=BODY_COLOR
    )
    labels.append(f"{name}: {vertices[:, 1].max():.2f} m")
save_image("other_bodies.png", contact_sheet(pictures, 6, labels=labels))

# %%
# A child of seven before a camera of known focal length, fitted with the body of adults and with that of all ages.

motion = example_motion(children, 16)
truth = replace(motion.parameters(7), betas=betas_at_age(7))
points = np.asarray(children.keypoints(**truth.blocks(), layout="coco17"))
pixels = FOCAL_LENGTH * points[:, :2] / points[:, 2:] + np.array(IMAGE_SIZE) / 2
keypoints = np.column_stack([pixels + np.random.default_rng(0).normal(0, 2, pixels.shape), np.ones(17)])[None]

given = {"layout": "coco17", "image_size": IMAGE_SIZE, "camera": FOCAL_LENGTH}
fitted = {"adults": fit(keypoints, **given)[0], "all ages": fit(keypoints, body=children, **given)[0]}
for name, person in fitted.items():
    stature = at_rest(person.body, np.asarray(person.betas))[:, 1].max()
    print(f"body of {name:8s}: {stature:.2f} m tall, {float(person.joints[0, 2]):.2f} m away")
stature, away = shapes["7 years"][:, 1].max(), float(children.joints(**truth.blocks())[0, 2])
print(f"the child       : {stature:.2f} m tall, {away:.2f} m away")

how = {"image_size": IMAGE_SIZE, "views": ["side"], "style": OverlayStyle(max_side=400)}
pictures = [one.overlay(None, keypoints, **how) for one in fitted.values()]
save_image("child.png", contact_sheet(pictures, 2, labels=[f"body of {name}" for name in fitted]))
