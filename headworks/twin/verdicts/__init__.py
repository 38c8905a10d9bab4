"""Runs held against objectives."""
