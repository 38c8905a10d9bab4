"""What arrives: from a shape, a trace or the ledger."""
