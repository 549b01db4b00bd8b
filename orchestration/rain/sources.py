"""Which feeds bring frames of rain."""

from __future__ import annotations

SOURCES = ("noaa-err", "himawari-hsd", "himawari-ptree", "himawari-b13", "jaxa-gsmap")
"""Best first: a ready rain rate, then band 13 by calibration and resolution; GSMaP is a mean of an
hour, half an hour apart, from which neither motion nor sums over real times follow."""
MEANS = frozenset({"jaxa-gsmap"})
"""Sources that give means of an hour, not the rain of an instant."""
