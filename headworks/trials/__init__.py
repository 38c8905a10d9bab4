"""Traffic for a copy of the system, and verdicts on what comes back: `drill`."""
