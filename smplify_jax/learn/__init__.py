"""Build what the package ships: the open body, the pose prior, the example."""
