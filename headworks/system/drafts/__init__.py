"""What `headworks init` writes: a system file, a prompt's file, a first suite."""
