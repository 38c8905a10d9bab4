"""OpenAI's legacy completions: callers of it, and vendors that have it."""

from __future__ import annotations
