"""Whole datasets: people in from the formats in use, fits out in the formats that trainers read, and a store of the best fits."""
