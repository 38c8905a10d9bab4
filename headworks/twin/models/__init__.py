"""What targets are like: their speed, failures and prices, as written, assumed or fitted to the ledger."""
