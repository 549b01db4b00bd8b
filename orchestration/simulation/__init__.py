"""A whole night in minutes: made-up people answer the real messages of the real stages."""
