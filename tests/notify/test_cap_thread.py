"""A whole thread as it is printed: alert, update, end, each with its SMS."""

from __future__ import annotations

from datetime import timedelta

import pytest

from console.cap_thread import as_document, report, thread
from kentongan.decision import Action
from kentongan.errors import DataError
from kentongan.types import HazardId

MINUTE = timedelta(minutes=1)


@pytest.fixture
def links(world):
    levels = world.levels("53", 3)
    world.publish(Action.ALERT, levels, hazard=HazardId.TSUNAMI)
    world.publish(
        Action.UPDATE, dict.fromkeys(levels, 4), hazard=HazardId.TSUNAMI, at=world.at + MINUTE
    )
    world.publish(Action.ALL_CLEAR, hazard=HazardId.TSUNAMI, at=world.at + 5 * MINUTE)
    return thread(world.engine, world.store, "w-tsunami-1")


def test_each_alert_names_all_before_it_and_nothing_is_wrong(links):
    document = as_document(links)
    assert [a["msg_type"] for a in document] == ["Alert", "Update", "Update"]
    assert [len(a["references"]) for a in document] == [0, 1, 2]
    assert [a["action"] for a in document] == ["alert", "update", "all-clear"]
    assert all(a["errors"] == [] and a["sms"] for a in document)
    assert all(text.startswith("LATIHAN") for a in document for text in a["sms"])


def test_the_print_has_what_goes_out_in_its_order(links):
    text = report(links, xml=False)
    first, update, end = (
        text.index(w) for w in ("1/3 ALERT", "2/3 UPDATE", "3/3 UPDATE ALL CLEAR")
    )
    assert first < update < end
    assert text.count("valid by every rule of CAP") == 3
    assert "<alert" not in text and "<alert" in report(links, xml=True)


def test_a_document_that_was_changed_is_not_printed_as_ours(world, links):
    world.store.write(links[1].released.path, b"<changed/>")
    with pytest.raises(DataError, match="changed after its release"):
        thread(world.engine, world.store, "w-tsunami-1")


def test_a_warning_that_was_never_released_has_no_thread(world):
    with pytest.raises(DataError, match="nothing of it was released"):
        thread(world.engine, world.store, "w-none")
