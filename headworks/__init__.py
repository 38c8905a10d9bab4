"""Headworks: one file states what an LLM system must promise and how it is built; one stack serves it and predicts it."""

__version__ = "0.1.0"
