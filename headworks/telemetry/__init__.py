"""What is read off the records and off the running system: counted by `metrics.py`, shown by `exposition.py`."""
