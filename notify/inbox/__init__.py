"""What people send us: kept before it is acknowledged, then handled, and answered at most once."""
