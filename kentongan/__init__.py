"""The words all parts of Kentongan share: errors, types, time, codes, grid, settings, stores.

Imports nothing of ours.
"""
