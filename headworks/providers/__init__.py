"""Leaves: what answers a call by itself. Each honours the bounds of `call.attempt` and stops at once when it is left."""
