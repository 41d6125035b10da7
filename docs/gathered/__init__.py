"""Pages that are made from something else: docstrings, help texts, results."""
