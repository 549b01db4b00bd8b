"""BMKG in: one module a feed, the polite HTTP client, feed health, the feed server."""
