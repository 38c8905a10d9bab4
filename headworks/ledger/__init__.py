"""What happened: the journal, and (with the next release) the store that is indexed from it."""
