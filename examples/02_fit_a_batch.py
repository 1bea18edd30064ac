"""
Fit many people at once, and check their statuses
=================================================

Each person of a batch is fitted independently, in one compiled program. A person who cannot be fitted (here, one with
three keypoints) gets a status that says so, and does not affect the others. The example writes `fit_a_batch.npz` and
`fit_a_batch.png` to the current folder.

Run it with `python examples/02_fit_a_batch.py`.
"""

import time

import jax
import numpy as np

from smplify_jax import FitResult, fit, load_body
from smplify_jax.files.images import save_image
from smplify_jax.media.example_video import FOCAL_LENGTH, IMAGE_SIZE, example_motion
from smplify_jax.pictures.overlay import OverlayStyle
from smplify_jax.pictures.views import contact_sheet

BATCH = 16

# %%
# Sixteen moments of somebody who walks on the spot and waves, with two pixels of noise: (B, K, 3) rows of x, y [px],
# confidence. In the last, almost nothing is detected.

pixels = example_motion(load_body(), BATCH).keypoints_px("coco17")
batch = np.dstack([pixels + np.random.default_rng(0).normal(0, 2, pixels.shape), np.ones((BATCH, 17))])
batch[-1, 3:, 2] = 0

# %%
# The first call compiles the program, which takes longer than any fit. Later calls with the same layout and body use
# it again.

for attempt in ("with compilation", "compiled"):
    start = time.perf_counter()
    result = jax.block_until_ready(fit(batch, layout="coco17", image_size=IMAGE_SIZE, camera=FOCAL_LENGTH))
    print(f"{BATCH} people in {time.perf_counter() - start:.2f} s ({attempt})")

# %%
# Look at the statuses before you use anything else. Who was not fitted has NaN in every array.

for index, status in enumerate(result.statuses()):
    error = np.nanmean(result.reprojection_error_px[index]) if status.is_usable else np.nan
    print(f"person {index:2d}: {error:4.1f} px  {status.sentence}")

result.save("fit_a_batch.npz")
print("read back:", len(FitResult.load("fit_a_batch.npz")), "people")

# %%
# Four of them, and the one without a body.

shown = [0, 1, 2, 3, BATCH - 1]
small = OverlayStyle(max_side=320)
pictures = [result[index].overlay(None, batch[index], image_size=IMAGE_SIZE, style=small) for index in shown]
save_image("fit_a_batch.png", contact_sheet(pictures, 5, labels=[result.statuses()[index].name for index in shown]))
