"""Situations made by hand: a grid of square villages, no layer set needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from kentongan.view import (
    SHELTERS,
    TEAMS,
    VILLAGES,
    FeedLine,
    Mark,
    SituationView,
    TaskLine,
    UnknownArea,
    WarningLine,
)

AT = datetime(2026, 9, 24, 7, 35, tzinfo=UTC)


def grid(count: int, *, west: float = 122.0, south: float = 0.5, step: float = 0.02) -> Any:
    """`count` square villages in rows of 100, levels and reach by turns."""
    index = np.arange(count)
    x, y = west + (index % 100) * step, south + (index // 100) * step
    level = np.array([2, 2, 2, 3, 4, -1])[index % 6]
    return gpd.GeoDataFrame(
        {
            "adm4_code": [f"75.02.{i // 2000 + 1:02}.{i % 2000 + 2001:04}" for i in index],
            "name": [f"Desa {i}" for i in index],
            "district": [f"Kecamatan-{i // 2000}" for i in index],
            "regency": np.where(index % 100 < 50, "Kabupaten Boalemo", "Kabupaten Pohuwato"),
            "level": level.astype("int8"),
            "hazard_id": "thunderstorm",
            "people": 1200 + index,
            "exposed": np.where(level > 0, 1000 + index, 0),
            "uncovered": np.where(index % 9 == 0, 1000 + index, 0),
            "team_minutes": np.where(index % 9 == 0, np.nan, 25.0).astype("float32"),
        },
        geometry=shapely.box(x, y, x + step, y + step),
        crs="EPSG:4326",
    )


def no_villages() -> Any:
    empty = {name: pd.Series(dtype="float64") for name in VILLAGES if name != "geometry"}
    return gpd.GeoDataFrame(empty, geometry=[], crs="EPSG:4326")


def feeds() -> tuple[FeedLine, ...]:
    return (
        FeedLine("bmkg-nowcast", "Peringatan dini cuaca", "fresh", AT - timedelta(minutes=9), None),
        FeedLine(
            "bmkg-quakes-felt",
            "Gempa dirasakan",
            "blocked",
            AT - timedelta(hours=3),
            AT - timedelta(hours=2),
            "expected JSON, found a block page",
        ),
    )


def warning(**changes: Any) -> WarningLine:
    values: dict[str, Any] = {
        "warning_id": "thunderstorm-CGT20260924002",
        "version": 1,
        "event_id": "thunderstorm-CGT20260924002",
        "hazard_id": "thunderstorm",
        "title": "Hujan sedang-lebat disertai kilat di Gorontalo",
        "level": 2,
        "state": "released",
        "msg_type": "Alert",
        "cap_status": "Exercise",
        "sent": AT,
        "expires": AT + timedelta(hours=2),
        "villages": 14,
        "people": 20_000,
        "exposed": 12_345,
        "uncovered": 678,
        "identifier": "kentongan-thunderstorm-CGT20260924002-1",
        "areas": ("Kabupaten Boalemo",),
        "zone_hours": 8,
    }
    return WarningLine(**{**values, **changes})


def task(**changes: Any) -> TaskLine:
    values: dict[str, Any] = {
        "task_id": "T-1",
        "warning_id": "w",
        "kind": "assess",
        "level": 3,
        "adm4_code": "75.02.01.2004",
        "village": "Desa 3",
        "district": "Mananggu",
        "regency": "Kabupaten Boalemo",
        "people": 900,
        "unmet_people": 100,
        "team_id": "team-1",
        "team": "Tagana Boalemo 1",
        "shelter_id": None,
        "shelter": "",
        "coordinator_id": "c-1",
        "eta_min": 25.0,
        "state": "open",
    }
    return TaskLine(**{**values, **changes})


@pytest.fixture
def situation() -> Callable[..., SituationView]:
    """`situation(count, **changes)`: a view with `count` warned villages."""

    def make(count: int = 14, **changes: Any) -> SituationView:
        teams = pd.DataFrame([["t1", "Tagana Boalemo 1", 122.1, 0.55, 10, True]], columns=[*TEAMS])
        shelters = pd.DataFrame([["s1", "SDN 1", 122.2, 0.52, 200]], columns=[*SHELTERS])
        values: dict[str, Any] = {
            "at": AT,
            "mode": "exercise",
            "re_creation": False,
            "title": "Situasi Kentongan",
            "feeds": feeds(),
            "warnings": (warning(villages=count),) if count else (),
            "villages": grid(count) if count else no_villages(),
            "teams": teams if count else teams.iloc[:0],
            "shelters": shelters if count else shelters.iloc[:0],
            "tasks": (task(),) if count else (),
            "unknown_areas": (UnknownArea("61", "Kalimantan Barat", "Hujan lebat", None),),
            "marks": (Mark(122.15, 0.6, "M5,6, 11 km"),) if count else (),
        }
        return SituationView(**{**values, **changes})

    return make


CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture
def browser() -> Iterator[Any]:
    """Debian's Chromium through Playwright; skipped where absent, unless REQUIRE_PEERS=1."""
    if not CHROMIUM.is_file():
        message = f"no {CHROMIUM}: apt-get install chromium"
        if os.environ.get("REQUIRE_PEERS") == "1":
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@dataclass
class Visit:
    """What happened while a page was open."""

    requests: list[str]
    complaints: list[str]
    page: Any


@pytest.fixture
def visit(browser: Any) -> Callable[..., Visit]:
    """`visit(url, offline=…, width=…)`: open a page and note requests and complaints."""

    def open_page(url: str, *, offline: bool = False, width: int = 1280) -> Visit:
        context = browser.new_context(offline=offline, viewport={"width": width, "height": 800})
        seen = Visit([], [], context.new_page())
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.on("console", lambda message: seen.complaints.append(message.text))
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        seen.page.goto(url)
        return seen

    return open_page
