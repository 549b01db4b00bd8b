"""The public folder: what is in force is listed, what was real stays, exercises stand apart."""

from __future__ import annotations

import json
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kentongan.decision import Action
from kentongan.types import HazardId, Mode
from notify import cap
from notify.cap.public import refresh

URL = "https://kentongan.example.invalid"
ATOM = "{http://www.w3.org/2005/Atom}"
CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
MINUTE = timedelta(minutes=1)


def published(world, at=None, *, mode=Mode.EXERCISE, whole=False):
    return refresh(
        world.engine, world.store, at=at or world.at, mode=mode, public_url=URL, whole=whole
    )


def read(world, name, root="public-exercise"):
    return world.store.read(f"{root}/cap/{name}")


def listed(world, root="public-exercise"):
    feed = ElementTree.fromstring(read(world, "feed.atom", root))
    return [entry.findtext(f"{CAP}identifier") for entry in feed.iter(f"{ATOM}entry")]


def actual(world, levels, *, hazard=HazardId.THUNDERSTORM, action=Action.ALERT, at=None):
    """A real alert, as policy lets BMKG's own go."""
    return world.publish(
        action, levels, hazard=hazard, at=at or world.at, mode=Mode.ACTUAL, live=True
    )


@pytest.fixture
def real(world, actual_policy):
    world.policy = actual_policy
    return world


@pytest.fixture
def actual_policy(actual):
    return actual


def test_one_entry_for_each_alert_in_force_with_its_file(world):
    done = world.publish(Action.ALERT, world.levels("75", 2))
    seen = published(world)
    name = done.alert.identifier
    assert seen.in_force == {"public-exercise/cap": 1} and seen.troubles == []
    assert listed(world) == [name]
    assert read(world, f"{name}.xml") == world.store.read(done.alert.path)
    feed = ElementTree.fromstring(read(world, "feed.atom"))
    (entry,) = feed.iter(f"{ATOM}entry")
    links = {link.get("rel"): link for link in entry.iter(f"{ATOM}link")}
    assert links["enclosure"].get("href") == f"{URL}/cap-exercise/{name}.xml"
    assert links["enclosure"].get("type") == "application/cap+xml"
    assert links["enclosure"].get("length") == str(len(read(world, f"{name}.xml")))
    assert entry.findtext(f"{ATOM}id") == f"tag:kentongan.example.invalid,2026:cap/{name}"
    assert entry.findtext(f"{CAP}expires") == "2026-09-24T17:27:00+08:00"


