"""How good a fit is: the spread of its joints, and one calibrated number."""
