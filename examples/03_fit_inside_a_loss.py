"""
Differentiate through fits: learn what each keypoint is worth
=============================================================

A detector places one keypoint wrongly, always in the same direction. The loss is the distance of the fitted joints
from the true ones, and its gradient flows through the fits to weights, one for each keypoint. The wrong keypoint
loses its weight. The example writes `keypoint_weights.npz` and `keypoint_weights.png` to the current folder.

Run it with `python examples/03_fit_inside_a_loss.py`.
"""

import jax
import jax.numpy as jnp
import numpy as np

from smplify_jax import fit, get_layout, load_keypoints, prepare_solve, solve
from smplify_jax.cli.example import EXAMPLE_KEYPOINTS, EXAMPLE_PICTURE
from smplify_jax.files.images import load_image, save_image

IMAGE_SIZE = (512, 640)
BATCH, NUM_STEPS, LEARNING_RATE = 4, 8, 0.5

people = load_keypoints(EXAMPLE_KEYPOINTS)
problem = prepare_solve(layout=people.layout)
names = get_layout(people.layout).keypoint_names
wrong = names.index("left_wrist")

# %%
# Four detections of the same person with two pixels of noise; the left wrist is 25 pixels too high. The fits should
# find the joints that they find from the detection without these errors.

rng = np.random.default_rng(0)
batch = np.repeat(people.keypoints[:1], BATCH, axis=0)
batch[..., :2] += rng.normal(0, 2, batch[..., :2].shape)
batch[:, wrong, 1] -= 25
truth = fit(people.keypoints[0], layout=people.layout, image_size=IMAGE_SIZE).joints

# %%
# `solve` is the fit as a function that JAX can trace: its derivatives are those of the optimum. `valid` says for whom
# they hold.


def loss(log_weights, problem):
    """Mean squared distance of the fitted joints from the true ones, relative to the pelvis [m^2]."""
    weights = jnp.broadcast_to(jnp.exp(log_weights), batch.shape[:2])
    solution = solve(problem, batch, image_size=IMAGE_SIZE, keypoint_weights=weights)
    error = (solution.joints - solution.joints[:, :1]) - (truth - truth[:1])
    return jnp.mean(jnp.sum(error**2, axis=(1, 2)) * solution.valid)


step = jax.jit(jax.value_and_grad(loss))
log_weights = jnp.zeros(len(names))
for number in range(NUM_STEPS):
    value, slope = step(log_weights, problem)
    print(f"step {number}: {1e3 * np.sqrt(value / 24):5.1f} mm per joint")
    log_weights -= LEARNING_RATE * slope / jnp.max(jnp.abs(slope))

# %%
# The smallest weights, and the first of the detections, each disc as large as its keypoint's weight.

weights = np.exp(log_weights)
for index in np.argsort(weights)[:3]:
    print(f"{names[index]:15s} weight {weights[index]:.2f}")
np.savez("keypoint_weights.npz", **dict(zip(names, weights, strict=True)))

weighted = batch[0].copy()
weighted[:, 2] *= np.minimum(weights, 1)
result = fit(batch[0] * (weights > 0.3)[:, None], layout=people.layout, image_size=IMAGE_SIZE)
save_image("keypoint_weights.png", result.overlay(load_image(EXAMPLE_PICTURE), weighted))
