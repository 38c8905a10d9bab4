"""Prompts as programs: what they may be given, what they say with it, and whether an answer fits. Needs the extra `eval`."""