def test_an_exercise_says_so_and_never_stands_among_real_alerts(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    published(world)
    assert not world.store.paths("public/")
    for name in ("feed.atom", "feed.rss", "index.json"):
        assert "LATIHAN" in read(world, name).decode()


def test_a_real_alert_stands_in_the_public_folder_alone(real):
    done = actual(real, real.levels("75", 2))
    assert done.alert is not None, done.refused
    published(real, mode=Mode.ACTUAL)
    assert listed(real, "public") == [done.alert.identifier]
    assert b"LATIHAN" not in read(real, "feed.atom", "public")
    assert not real.store.paths("public-exercise")
    assert cap.parse(read(real, f"{done.alert.identifier}.xml", "public")).status == "Actual"


def test_an_update_takes_the_place_of_what_it_updates_and_an_end_stays_until_it_expires(world):
    first = world.publish(Action.ALERT, world.levels("53", 3), hazard=HazardId.TSUNAMI)
    second = world.publish(
        Action.UPDATE, world.levels("53", 4), hazard=HazardId.TSUNAMI, at=world.at + MINUTE
    )
    published(world, world.at + MINUTE)
    assert listed(world) == [second.alert.identifier]
    end = world.publish(Action.ALL_CLEAR, hazard=HazardId.TSUNAMI, at=world.at + 2 * MINUTE)
    published(world, world.at + 2 * MINUTE)
    assert listed(world) == [end.alert.identifier]
    published(world, world.at + timedelta(days=2))
    assert listed(world) == []
    index = json.loads(read(world, "index.json"))["alerts"]
    assert [a["identifier"] for a in index] == [
        d.alert.identifier for d in (end, second, first)
    ]  # fmt: skip
    assert [a["superseded_by"] for a in index] == [None, end.alert.identifier, end.alert.identifier]
    assert all(world.store.exists(f"public-exercise{a['url'].replace('-exercise/', '/', 1)}")
               for a in index)  # fmt: skip


def test_what_did_not_change_keeps_its_bytes_and_its_time(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    assert len(published(world).written) == 4
    before = {name: read(world, name) for name in ("feed.atom", "feed.rss", "index.json")}
    assert published(world, world.at + 30 * MINUTE).written == []
    assert {name: read(world, name) for name in before} == before
    assert json.loads(read(world, "alive.json"))["at"] == "2026-09-24T07:40:00Z"


def test_a_list_changes_when_an_alert_expires_unasked(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    published(world)
    expiry = world.at + timedelta(hours=2, minutes=17)
    done = published(world, expiry)
    assert {Path(p).name for p in done.written} == {"feed.atom", "feed.rss", "index.json"}
    feed = ElementTree.fromstring(read(world, "feed.atom"))
    assert feed.findtext(f"{ATOM}updated") == "2026-09-24T09:27:00Z"


def test_the_folder_is_made_anew_from_the_database(world):
    done = world.publish(Action.ALERT, world.levels("75", 2))
    published(world)
    before = {p: world.store.read(p) for p in world.store.paths("public-exercise")}
    for path in before:
        world.store.remove(path)
    published(world, whole=True)
    assert {p: world.store.read(p) for p in world.store.paths("public-exercise")} == before
    assert done.alert.identifier in listed(world)


def test_a_public_file_is_never_overwritten(world):
    done = world.publish(Action.ALERT, world.levels("75", 2))
    published(world)
    path = f"public-exercise/cap/{done.alert.identifier}.xml"
    world.store.write(path, b"<changed/>")
    seen = published(world, whole=True)
    assert world.store.read(path) == b"<changed/>"
    assert "not overwritten" in seen.troubles[0]
    assert listed(world) == []


def test_a_document_that_was_changed_in_the_store_is_not_published(world):
    done = world.publish(Action.ALERT, world.levels("75", 2))
    world.store.write(done.alert.path, b"<changed/>")
    seen = published(world)
    assert len(seen.troubles) == 1 and "changed after its release" in seen.troubles[0]
    assert not world.store.exists(f"public-exercise/cap/{done.alert.identifier}.xml")
    assert listed(world) == []


def test_rss_has_what_bmkgs_has_and_our_own_reader_follows_it(world):
    from ingest.sources.bmkg_nowcast import cap_links

    done = world.publish(Action.ALERT, world.levels("75", 2))
    published(world)
    payload = read(world, "feed.rss")
    (link,) = cap_links(payload, "/cap/feed.rss")
    assert link.url == f"{URL}/cap-exercise/{done.alert.identifier}.xml"
    assert link.label.startswith("LATIHAN. WASPADA")
    (item,) = ElementTree.fromstring(payload).iter("item")
    assert {child.tag for child in item if not child.tag.startswith("{")} == {
        "title", "link", "description", "author", "category", "guid", "pubDate", "enclosure",
    }  # fmt: skip
    assert parsedate_to_datetime(item.findtext("pubDate")) == world.at
    assert item.findtext("guid") == done.alert.identifier


def test_polygons_of_ours_are_read_by_our_reader_as_we_wrote_them(world):
    from ingest.read.payload import elements, parse_xml
    from ingest.read.polygons import parse_rings

    done = world.publish(Action.ALERT, world.levels("75", 2))
    xml = world.store.read(done.alert.path)
    written = [ring for i in cap.parse(xml).infos[:1] for a in i.areas for ring in a.polygons]
    info = elements(parse_xml(xml, "x"), "info")[0]
    texts = [p.text for a in elements(info, "area") for p in elements(a, "polygon")]
    rings, rejected, _ = parse_rings(texts)
    assert rejected == () and len(rings) == len(written)
    for ring, ours in zip(rings, written, strict=True):
        assert set(ring) == set(ours)
