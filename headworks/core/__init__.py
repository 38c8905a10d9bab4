"""Nouns: what a call is, what answers it, what can go wrong. Imports the standard library and msgspec only."""
