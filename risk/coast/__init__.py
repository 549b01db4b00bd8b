"""Where a tsunami may come, by heights: who lives there, how far a wave reaches, who can walk out.

Nothing here makes a warning: levels are InaTEWS'. Heights only say where in a coastal village.
"""
