"""What each page shows, made from what the ports give."""
