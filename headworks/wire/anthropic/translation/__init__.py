"""Anthropic's Messages to and from the hub."""

from __future__ import annotations
