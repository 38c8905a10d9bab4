"""Searches the systems that a file's choices allow: which are worth having, and at what price (`headworks plan --search`)."""
