"""The ledger: the journal of all calls, and the store that is indexed from it."""
