"""Metrics and logs: counted in `metrics.py`, written for Prometheus in `exposition.py`."""
