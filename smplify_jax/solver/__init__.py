"""Minimisers: damped Gauss-Newton and Adam. They know nothing about bodies."""
