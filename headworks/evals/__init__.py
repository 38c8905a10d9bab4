"""Evaluations: suites of samples, perturbed and judged, with confidence intervals."""
