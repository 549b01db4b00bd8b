"""A whole thread as it is printed: alert, update, end, each with its SMS."""

from __future__ import annotations

from datetime import timedelta

import pytest

from console.cap_thread import as_document, report, thread
from kentongan.decision import Action
from kentongan.errors import DataError
from kentongan.types import HazardId, Mode
from notify import ending
from notify.release import approval

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


def test_a_cancel_takes_back_every_alert_that_has_not_expired(world):
    levels = world.levels("75", 2)
    world.publish(Action.ALERT, levels)
    world.publish(Action.UPDATE, dict.fromkeys(levels, 3), at=world.at + MINUTE)
    at = world.at + 2 * MINUTE
    ref = ending.cancel(
        world.engine, "w-thunderstorm-1", world.areas, actor="ani", at=at, reason="keliru",
        mode=Mode.EXERCISE, live=True,
    )  # fmt: skip
    done = approval.release(
        world.engine, world.store, ref, at=at, policy=world.policy, mode=Mode.EXERCISE, live=True
    )
    assert done is not None
    links = thread(world.engine, world.store, "w-thunderstorm-1")
    assert [link.alert.msg_type for link in links] == ["Alert", "Update", "Cancel"]
    assert len((links[2].alert.references or "").split()) == 2
    assert as_document(links)[2]["errors"] == []
    assert links[2].alert.infos[0].headline.startswith("LATIHAN. DIBATALKAN")
