"""The offered load, from a shape, a trace or the ledger."""
