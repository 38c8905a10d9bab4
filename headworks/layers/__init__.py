"""Layers: a policy plus its awaits, one a file. Their order is known in `gateway/assemble.py` only."""
