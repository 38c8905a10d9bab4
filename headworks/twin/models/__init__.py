"""Models of targets: latency, failures and limits, as written, assumed or fitted to the ledger."""
