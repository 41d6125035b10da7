"""A claim of the literature in each file, whose name begins with its id."""
