"""Pages of the command centre: complete without scripts, and fresh by themselves with them."""
