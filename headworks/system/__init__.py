"""The system file: its structs, how text becomes them, what must hold between them, and its reference."""
