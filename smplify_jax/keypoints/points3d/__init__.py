"""Files of points in space: each format in a file of its own, and how they become metres in a world with z up."""
