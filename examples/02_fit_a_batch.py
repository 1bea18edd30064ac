"""Fit many people at once, check their statuses, and save the results.

    python examples/02_fit_a_batch.py

Each person in a batch is fitted independently, in one compiled program. A person who cannot be fitted (here, one with
three keypoints) gets a status that says so, and does not affect the others. The example writes `fit_a_batch.npz` to the
current folder.
"""

import time

import jax
import numpy as np

from smplify_jax import FitResult, fit, load_keypoints
from smplify_jax.cli.example import EXAMPLE_KEYPOINTS

IMAGE_SIZE = (512, 640)
BATCH = 16

# Sixteen detections of the same person with two pixels of noise; in the last, almost nothing is detected.
people = load_keypoints(EXAMPLE_KEYPOINTS)
rng = np.random.default_rng(0)
batch = np.repeat(people.keypoints, BATCH, axis=0)
batch[..., :2] += rng.normal(0, 2, batch[..., :2].shape) * (batch[..., 2:] > 0)
batch[-1, 3:, 2] = 0

for attempt in ("with compilation", "compiled"):
    start = time.perf_counter()
    result = jax.block_until_ready(fit(batch, layout=people.layout, image_size=IMAGE_SIZE))
    print(f"{BATCH} people in {time.perf_counter() - start:.2f} s ({attempt})")

for index, status in enumerate(result.statuses()):
    error = np.nanmean(result.reprojection_error_px[index]) if status.is_usable else np.nan
    print(f"person {index:2d}: {error:4.1f} px  {status.sentence}")

usable = np.array([status.is_usable for status in result.statuses()])
print(
    "standard deviation of the joints over the batch [mm]:",
    round(1000 * float(np.std(result.joints[usable], axis=0).mean()), 1),
)

result.save("fit_a_batch.npz")
print("read back:", len(FitResult.load("fit_a_batch.npz")), "people")
