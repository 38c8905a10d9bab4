"""Runs of the stack on virtual time, and what they showed."""
