"""What to change: the effect of each setting, and remedies."""
