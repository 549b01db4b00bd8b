"""Measurements against peers and limits: `python -m benchmarks [NAME]`, one JSON object a line."""
