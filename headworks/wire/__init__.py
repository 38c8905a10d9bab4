"""Dialects: bytes to structs and back, incremental, without I/O, clock or log. The only place that knows vendors' words."""
