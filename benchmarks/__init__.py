"""Claims and how to refute them, speeds, and damaged files; see README.md."""
