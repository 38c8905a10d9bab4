"""Simulation runs of the stack on virtual time, and their measurements."""
