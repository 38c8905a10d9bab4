"""What a system file may say: its structs, and the notations of their values."""
