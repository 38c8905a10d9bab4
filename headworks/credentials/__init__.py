"""What signs requests to vendors whose keys change: refreshed in the background, never while a call waits."""
