"""What is known of vendors' models before they are asked: prices and context windows, as of a date."""
