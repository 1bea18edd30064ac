"""The terms of SMPLify's objective, one residual per file, and their sum."""
