"""The pinhole camera, what a caller may give for one, crops and conversions, observations, depth from limbs."""
