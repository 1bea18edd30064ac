"""Whole data sets: read people from common formats, write fits in the formats that trainers read, keep a store of the best fits."""
