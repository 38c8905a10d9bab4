"""Counts and caches that calls share: in this process, or in a store that several ask. What they promise: `core/state.py`."""
