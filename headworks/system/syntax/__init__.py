"""The text of a system file: a tree of nodes that know their place, single values, and what is wrong where."""
