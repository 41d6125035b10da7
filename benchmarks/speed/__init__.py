"""How long things take, and beside what."""
