"""Gemini's generateContent to and from the hub."""
