"""Adapters to programs that find people's keypoints in pictures."""
