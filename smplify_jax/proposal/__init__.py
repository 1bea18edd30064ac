"""The proposal network: from one person's keypoints to a start for the fit, with its own uncertainty."""
