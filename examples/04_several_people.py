"""
Several people in one picture
=============================

People of one picture are the rows of a batch. Here their keypoints are in a file of annotations as COCO has them,
with one person's knee hidden. The bodies are drawn over one another as they stand, nearer ones first. The example
writes `annotations.json` and `several_people.png` to the current folder.

Run it with `python examples/04_several_people.py`.
"""

import json
from dataclasses import replace

import numpy as np

from smplify_jax import fit, load_body, load_keypoints
from smplify_jax.files.images import save_image
from smplify_jax.media.example_video import FOCAL_LENGTH, example_motion
from smplify_jax.pictures.raycast import Shape
from smplify_jax.pictures.studio import Studio, clothes, render_in_studio

WIDTH, HEIGHT = IMAGE_SIZE = (800, 640)

# %%
# Three people to see: one body, at three moments of a motion and at three places. The picture is rendered, so that
# nobody's face is needed.

body = load_body()
motion = example_motion(body, 40)
truth = motion.parameters([0, 14, 39])
truth = replace(truth, transl=truth.transl + np.array([[-1.0, 0, 0.8], [0.1, 0, 0], [1.0, 0, 1.2]], np.float32))
points = np.asarray(body.keypoints(**truth.blocks(), layout="coco17"))
pixels = FOCAL_LENGTH * points[..., :2] / points[..., 2:] + np.array(IMAGE_SIZE) / 2

vertices = np.asarray(body.vertices(**truth.blocks()), np.float64)
faces = np.concatenate([np.asarray(body.faces) + number * vertices.shape[1] for number in range(3)])
crowd = Shape(vertices.reshape(-1, 3), faces, np.tile(clothes(body), (3, 1)))
floor = -float(vertices[..., 1].max())
studio = Studio(IMAGE_SIZE, FOCAL_LENGTH, np.array([0.0, -1.0, 0.0]), floor, shadow_rays=32, shadow_step=4)
picture = render_in_studio(crowd, studio)

# %%
# COCO writes x, y and a visibility for each keypoint: 0 not labelled, 1 hidden, 2 visible.

detected = np.concatenate([pixels + np.random.default_rng(0).normal(0, 2, pixels.shape), np.full((3, 17, 1), 2.0)], -1)
detected[1, 13] = 0
boxes = [[*person[:, :2].min(0), *np.ptp(person[:, :2], axis=0)] for person in pixels]
annotations = [
    {"id": number, "image_id": 1, "category_id": 1, "keypoints": person.ravel().tolist(), "bbox": list(map(float, box))}
    for number, (person, box) in enumerate(zip(detected, boxes, strict=True))
]
images = [{"id": 1, "file_name": "crowd.png", "width": WIDTH, "height": HEIGHT}]
with open("annotations.json", "w") as file:
    json.dump({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}, file)

# %%
# The file knows its layout and the pictures' sizes; `fit` takes it as it is. The camera stands for everybody.

people = load_keypoints("annotations.json")
result = fit(people, camera=FOCAL_LENGTH)
for name, person, status in zip(people.names, result, result.statuses(), strict=True):
    print(
        f"{name}: {float(person.joints[0, 2]):.2f} m from the camera, quality {float(person.quality):.2f}. {status.sentence}"
    )

save_image("several_people.png", result.overlay(picture, people.keypoints, views=["top"]))
