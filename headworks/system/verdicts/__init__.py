"""Verdicts on objectives by arithmetic: nothing is measured and nothing runs."""
