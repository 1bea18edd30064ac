"""How good a fit is: the posterior standard deviation of its joints, and one calibrated score."""
