"""The exposure operator: compiled once from shapes and people, then laid under every hazard."""
