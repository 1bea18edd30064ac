"""From cleaned keypoints to a result: the entry point `fit`, the profiles, the search, the per-person report."""
