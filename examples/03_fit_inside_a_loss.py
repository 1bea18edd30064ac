"""Differentiate through fits: learn how much each keypoint of a detector is worth.

    python examples/03_fit_inside_a_loss.py

A detector places one keypoint wrongly, always in the same direction. The loss is the distance of the fitted joints from the
true ones, and its gradient flows through the fits to seventeen weights, one for each keypoint. The wrong keypoint loses its weight.
The example writes `keypoint_weights.npz` to the current folder.
"""

import jax
import jax.numpy as jnp
import numpy as np

from smplify_jax import get_layout, load_keypoints, prepare_solve, solve
from smplify_jax.cli.example import EXAMPLE_KEYPOINTS

IMAGE_SIZE = (512, 640)
BATCH, NUM_STEPS, LEARNING_RATE = 8, 15, 0.3

people = load_keypoints(EXAMPLE_KEYPOINTS)
problem = prepare_solve(layout=people.layout)
names = get_layout(people.layout).keypoint_names
wrong = names.index("left_wrist")

# Eight detections of the same person with two pixels of noise; the left wrist is 25 pixels too high.
rng = np.random.default_rng(0)
batch = np.repeat(people.keypoints[:1], BATCH, axis=0)
batch[..., :2] += rng.normal(0, 2, batch[..., :2].shape)
batch[:, wrong, 1] -= 25
# What the fits should find: those of the detections without errors.
truth = solve(problem, people.keypoints[:1], image_size=IMAGE_SIZE).joints[0]


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
    if number % 5 == 0 or number == NUM_STEPS - 1:
        print(f"step {number:2d}: {1e3 * np.sqrt(value / 24):5.1f} mm per joint")
    log_weights -= LEARNING_RATE * slope / jnp.max(jnp.abs(slope))

weights = np.exp(log_weights)
for index in np.argsort(weights)[:3]:
    print(f"{names[index]:15s} weight {weights[index]:.2f}")
np.savez("keypoint_weights.npz", **dict(zip(names, weights, strict=True)))
