"""Sensitivity analysis and the search for remedies."""
