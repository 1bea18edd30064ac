"""
Fit many people at once, and check their statuses
=================================================

    python examples/02_fit_a_batch.py

Each person of a batch is fitted independently, in one compiled program. A person who cannot be fitted (here, one with
three keypoints) gets a status that says so, and does not affect the others. The example writes `fit_a_batch.npz` and
`fit_a_batch.png` to the current folder.
"""

import time

import jax
import numpy as np

from smplify_jax import FitResult, fit, load_keypoints
from smplify_jax.cli.example import EXAMPLE_KEYPOINTS
from smplify_jax.files.images import save_image
from smplify_jax.pictures.views import contact_sheet

IMAGE_SIZE = (512, 640)
BATCH = 16

# %%
# Sixteen detections of the same person with two pixels of noise; in the last, almost nothing is detected.

people = load_keypoints(EXAMPLE_KEYPOINTS)
rng = np.random.default_rng(0)
batch = np.repeat(people.keypoints, BATCH, axis=0)
batch[..., :2] += rng.normal(0, 2, batch[..., :2].shape) * (batch[..., 2:] > 0)
batch[-1, 3:, 2] = 0

# %%
# The first call compiles the program, which takes longer than any fit. Later calls with the same layout and body use
# it again.

for attempt in ("with compilation", "compiled"):
    start = time.perf_counter()
    result = jax.block_until_ready(fit(batch, layout=people.layout, image_size=IMAGE_SIZE))
    print(f"{BATCH} people in {time.perf_counter() - start:.2f} s ({attempt})")

# %%
# Look at the statuses before you use anything else. Who was not fitted has NaN in every array.

for index, status in enumerate(result.statuses()):
    error = np.nanmean(result.reprojection_error_px[index]) if status.is_usable else np.nan
    print(f"person {index:2d}: {error:4.1f} px  {status.sentence}")

usable = np.array([status.is_usable for status in result.statuses()])
deviation = float(np.std(result.joints[usable], axis=0).mean())
print(f"standard deviation of the joints over the batch: {1000 * deviation:.1f} mm")

result.save("fit_a_batch.npz")
print("read back:", len(FitResult.load("fit_a_batch.npz")), "people")

# %%
# Four of them, and the one without a body.

shown = [0, 1, 2, 3, BATCH - 1]
pictures = [result[index].overlay(None, batch[index], image_size=IMAGE_SIZE)[::2, ::2] for index in shown]
save_image("fit_a_batch.png", contact_sheet(pictures, 5, labels=[result.statuses()[index].name for index in shown]))
