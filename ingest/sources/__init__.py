"""One module a feed, all of the same shape."""
