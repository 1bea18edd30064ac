"""
Your own SMPL file, women, men and children
===========================================

    python examples/14_other_bodies.py

`load_body` reads SMPL, SMPL-H and SMPL-X files, and has open bodies of women, of men and of all ages. A body goes to
`fit` as `body=`. The example writes `SMPL_NEUTRAL.npz`, `other_bodies.png` and `child.png` to the current folder.
"""

from dataclasses import replace

import numpy as np

from smplify_jax import fit, load_body, measure_body, save_body
from smplify_jax.body.ages import betas_at_age
from smplify_jax.files.images import save_image
from smplify_jax.media.example_video import FOCAL_LENGTH, IMAGE_SIZE, example_motion
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

children = load_body(all_ages=True)
shapes = {"neutral": (load_body(), np.zeros(10)), "women": (load_body(gender="female"), np.zeros(10))}
shapes |= {"men": (load_body(gender="male"), np.zeros(10))}
shapes |= {f"{years} years": (children, betas_at_age(years)) for years in (3, 7, 12)}
pictures, labels = [], []
for name, (one, betas) in shapes.items():
    stature = float(measure_body(one, betas, names=["stature"])["stature"].value)
    rest = np.asarray(one.v_template + np.einsum("vck,k->vc", one.shapedirs, betas.astype(np.float32)))
    (picture,) = render_views(
        rest - rest.min(axis=0) * [0, 1, 0],
        np.asarray(one.faces),
        (20,),
        (150, 190),
        height=1.9,
        center=np.array([0, 0.88, 0]),
        color=BODY_COLOR,
    )
    pictures.append(picture)
    labels.append(f"{name}: {stature:.2f} m")
save_image("other_bodies.png", contact_sheet(pictures, 6, labels=labels))

# %%
# A child of seven, 3.8 m from a camera of known focal length, fitted with the adults' body and with that of all ages.

motion = example_motion(children, 8)
truth = replace(motion.parameters(7), betas=betas_at_age(7))
points = np.asarray(children.keypoints(**truth.blocks(), layout="openpose25"))
pixels = FOCAL_LENGTH * points[:, :2] / points[:, 2:] + np.array(IMAGE_SIZE) / 2
keypoints = np.column_stack([pixels + np.random.default_rng(0).normal(0, 2, pixels.shape), np.ones(25)])

given = {"layout": "openpose25", "image_size": IMAGE_SIZE, "camera": FOCAL_LENGTH}
results = {"the adults' body": fit(keypoints, **given), "the body of all ages": fit(keypoints, body=children, **given)}
for name, person in results.items():
    stature = person.measurements(["stature"])["stature"]
    print(
        f"{name}: {stature.value:.2f} m tall ({stature.low:.2f} to {stature.high:.2f}), {float(person.joints[0, 2]):.2f} m away"
    )
true_stature = float(measure_body(children, betas_at_age(7), names=["stature"])["stature"].value)
print(f"the child: {true_stature:.2f} m tall, {float(children.joints(**truth.blocks())[0, 2]):.2f} m away")

pictures = [
    person.overlay(None, keypoints, image_size=IMAGE_SIZE, views=["side"])[::2, ::2] for person in results.values()
]
save_image("child.png", contact_sheet(pictures, 2, labels=list(results)))
