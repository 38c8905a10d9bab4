"""Evaluations: suites of samples, disturbed and judged, with error bars."""
