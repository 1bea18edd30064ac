"""Damped Gauss-Newton. Knows nothing about bodies."""
