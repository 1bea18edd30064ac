"""Rotations, the skeleton, left and right, error measures: knows nothing of bodies or files."""
