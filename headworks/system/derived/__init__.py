"""What follows from a system and where it runs: proxies, paths of its records, prefill, values to be masked."""
