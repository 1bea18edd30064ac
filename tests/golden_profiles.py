"""What the published recipes make of the packaged example: `python tests/golden_profiles.py` writes the numbers that tests compare with.

To be run when a recipe, the body, the prior or the example was changed on purpose.
"""

import json
from pathlib import Path

import numpy as np

from smplify_jax import FitResult, fit, load_keypoints
from smplify_jax.cli.example import EXAMPLE_KEYPOINTS
from smplify_jax.learn.example import IMAGE_SIZE

GOLDEN = Path(__file__).parent / "data" / "golden_profiles.json"
PROFILES = ("smplify2016", "spin", "plain")
PARAMETERS = ("global_orient", "body_pose", "betas", "transl")


def fit_example(profile: str) -> FitResult:
    """The example as a user without a camera would fit it; in a batch of two, which other tests have programs for."""
    keypoints = load_keypoints(EXAMPLE_KEYPOINTS)
    both = np.stack([keypoints.keypoints[0]] * 2)
    return fit(both, layout=keypoints.layout, image_size=IMAGE_SIZE, profile=profile)[0]


def numbers(result: FitResult) -> dict[str, list[float] | float]:
    """What is kept of a fit, rounded to what float32 can repeat."""
    kept = {name: np.round(np.asarray(getattr(result, name), float), 4).tolist() for name in PARAMETERS}
    return {**kept, "cost": round(float(result.cost), 3)}


if __name__ == "__main__":
    golden = {profile: numbers(fit_example(profile)) for profile in PROFILES}
    GOLDEN.write_text(json.dumps(golden) + "\n")
