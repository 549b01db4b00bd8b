"""All sources. A new one is a module, a line here and a page in `docs/sources`."""

from __future__ import annotations

from pydantic import SecretStr

from ingest.source import Source
from ingest.sources.bmkg_catalogue import BmkgCatalogue
from ingest.sources.bmkg_detections import BmkgDetections
from ingest.sources.bmkg_forecast import BmkgForecast
from ingest.sources.bmkg_inatews import BmkgInatews
from ingest.sources.bmkg_inatews_lists import BmkgInatewsLists
from ingest.sources.bmkg_nowcast import BmkgNowcast
from ingest.sources.bmkg_nowcast_en import BmkgNowcastEn
from ingest.sources.bmkg_quakes import BmkgQuakes
from ingest.sources.bmkg_radar import BmkgRadar
from ingest.sources.bmkg_shakemap import BmkgShakemap
from ingest.sources.himawari_b13 import HimawariB13
from ingest.sources.himawari_hsd import HimawariHsd
from ingest.sources.himawari_images import HIMAWARI_CLOUDS, HIMAWARI_IMAGES
from ingest.sources.himawari_ptree import HimawariPtree
from ingest.sources.himawari_rp import HimawariRp
from ingest.sources.rain_rates import JaxaGsmap, NoaaErr
from kentongan.errors import SettingsError
from kentongan.settings import Settings

SOURCES: dict[str, Source] = {
    "bmkg-inatews": BmkgInatews(),
    "bmkg-quakes": BmkgQuakes(),
    "bmkg-inatews-lists": BmkgInatewsLists(),
    "bmkg-nowcast": BmkgNowcast(),
    "himawari-rp": HimawariRp(),
    "bmkg-nowcast-en": BmkgNowcastEn(),
    "bmkg-forecast": BmkgForecast(),
    "bmkg-detections": BmkgDetections(),
    "bmkg-shakemap": BmkgShakemap(),
    "bmkg-catalogue": BmkgCatalogue(),
    "noaa-err": NoaaErr(),
    "himawari-b13": HimawariB13(),
    "himawari-hsd": HimawariHsd(),
    "himawari-ptree": HimawariPtree(),
    "jaxa-gsmap": JaxaGsmap(),
    "himawari-images": HIMAWARI_IMAGES,
    "himawari-clouds": HIMAWARI_CLOUDS,
    "bmkg-radar": BmkgRadar(),
}
"""In the order in which they are polled: what kills fastest comes first."""


def configured(settings: Settings) -> list[str]:
    """Ids of the sources to poll, in order: those chosen, or all that have what they need.

    Raises:
        SettingsError: `KENTONGAN_SOURCES` names a source that does not exist.
    """
    unknown = sorted(set(settings.sources) - set(SOURCES))
    if unknown:
        raise SettingsError(
            f"KENTONGAN_SOURCES: no source {', '.join(unknown)}; expected some of "
            f"{', '.join(SOURCES)}"
        )
    chosen = settings.sources or tuple(SOURCES)
    return [source_id for source_id in SOURCES if source_id in chosen and _has(settings, source_id)]


def _has(settings: Settings, source_id: str) -> bool:
    needs = SOURCES[source_id].info.needs
    value = getattr(settings, needs) if needs else "nothing needed"
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)
