"""Decisions: synchronous and pure. No I/O, no clock (`now` is a parameter), chance only from a given `random.Random`."""
