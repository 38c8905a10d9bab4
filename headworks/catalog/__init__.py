"""Prices and context windows of vendors' models, as of a date."""
