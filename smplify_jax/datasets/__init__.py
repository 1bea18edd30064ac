"""Datasets: people read from the formats that trainers have, one by one."""
