"""OpenAI's chat completions to and from the hub."""

from __future__ import annotations
