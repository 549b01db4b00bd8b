"""From a stored quake to what it sets off and does to people; and that no text ever holds it."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
import xarray as xr
from affine import Affine
from sqlalchemy import select
from typer.testing import CliRunner

from console.cli.app import app
from kentongan.db import events, messages
from kentongan.errors import DataError
from kentongan.grid import BASE_GRID
from kentongan.hazard import AreaRule, HazardEvent, HazardField
from kentongan.policy import LevelPolicy, load_policy
from kentongan.settings import Settings, data_dir
from kentongan.types import DocumentStatus, HazardId, Level
from orchestration import event_store
from orchestration.context import open_context
from orchestration.losses import CoastLosses, ShakingLosses, classes_of, losses, origin_of
from orchestration.secondary import (
    inatews_spoke,
    landslide_raises,
    note_secondary,
    secondary_of,
    shaken_mask,
    watches,
)
from processing.secondary.pre_alert import PreAlert, stands
from risk.layers.layerset import load_layers

ROOT = Path(__file__).parents[2]
ORIGIN = datetime(2026, 8, 14, 21, 58, 23, tzinfo=UTC)
EVENT = "shaking-20260814T215823Z"
WORDS = re.compile(
    r"korban (jiwa|tewas)|tewas|meninggal|kematian|fatalit|deaths?\b|itb-bayesian|pager", re.I
)


def event_of(**evidence):
    said = {"magnitude": 7.0, "depth_km": 15.0, "latitude": -8.3, "longitude": 121.3}
    return HazardEvent(
        event_id=EVENT, hazard_id=HazardId.SHAKING, level=Level.AWAS, onset=ORIGIN,
        valid_from=ORIGIN, valid_to=ORIGIN + timedelta(hours=6), official=False,
        status=DocumentStatus.EXERCISE, title="Gempa M7,0 kedalaman 15 km, uji",
        method="hand/1", observations=("0" * 64,), evidence=said | evidence,
    )  # fmt: skip


def field_of(event, mmi=7.2):
    """One strength over a degree of Flores."""
    rows, columns = BASE_GRID.window(121.0, -9.0, 122.0, -8.0)
    latitude, longitude = BASE_GRID.latitude[rows], BASE_GRID.longitude[columns]
    shape = (latitude.size, longitude.size)
    dims = ("latitude", "longitude")
    raster = xr.Dataset(
        {
            "hazard_level": (dims, np.full(shape, 3, np.int8)),
            "mmi": (dims, np.full(shape, mmi, np.float32)),
        },
        coords={"latitude": latitude, "longitude": longitude},
        attrs={"value_variable": "mmi", "outside": "none"},
    )
    return HazardField(event, AreaRule.SHARE_OF_PEOPLE, raster=raster)


@pytest.fixture
def home(tmp_path):
    @contextmanager
    def opened(event, **layers):
        from risk.overlay import impact_table

        with open_context(Settings(home=tmp_path), live=False) as context:
            field = field_of(event)
            table = impact_table(field, context.layers, context.levels)
            event_store.save(
                context.engine, context.runs, field, event, table, digest="0" * 64, at=ORIGIN
            )
            yield context

    return opened


@pytest.fixture(scope="module")
def bare():
    """What the computation takes of a context."""
    levels = load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy)
    return SimpleNamespace(layers=load_layers(), levels=levels)


def test_what_is_noted_once_is_not_made_again(home):
    with home(event_of()) as context:
        first = note_secondary(context, ORIGIN)
        assert [Path(p).name for p in first] == ["secondary.json"]
        assert note_secondary(context, ORIGIN) == []


def test_villages_are_raised_for_seven_days_and_no_longer(home):
    with home(event_of()) as context:
        assert landslide_raises(context, ORIGIN) == {}
        note_secondary(context, ORIGIN)
        raised = landslide_raises(context, ORIGIN + timedelta(days=6, hours=23))
        assert len(raised) > 100
        assert {code[:2] for code in raised} == {"53"}
        assert set(raised.values()) == {ORIGIN + timedelta(days=7)}
        assert landslide_raises(context, ORIGIN + timedelta(days=7)) == {}
        assert shaken_mask(context, ORIGIN).sum() == 50 * 50
        assert not shaken_mask(context, ORIGIN + timedelta(days=7)).any()


@pytest.mark.parametrize(
    ("evidence", "minutes", "watched"),
    [
        pytest.param({}, 5, True, id="inatews-is-silent"),
        pytest.param({}, 60, False, id="an-hour-after"),
        pytest.param({"potential": "Tidak berpotensi tsunami"}, 5, False, id="bmkg-denies-it"),
        pytest.param({"potential": "Gempa ini dirasakan"}, 5, True, id="bmkg-names-none"),
        pytest.param({"magnitude": 6.0}, 5, False, id="too-small"),
        pytest.param({"depth_km": 10.0, "depth_assumed": True}, 5, True, id="depth-assumed"),
    ],
)
def test_a_coast_is_watched_until_inatews_speaks(bare, evidence, minutes, watched):
    event = event_of(**evidence)
    watch = secondary_of(bare, event, field_of(event).raster).watch
    stays = watch is not None and stands(
        PreAlert(watch.until, watch.reason),
        ORIGIN + timedelta(minutes=minutes),
        inatews_spoke=inatews_spoke(event),
    )
    assert stays is watched


def test_what_stands_is_listed_for_the_centre(home):
    with home(event_of()) as context:
        note_secondary(context, ORIGIN)
        [(stored, watch)] = watches(context, ORIGIN + timedelta(minutes=5))
        assert stored.event.event_id == EVENT
        assert watch.words.startswith("tunggu InaTEWS")
        assert watches(context, ORIGIN + timedelta(minutes=60)) == []


def test_a_bulletin_ends_the_watch():
    linked = event_of().model_copy(update={"linked_event_id": "tsunami-20260814T215823Z"})
    assert inatews_spoke(linked)


def map_of(path, values, step=0.05, west=120.0, north=-7.0):
    with rasterio.open(
        path, "w", driver="GTiff", width=values.shape[1], height=values.shape[0], count=1,
        dtype=values.dtype, crs=4326, nodata=-9999 if values.dtype.kind == "f" else 255,
        transform=Affine(step, 0, west, 0, -step, north),
    ) as out:  # fmt: skip
        out.write(values, 1)
    return path


@pytest.mark.parametrize(
    ("values", "prone", "doubt"),
    [
        pytest.param(np.full((60, 60), 0.9, np.float32), True, False, id="index-high"),
        pytest.param(np.full((60, 60), 0.1, np.float32), False, False, id="index-low"),
        pytest.param(np.full((60, 60), -9999, np.float32), False, True, id="nothing-known"),
        pytest.param(np.full((60, 60), 4, np.uint8), True, False, id="class-high"),
        pytest.param(np.r_[np.full((59, 60), 1), np.full((1, 60), 5)].astype(np.uint8), False,
                     False, id="class-one-is-no-index-of-one"),
    ],
)  # fmt: skip
def test_a_map_of_slopes_restricts_the_raise(bare, tmp_path, monkeypatch, values, prone, doubt):
    only = {"susceptibility": map_of(tmp_path / "map.tif", values)}
    monkeypatch.setattr(type(bare.layers), "raster", lambda _, name: only.get(name))
    noted = secondary_of(bare, event_of(), field_of(event_of()).raster)
    assert noted.landslide.assessed
    assert not noted.liquefaction.assessed
    assert bool(noted.landslide.villages) is prone
    assert bool(noted.landslide.not_known) is doubt
    assert noted.liquefaction.not_known


def test_losses_of_a_stored_quake(home):
    with home(event_of()) as context:
        found = losses(context, "20260814T215823Z", ORIGIN)
        assert isinstance(found, ShakingLosses)
        assert found.people[7] > 100_000
        assert sum(n for mmi, n in found.people.items() if mmi != 7) == 0
        assert found.deaths.central in found.deaths.orders
        assert found.roof >= found.people[7] / 2
        assert found.watch_stands
        assert (found.deaths_low, found.deaths_high) == (None, None)
        with pytest.raises(DataError, match="none is stored"):
            losses(context, "20200101T000000Z", ORIGIN)


def test_the_command_says_for_whom_it_is(home, tmp_path, monkeypatch):
    with home(event_of()) as context:
        note_secondary(context, ORIGIN)
    monkeypatch.setenv("KENTONGAN_HOME", str(tmp_path))
    run = CliRunner().invoke(app, ["losses", EVENT, "--at", "2026-08-14T22:00:00Z"])
    assert run.exit_code == 0, run.output
    assert "For the duty officer alone" in run.output
    assert "tunggu InaTEWS" in run.output
    run = CliRunner().invoke(app, ["losses", EVENT, "--json", "--at", "2026-08-14T22:00:00Z"])
    document = json.loads(run.stdout)
    assert document["not_for_the_public"] is True
    assert set(document["deaths"]) >= {"order", "low", "high", "chances"}
    # Orders of magnitude alone: no number of deaths, not even between the lines.
    assert not any(isinstance(v, int) for v in document["deaths"].values())


def test_classes_from_those_at_or_above():
    assert classes_of({4: 100, 5: 60, 6: 10, 7: 10}) == {4: 40, 5: 50, 6: 0, 7: 10}
    # Quantiles of different draws need not fall.
    assert classes_of({6: 5, 7: 9}) == {6: 0, 7: 9}


def test_the_origin_stands_in_the_id():
    tsunami = event_of().model_copy(update={"event_id": "tsunami-20260814T215823Z-exercise"})
    assert origin_of(tsunami) == ORIGIN
    with pytest.raises(DataError, match="expected the quake's origin"):
        origin_of(event_of().model_copy(update={"event_id": "tsunami-x"}))


# --- never public -----------------------------------------------------------------------


def python_files(*folders):
    return [p for folder in folders for p in (ROOT / folder).rglob("*.py")]


@pytest.mark.parametrize("folder", ["notify", "kentongan", "ingest", "processing"])
def test_what_reaches_the_public_does_not_know_losses(folder):
    """`risk.losses` is seen by the command alone; import-linter keeps `notify` from `risk`."""
    known = re.compile(r"risk\.losses|orchestration\.losses|losses_text|LossBand|ShakingLosses")
    assert [p for p in python_files(folder) if known.search(p.read_text("utf-8"))] == []


def test_only_the_command_and_the_centre_ask_for_losses():
    users = [
        p.relative_to(ROOT).as_posix()
        for p in python_files("orchestration", "console")
        if re.search(r"risk\.losses|orchestration\.losses", p.read_text("utf-8"))
    ]
    assert sorted(users) == [
        "console/cli/losses.py", "console/losses_text.py", "console/web/centre/events.py",
        "orchestration/losses.py",
    ]  # fmt: skip


def test_no_text_for_the_public_has_a_word_for_it():
    texts = [*(ROOT / "notify").rglob("*.py"), *(ROOT / "notify").rglob("*.toml")]
    texts += (ROOT / "console" / "templates").rglob("*.html")
    found = {p.name: WORDS.findall(p.read_text("utf-8")) for p in texts}
    assert {name: words for name, words in found.items() if words} == {}


def test_a_released_warning_holds_nothing_of_it(home, tmp_path):
    """Event, CAP document and messages of a quake with a watch and hundreds of deaths."""
    from orchestration import stages

    with home(event_of()) as context:
        note_secondary(context, ORIGIN)
        at = ORIGIN + timedelta(minutes=2)
        assert watches(context, at)
        assert stages.decide_all(context, at)
        assert stages.release_all(context, at)
        with context.engine.connect() as connection:
            texts = [
                *connection.execute(select(events.c.body)).scalars(),
                *connection.execute(select(messages.c.text)).scalars(),
            ]
    alerts = [p.read_text("utf-8") for p in (tmp_path / "cap").rglob("*.xml")]
    assert alerts
    assert len(texts) > 1
    for text in (*texts, *alerts):
        assert not WORDS.search(text)
        assert not re.search("tunggu InaTEWS|landslide|liquefaction|longsor", text)


def tsunami_of(shaking):
    return shaking.model_copy(
        update={
            "event_id": "tsunami-20260814T215823Z", "hazard_id": HazardId.TSUNAMI,
            "title": "Peringatan dini tsunami, uji", "official": True,
        }
    )  # fmt: skip


def test_a_tsunami_without_heights_says_that_nobody_knows_who_walks_out(tmp_path, monkeypatch):
    from risk.overlay import impact_table

    event = tsunami_of(event_of())
    zones = gpd.GeoDataFrame(
        {
            "zone": ["NTT/ENDE"], "hazard_level": [3], "adm_codes": ["53.08"], "side": [""],
            "named_districts": [""], "onset": [pd.Timestamp(ORIGIN + timedelta(minutes=20))],
        },
        geometry=[shapely.Polygon()], crs=4326,
    )  # fmt: skip
    field = HazardField(event, AreaRule.COAST_STRIP, zones=zones)
    with open_context(Settings(home=tmp_path), live=False) as context:
        table = impact_table(field, context.layers, context.levels)
        event_store.save(
            context.engine, context.runs, field, event, table, digest="0" * 64, at=ORIGIN
        )
        found = losses(context, event.event_id, ORIGIN)
    assert isinstance(found, CoastLosses)
    assert set(found.coast["walk_out"]) == {"unknown"}
    assert set(found.coast["have_minutes"]) == {20.0}
    monkeypatch.setenv("KENTONGAN_HOME", str(tmp_path))
    run = CliRunner().invoke(app, ["losses", event.event_id])
    assert run.exit_code == 0, run.output
    assert f"{len(found.coast)} villages with heights not known" in run.output
    assert "yes: 0 villages" in run.output
    rows = json.loads(CliRunner().invoke(app, ["losses", event.event_id, "--json"]).stdout)
    assert {row["need_minutes"] for row in rows["villages"]} == {None}
