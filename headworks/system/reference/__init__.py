"""What each key means to its user: for the reference page and for editors."""
