"""Whole data sets fitted, restartable, on one machine or a cluster."""
