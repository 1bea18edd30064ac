"""From cleaned keypoints to a result: the front `fit`, the recipes, the search, the report."""
