"""What several studies have in common: data, networks, training."""
