"""All sources. A new one is a module, a line here and a page in `docs/sources`."""

from __future__ import annotations

from ingest.source import Source
from ingest.sources.bmkg_forecast import BmkgForecast
from ingest.sources.bmkg_inatews import BmkgInatews
from ingest.sources.bmkg_nowcast import BmkgNowcast
from ingest.sources.bmkg_quakes import BmkgQuakes
from ingest.sources.himawari_rp import HimawariRp

SOURCES: dict[str, Source] = {
    "bmkg-inatews": BmkgInatews(),
    "bmkg-quakes": BmkgQuakes(),
    "bmkg-nowcast": BmkgNowcast(),
    "himawari-rp": HimawariRp(),
    "bmkg-forecast": BmkgForecast(),
}
"""In the order in which they are polled: what kills fastest comes first."""
