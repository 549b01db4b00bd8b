"""What the DAGs wait for and what they leave.

A *bell* is watched: its event says that bytes at an address changed. An *observation* is
left by the task that archived and parsed them, and only if something was new.
"""

from __future__ import annotations

from airflow.sdk import Asset, AssetWatcher

from orchestration.airflow.triggers import FeedTrigger


def _bell(source_id: str) -> Asset:
    watcher = AssetWatcher(name=f"{source_id}-watcher", trigger=FeedTrigger(source_id))
    return Asset(f"{source_id}-bell", watchers=[watcher])


QUAKES_BELL = _bell("bmkg-quakes")
INATEWS_BELL = _bell("bmkg-inatews")
NOWCAST_BELL = _bell("bmkg-nowcast")

QUAKES = Asset("bmkg-quakes")
INATEWS = Asset("bmkg-inatews")
NOWCAST = Asset("bmkg-nowcast")
SATELLITE = Asset("himawari-rp")
FORECAST = Asset("bmkg-forecast")
FRAMES = Asset("rain-frames")
"""Rain rate, or brightness temperature that rain is retrieved from."""
SHAKEMAPS = Asset("bmkg-shakemap")
