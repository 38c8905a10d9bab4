"""How fast a target is, before the ledger knows: priors from public sources, and what `headworks probe` measured."""
