"""What a plan found: as data, as a page, as pictures."""
