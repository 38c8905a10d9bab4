"""Prompts as programs: their variables, their templates, and the schema of their answers. Needs the extra `eval`."""
