"""Keypoints: their layouts, the files they come in, and which of them count as observations."""
