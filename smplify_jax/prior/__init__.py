"""The pose prior: a mixture of Gaussians over the body's joint rotations, and its files."""
