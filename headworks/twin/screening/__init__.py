"""Limits, and what closed forms say of them before anything runs."""
