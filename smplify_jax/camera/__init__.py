"""The pinhole camera, the forms a caller may give it in, crops and conversions, observations, depth from limb lengths."""
