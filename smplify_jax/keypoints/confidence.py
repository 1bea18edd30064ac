"""What a keypoint's confidence says: how exact it is beside the person's other keypoints.

A keypoint whose error has standard deviation σ, on a person whose keypoints have σ₀ in the middle, has confidence

    c = MIDDLE_CONFIDENCE − CONFIDENCE_SLOPE · log(σ / σ₀),   from 0.2 to 1.

The networks are trained on detectors that say so, and `smplify_jax.detectors.confidence` makes such confidences of real detectors' scores.
"""

MIDDLE_CONFIDENCE, CONFIDENCE_SLOPE = 0.8, 0.3
