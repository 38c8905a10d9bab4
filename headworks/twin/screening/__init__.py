"""Limits, and queueing formulas for them."""
