"""
A report page for browsers
==========================

`report` writes one HTML file that needs no network: the body in 3D, to be turned, over its picture, with errors,
uncertainties, costs and warnings in words. The example writes `report.html` and `report_page.png` to the current
folder.

Run it with `python examples/11_report_page.py`.
"""

from pathlib import Path

import numpy as np

from smplify_jax import fit, load_keypoints
from smplify_jax.cli.example import EXAMPLE_KEYPOINTS, EXAMPLE_PICTURE
from smplify_jax.files.images import load_image, save_image

picture, people = load_image(EXAMPLE_PICTURE), load_keypoints(EXAMPLE_KEYPOINTS)
result = fit(people, image_size=picture.shape[1::-1])

result.report(
    "report.html", images=picture, keypoints=people.keypoints, names=people.names, title="The packaged example"
)
print(f"report.html: {Path('report.html').stat().st_size / 1e6:.1f} MB")

# %%
# For a motion give `images=` one per frame and `fps=`; the page then plays it. In a shell, `smplify-fit photo.jpg
# --report report.html` does the same.
#
# For a slide or a paper, `overlay` puts the same views into one picture: over the photo, from the side and from
# above.

save_image("report_page.png", result.overlay(picture, people.keypoints, views=["side", "top"]))
error = np.asarray(result.reprojection_error_px[0])
print(f"{np.isfinite(error).sum()} of {len(error)} keypoints were detected; the worst is {np.nanmax(error):.1f} px off")
