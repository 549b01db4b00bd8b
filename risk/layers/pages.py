"""All features of an ArcGIS layer, a page at a time, as one GeoJSON file.

Pages are ordered by object id and kept beside the draft, so that a broken run goes on. The count
that the service states must come, to the feature.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from kentongan.errors import SourceChanged, SourceDown
from risk.layers.progress import Advance

PAGE = 500
"""Features a page; public clients of these services ask for 100 to 1,000."""
_MOST_PAGES = 2_000
_COUNT = {"where": "1=1", "returnCountOnly": "true", "f": "json"}


def fetch_pages(
    client: httpx.Client, url: str, target: Path, most_bytes: int, advance: Advance
) -> None:
    """Write every feature of the layer to `target`.

    Raises:
        SourceDown: no network, an error of the service.
        SourceChanged: no features, another count, too large.
    """
    count = _answer(client, url, _COUNT).get("count")
    if not isinstance(count, int) or not 0 < count <= PAGE * _MOST_PAGES:
        raise SourceChanged(f"{url}: states {count!r} features; expected 1 to {PAGE * _MOST_PAGES}")
    folder = target.with_name(target.name + ".pages")
    folder.mkdir(parents=True, exist_ok=True)
    pages = [folder / f"{first:07d}.json" for first in range(0, count, PAGE)]
    size = 0
    for number, page in enumerate(pages):
        if not page.is_file():
            _bring(client, url, page, number * PAGE)
        size += page.stat().st_size
        if size > most_bytes:
            raise SourceChanged(f"{url}: more than {most_bytes / 1e6:,.0f} MB; not the layer")
        advance(target.name.split(".")[0], (number + 1) / len(pages))
    found = _join(pages, target)
    for page in pages:
        page.unlink()
    folder.rmdir()
    if found != count:
        target.unlink()
        raise SourceChanged(f"{url}: {found} features came, {count} were stated; run it again")


def _bring(client: httpx.Client, url: str, page: Path, first: int) -> None:
    asked = {
        "where": "1=1", "outFields": "*", "outSR": "4326", "f": "geojson",
        "orderByFields": "OBJECTID", "resultOffset": str(first), "resultRecordCount": str(PAGE),
    }  # fmt: skip
    features = _answer(client, url, asked).get("features")
    if not isinstance(features, list) or not features:
        raise SourceChanged(f"{url}: no features from {first}; expected {PAGE} or the rest")
    draft = page.with_suffix(".part")
    draft.write_text(json.dumps(features, ensure_ascii=False), encoding="utf-8")
    draft.replace(page)


def _answer(client: httpx.Client, url: str, asked: dict[str, str]) -> dict[str, Any]:
    try:
        answer = client.get(url, params=asked)
        answer.raise_for_status()
        found = answer.json()
    except httpx.HTTPError as error:
        raise SourceDown(f"{url}: {error}; what came is kept, run it again") from error
    except ValueError as error:
        raise SourceChanged(f"{url}: no JSON came ({error}); a web page or a firewall?") from error
    if not isinstance(found, dict) or "error" in found:
        # These services answer errors with status 200.
        said = found.get("error") if isinstance(found, dict) else found
        raise SourceDown(f"{url}: the service says {str(said)[:200]}")
    return found


def _join(pages: list[Path], target: Path) -> int:
    """One FeatureCollection of all pages; never more than one page in memory."""
    count = 0
    with target.open("w", encoding="utf-8") as out:
        out.write('{"type":"FeatureCollection","features":[')
        for page in pages:
            for feature in json.loads(page.read_text(encoding="utf-8")):
                out.write("," if count else "")
                out.write(json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
                count += 1
        out.write("]}\n")
    return count
