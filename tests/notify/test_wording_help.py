"""What is said of help: never a promise that nobody made, never a wait before PD-4."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kentongan.db import messages, outbox, recipients
from kentongan.decision import Action
from kentongan.reach import Help, Reach, VillageReach
from kentongan.types import HazardId
from notify.area.groups import MAX_POINTS
from notify.cap.publisher import Publisher
from notify.compose import compose
from notify.sending.messages import messages_for
from notify.tasks.duty import ensure_synthetic_posts
from notify.warning import WarningRef, content_hash
from notify.wording import texts
from notify.wording.gsm7 import fits_one_part

COMING = "Tagana diminta"
ALONE = "tunggu"


def composed(world, levels, reach=None, hazard=HazardId.FLOOD, status="Actual", **event):
    made = world.event(hazard, official=False, **event)
    decision = world.decision(Action.ALERT, levels, event_id=made.event_id)
    return compose(
        decision, made, world.impact(levels), world.areas, at=world.at, status=status,
        before=None, reach=reach,
    )  # fmt: skip


def sent(body):
    """Village -> SMS, Indonesian."""
    ref = WarningRef("w-1", 1, "0" * 64, "alert")
    made = messages_for(ref, body, publisher=Publisher(), coordinators={})
    found = {}
    for message in made:
        if (message.channel, message.language) == ("sms", "id"):
            for village in message.villages:
                assert village not in found, "two texts for one village"
                found[village] = message.text
    return found


def test_not_known_is_never_told_that_help_comes(world):
    levels = world.levels("75.02", 3)
    for reach in (None, Reach(), Reach({next(iter(levels)): VillageReach()})):
        told = sent(composed(world, levels, reach))
        assert set(told) == set(levels)
        assert all(COMING not in text and ALONE in text for text in told.values())


def test_each_village_reads_what_is_true_of_it(world):
    levels = world.levels("75.02", 3)
    first, second, third, *rest = sorted(levels)
    reach = Reach(
        {
            first: VillageReach(Help.COMING, 40.0, "SDN 1", 1.0),
            second: VillageReach(Help.ALONE, None, "Balai Desa Tilamuta (sintetis)", 1.2),
            third: VillageReach(Help.ALONE),
        }
    )
    told = sent(composed(world, levels, reach))
    assert COMING in told[first] and "sendiri" not in told[first]
    assert "Pergi sendiri ke Balai Desa Tilamuta." in told[second]
    assert "sintetis" not in told[second]
    assert all(COMING not in told[c] for c in (second, third, *rest))
    assert all("SEKARANG" in text for text in told.values())


@pytest.mark.parametrize("level", [3, 4])
def test_nobody_is_told_to_expect_help_in_a_tsunami_zone(world, level):
    levels = world.levels("75.02", level)
    reach = Reach({c: VillageReach(Help.COMING, 10.0, "SDN Atas", 1.0) for c in levels})
    told = sent(composed(world, levels, reach, HazardId.TSUNAMI))
    assert all("Tagana" not in t and "bantuan" not in t for t in told.values())


def test_level_two_says_nothing_of_help(world):
    levels = world.levels("75.02", 2)
    reach = Reach({c: VillageReach(Help.COMING, 10.0, "SDN 1", 1.0) for c in levels})
    assert all("Tagana" not in t for t in sent(composed(world, levels, reach)).values())


def test_points_of_one_group_are_bounded(world, monkeypatch):
    monkeypatch.setattr("notify.area.groups.MAX_POINTS", 2)
    levels = world.levels("75.02", 3)
    reach = Reach(
        {c: VillageReach(Help.ALONE, None, f"SDN {k}", 1.0) for k, c in enumerate(levels)}
    )
    told = sent(composed(world, levels, reach))
    assert sum("sendiri ke SDN" in text for text in told.values()) == 2 and MAX_POINTS > 2
    assert set(told) == set(levels)


def test_the_same_input_gives_the_same_content(world):
    levels = world.levels("75", 3)
    reach = Reach({c: VillageReach(Help.ALONE, None, "SDN 1", 1.0) for c in levels})
    one, other = (content_hash(composed(world, levels, reach)) for _ in range(2))
    assert one == other


def test_who_reads_english_gets_english_once(world):
    world.publish(Action.ALERT, world.levels("75.02", 2))
    with world.engine.begin() as connection:
        connection.execute(
            recipients.update().where(recipients.c.recipient_id.like("r-%-1")).values(language="en")
        )
        connection.execute(
            recipients.update()
            .where(recipients.c.recipient_id == "r-75.02.07.2001-2")
            .values(language="jv")
        )
    world.publish(
        Action.UPDATE, world.levels("75.02", 3), told=world.codes("75.02"),
        at=world.at + timedelta(minutes=1), hazard=HazardId.THUNDERSTORM,
    )  # fmt: skip
    language = {m["message_id"]: m["language"] for m in world.rows(messages) if m["version"] == 2}
    rows = [o for o in world.rows(outbox) if o["message_id"] in language and o["channel"] == "sms"]
    residents = [o for o in rows if o["recipient_id"].startswith("r-")]
    assert len({o["recipient_id"] for o in residents}) == len(residents) == 10
    for row in residents:
        expected = "en" if row["recipient_id"].endswith("-1") else "id"
        assert language[row["message_id"]] == expected


def test_the_gap_goes_next_door_and_to_the_disaster_agency(world):
    levels = world.levels("75.02", 3)
    reach = Reach(neighbours={"75.02": ("75.04",)})
    body = composed(world, levels, reach)
    (group,) = body.groups
    assert "50 jiwa belum terjangkau" in group.gap and group.bpbd.startswith("BPBD: SIAGA banjir")
    ref = WarningRef("w-1", 1, "0" * 64, "alert")
    coordinators = {"c-75.02": "75.02", "c-75.04": "75.04", "c-53.07": "53.07"}
    made = messages_for(ref, body, publisher=Publisher(), coordinators=coordinators)
    gaps = {m.text: m.recipient_ids for m in made if "/gap/" in m.message_id}
    assert gaps == {group.gap: ("c-75.04",)}
    assert {m.purpose for m in made if "/gap/" in m.message_id} == {"gap"}
    offices = {"75.02": ("o-bpbd-75.02",), "75.04": ("o-bpbd-75.04",)}
    made = messages_for(ref, body, publisher=Publisher(), coordinators={}, offices=offices)
    told = [(m.text, m.recipient_ids, m.role) for m in made if "/bpbd/" in m.message_id]
    assert told == [(group.bpbd, ("o-bpbd-75.02",), "official")]


def test_a_release_reaches_the_post_of_the_disaster_agency(world):
    ensure_synthetic_posts(world.engine, ["75.02"])
    world.publish(Action.ALERT, world.levels("75.02", 3), hazard=HazardId.FLOOD)
    (row,) = [o for o in world.rows(outbox) if o["recipient_id"] == "o-bpbd-75.02"]
    (said,) = [m for m in world.rows(messages) if m["message_id"] == row["message_id"]]
    assert said["text"].startswith("LATIHAN. BPBD: SIAGA") and fits_one_part(said["text"])


def test_coordinators_hear_to_stay_out_of_a_tsunami_zone(world):
    levels = world.levels("75.02", 3)
    reach = Reach(neighbours={"75.02": ("75.04",)})
    (group,) = composed(world, levels, reach, HazardId.TSUNAMI).groups
    assert "Jangan masuk zona tsunami" in group.readiness
    assert "Jangan masuk zona tsunami" in group.gap


def test_broadcasts_for_each_level_and_language(world):
    levels = {**world.levels("75.02", 4), **world.levels("75.04", 3)}
    body = composed(world, levels, hazard=HazardId.TSUNAMI, status="Exercise")
    assert [(b.level, b.language) for b in body.broadcasts] == [
        (4, "id"), (4, "en"), (3, "id"), (3, "en"),
    ]  # fmt: skip
    for one in body.broadcasts:
        assert len(one.short) <= texts.CB_SHORT and len(one.long) <= texts.CB_LONG
        assert one.short.startswith("LATIHAN") and one.speech.startswith("Latihan")
        assert not any(ch.isdigit() for ch in one.speech)
