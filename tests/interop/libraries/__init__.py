"""Other libraries' neurons, run in environments of their own and recorded."""
