"""OpenAI's Responses: callers of it, vendors of it, and the way to and from the hub."""

from __future__ import annotations
