"""SMS gateways that speak HTTP, each described by its entry in the routes file."""
