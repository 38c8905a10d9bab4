"""From a system file to a running stack: `assemble.py` knows the order of layers, `gateway.py` starts and stops it."""
