"""Recorded feeds: served on this machine, and recorded from a live session."""
