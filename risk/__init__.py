"""Layers, overlay, Tagana coverage, decision, evacuation plan."""
