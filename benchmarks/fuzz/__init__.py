"""What damaged files do to the readers."""
