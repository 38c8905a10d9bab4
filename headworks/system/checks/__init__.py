"""What must hold between the keys of a system file, and between the file and this machine."""
