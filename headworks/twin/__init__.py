"""The twin: the same stack over vendors made of numbers, on virtual time; it says what a system will do before it does."""
