"""Runs, seen and not seen, through the real stages: what they change, and what they never do."""

from __future__ import annotations

import pytest

from kentongan.db import alerts, event_links, event_runs, messages, warning_states, warnings
from kentongan.types import HazardId
from tests.notify.life_centre import CODES, T0, A, B, C, Centre, D, E, F, minutes


@pytest.fixture
def centre(tmp_path):
    made = Centre(tmp_path)
    yield made
    made.engine.dispose()


def all_at(level, codes=CODES):
    return dict.fromkeys(codes, level)


# --- a run below threshold ----------------------------------------------------------------


def test_a_run_below_threshold_does_not_end_an_event(centre):
    """InaSAFE's impact-based forecasting closed an event at the first run below its threshold."""
    centre.see("flood-1", {A: 3, B: 3}, T0)
    centre.cycle(T0)
    centre.see("flood-1", {A: 1, B: 0}, T0 + minutes(10))
    assert centre.cycle(T0 + minutes(10)) == []
    assert centre.state("flood-1") == (1, "released", {A: 3, B: 3})
    assert len(centre.rows(warnings)) == 1


def test_three_low_runs_do_not_end_it_before_its_minimum_hold(centre):
    centre.see("flood-1", {A: 3}, T0)
    centre.cycle(T0)
    for after in range(10, 90, 10):
        centre.see("flood-1", {A: 0}, T0 + minutes(after))
        centre.cycle(T0 + minutes(after))
    assert centre.state("flood-1") == (1, "released", {A: 3})
    centre.see("flood-1", {A: 0}, T0 + minutes(90))
    centre.cycle(T0 + minutes(90))
    assert centre.state("flood-1")[0] == 2


def test_two_low_runs_after_the_hold_are_too_few(centre):
    centre.see("flood-1", {A: 2, B: 2}, T0)
    centre.cycle(T0)
    for after in (100, 110):
        centre.see("flood-1", {B: 2}, T0 + minutes(after))
        centre.cycle(T0 + minutes(after))
    assert centre.state("flood-1") == (1, "released", {A: 2, B: 2})
    centre.see("flood-1", {B: 2}, T0 + minutes(120))
    centre.cycle(T0 + minutes(120))
    assert centre.state("flood-1") == (2, "released", {B: 2})


def test_one_high_run_in_between_begins_the_count_again(centre):
    centre.see("flood-1", {A: 2, B: 2}, T0)
    centre.cycle(T0)
    for after, level in ((70, 0), (80, 0), (90, 2), (100, 0), (110, 0)):
        centre.see("flood-1", {A: level, B: 2}, T0 + minutes(after))
        centre.cycle(T0 + minutes(after))
    assert centre.state("flood-1") == (1, "released", {A: 2, B: 2})


def test_a_village_that_drops_out_is_told_so_once_and_the_others_are_left_in_peace(centre):
    centre.see("flood-1", {A: 2, B: 2}, T0)
    centre.cycle(T0)
    for after in (70, 80, 90, 100):
        centre.see("flood-1", {A: 0, B: 2}, T0 + minutes(after))
        centre.cycle(T0 + minutes(after))
    told = centre.told("flood-1", 2)
    assert set(told) == {A}
    assert "tidak lagi mencakup" in told[A]
    assert centre.state("flood-1") == (2, "released", {B: 2})


def test_a_level_that_falls_is_an_update_with_the_lower_word(centre):
    centre.see("flood-1", {A: 4, B: 3}, T0, valid_to=T0 + minutes(600))
    centre.cycle(T0)
    assert centre.state("flood-1")[2] == {A: 3, B: 3}  # no jump from nothing to Awas
    centre.see("flood-1", {A: 4, B: 3}, T0 + minutes(10), valid_to=T0 + minutes(600))
    centre.cycle(T0 + minutes(10))
    assert centre.state("flood-1")[2] == {A: 4, B: 3}
    for after in (100, 115, 131):
        centre.see("flood-1", {A: 2, B: 3}, T0 + minutes(after), valid_to=T0 + minutes(600))
        centre.cycle(T0 + minutes(after))
    assert centre.state("flood-1") == (3, "released", {A: 2, B: 3})
    told = centre.told("flood-1", 3)
    assert set(told) == {A} and "WASPADA" in told[A].upper()


def test_when_the_last_village_leaves_the_warning_ends_with_a_word(centre):
    centre.see("flood-1", {A: 2, B: 2}, T0)
    centre.cycle(T0)
    for after in (70, 80, 90):
        centre.see("flood-1", {A: 0, B: 0}, T0 + minutes(after))
        centre.cycle(T0 + minutes(after))
    version, state, levels = centre.state("flood-1")
    assert (version, state, levels) == (2, "ended", {})
    assert set(centre.told("flood-1", 2)) == {A, B}


# --- runs that saw nothing -----------------------------------------------------------------


def test_missing_and_blind_runs_neither_count_nor_end(centre):
    centre.see("flood-1", {A: 2}, T0)
    centre.cycle(T0)
    for after in range(10, 300, 40):
        centre.cycle(T0 + minutes(after))
    assert centre.state("flood-1") == (1, "released", {A: 2})
    assert [row["outcome"] for row in centre.rows(event_runs)] == ["seen", "missing"]


def test_a_village_that_the_run_does_not_know_stays(centre):
    centre.see("flood-1", {A: 2, B: 2}, T0)
    centre.cycle(T0)
    for after in (70, 80, 90, 100):
        centre.see("flood-1", {B: 2}, T0 + minutes(after), unknown=[A])
        centre.cycle(T0 + minutes(after))
    assert centre.state("flood-1") == (1, "released", {A: 2, B: 2})


@pytest.mark.parametrize("unknown", [(), CODES])
def test_empty_and_wholly_unknown_tables_begin_and_end_nothing(centre, unknown):
    centre.see("flood-0", {}, T0, unknown=unknown)
    centre.see("flood-1", {A: 2}, T0)
    centre.cycle(T0)
    for after in (70, 80, 90, 100):
        centre.see("flood-1", {}, T0 + minutes(after), unknown=unknown)
        assert centre.cycle(T0 + minutes(after)) == []
    assert centre.state("flood-1") == (1, "released", {A: 2})
    assert {row["event_id"] for row in centre.rows(warnings)} == {"flood-1"}
    assert "seen" not in [r["outcome"] for r in centre.rows(event_runs) if r["id"] > 1]


def test_the_same_bulletin_ten_times_is_one_run_and_one_message(centre):
    for after in range(10):
        centre.see("flood-1", {A: 2}, T0, known_at=T0 + minutes(after))
        centre.cycle(T0 + minutes(after))
    seen = [row for row in centre.rows(event_runs) if row["outcome"] == "seen"]
    assert len(seen) == len(centre.rows(warnings)) == 1


def test_the_same_low_bulletin_ten_times_counts_once(centre):
    """Other bytes with the same time are the same knowledge."""
    centre.see("flood-1", {A: 2, B: 2}, T0)
    centre.cycle(T0)
    for after in range(10):
        now = T0 + minutes(90 + after)
        centre.see("flood-1", {B: 2}, T0 + minutes(90), known_at=now, place=f"copy {after}")
        centre.cycle(now)
    assert centre.state("flood-1") == (1, "released", {A: 2, B: 2})


def test_a_clock_that_jumps_back_ends_lowers_and_doubles_nothing(centre):
    centre.see("flood-1", {A: 2}, T0)
    centre.cycle(T0)
    for after in (70, -500, 80, -500, 90):
        before = centre.state("flood-1")
        centre.see("flood-1", {B: 2}, T0 + minutes(70 + abs(after)))
        centre.cycle(T0 + minutes(after))
        assert after > 0 or centre.state("flood-1") == before
    texts = [
        (row["warning_id"], row["version"], row["message_id"]) for row in centre.rows(messages)
    ]
    assert len(texts) == len(set(texts))


# --- official ends --------------------------------------------------------------------------


def test_a_tsunami_keeps_its_highest_level_until_pd_4(centre):
    tsunami = {"hazard": HazardId.TSUNAMI}
    centre.see("tsunami-1", {A: 4, B: 2}, T0, **tsunami)
    centre.cycle(T0)
    for after in range(10, 300, 40):
        centre.see("tsunami-1", {A: 2}, T0 + minutes(after), **tsunami)
        centre.cycle(T0 + minutes(after))
    assert centre.state("tsunami-1")[1:] == ("released", {A: 4, B: 2})
    centre.see("tsunami-1", {A: 2}, T0 + minutes(310), official_end=True, **tsunami)
    centre.cycle(T0 + minutes(310))
    version, state, levels = centre.state("tsunami-1")
    assert (state, levels) == ("ended", {})
    assert set(centre.told("tsunami-1", version)) == {A, B}


def test_no_state_is_ever_left_by_a_trigger_that_the_table_does_not_have(centre):
    from kentongan.life_cycle import TABLE

    centre.see("flood-1", {A: 2}, T0)
    centre.cycle(T0)
    centre.see("flood-1", {A: 3, B: 2}, T0 + minutes(5))
    centre.cycle(T0 + minutes(5))
    centre.cycle(T0 + minutes(900))
    allowed = {(before and str(before), str(step.state)) for (before, _), step in TABLE.items()}
    last: dict[tuple[str, int], str | None] = {}
    for row in sorted(centre.rows(warning_states), key=lambda r: r["id"]):
        key = (row["warning_id"], row["version"])
        assert (last.get(key), row["state"]) in allowed
        last[key] = row["state"]
    assert set(last.values()) == {"superseded", "expired"}


# --- nowcasts follow each other --------------------------------------------------------------


def nowcast(centre, code, levels, at, *, until=120, **changes):
    values = {"valid_to": at + minutes(until), "hazard": HazardId.THUNDERSTORM}
    centre.see(f"thunderstorm-{code}", levels, at, **{**values, **changes})


def test_a_newer_nowcast_of_the_province_takes_over(centre):
    nowcast(centre, "CGT001", all_at(2, (A, B, C)), T0)
    centre.cycle(T0)
    nowcast(centre, "CGT002", all_at(2, (B, C, D)), T0 + minutes(30))
    centre.cycle(T0 + minutes(30))
    centre.cycle(T0 + minutes(31))
    assert set(centre.told("thunderstorm-CGT001", 1)) == {A, B, C}
    assert set(centre.told("thunderstorm-CGT002", 1)) == {D}
    gone = centre.told("thunderstorm-CGT001", 2)
    assert set(gone) == {A} and "tidak lagi mencakup" in gone[A]
    assert centre.state("thunderstorm-CGT001") == (2, "ended", {})
    assert centre.state("thunderstorm-CGT002") == (1, "released", all_at(2, (B, C, D)))
    (link,) = centre.rows(event_links)
    assert (link["event_id"], link["relation"], link["other_id"]) == (
        "thunderstorm-CGT002", "supersedes", "thunderstorm-CGT001",
    )  # fmt: skip
    for after in (32, 60, 100):
        assert centre.cycle(T0 + minutes(after)) == []


def test_one_that_is_covered_wholly_ends_without_a_word(centre):
    nowcast(centre, "CGT001", all_at(2, (A, B)), T0)
    centre.cycle(T0)
    nowcast(centre, "CGT002", all_at(2, (A, B, C)), T0 + minutes(30))
    centre.cycle(T0 + minutes(30))
    centre.cycle(T0 + minutes(31))
    assert centre.state("thunderstorm-CGT001")[:2] == (1, "ended")
    assert set(centre.told("thunderstorm-CGT002", 1)) == {C}


def test_villages_are_told_again_where_the_new_end_is_much_later(centre):
    nowcast(centre, "CGT001", all_at(2, (A, B)), T0, until=60)
    centre.cycle(T0)
    nowcast(centre, "CGT002", all_at(2, (A, B)), T0 + minutes(50), until=180)
    centre.cycle(T0 + minutes(50))
    assert set(centre.told("thunderstorm-CGT002", 1)) == {A, B}


def test_of_nowcasts_first_seen_together_the_newest_speaks(centre):
    """After an outage several of one province come in one cycle; nobody hears two of them."""
    nowcast(centre, "CGT001", all_at(2, (A, B, C)), T0)
    nowcast(centre, "CGT002", all_at(2, (A, B, C)), T0 + minutes(10))
    nowcast(centre, "CGT003", all_at(2, (A, B, C, D)), T0 + minutes(20))
    centre.cycle(T0 + minutes(30))
    assert set(centre.told("thunderstorm-CGT003", 1)) == {A, B, C, D}
    assert centre.versions("thunderstorm-CGT001") == centre.versions("thunderstorm-CGT002") == []
    centre.cycle(T0 + minutes(40))
    assert centre.versions("thunderstorm-CGT001") == centre.versions("thunderstorm-CGT002") == []


def test_an_older_nowcast_speaks_where_the_newer_cannot_be_written(centre, monkeypatch):
    from kentongan.errors import RuleViolation
    from notify import life

    nowcast(centre, "CGT001", all_at(2, (A, B, C)), T0)
    nowcast(centre, "CGT002", all_at(2, (A, B, C)), T0 + minutes(10))
    write = life.Ready.write

    def refused(self, connection):
        if self.warning_id == "w-thunderstorm-CGT002":
            raise RuleViolation("no such village")
        return write(self, connection)

    monkeypatch.setattr(life.Ready, "write", refused)
    centre.cycle(T0 + minutes(20))
    centre.cycle(T0 + minutes(21))
    assert set(centre.told("thunderstorm-CGT001", 1)) == {A, B, C}


@pytest.mark.parametrize(
    "changes", [{"province_codes": ("71",)}, {"status": "Test"}], ids=["province", "drill"]
)
def test_another_province_or_a_drill_takes_nothing_over(centre, changes):
    nowcast(centre, "CGT001", all_at(2, (A, B, C)), T0)
    centre.cycle(T0)
    nowcast(centre, "CXX002", all_at(2, (A, B)), T0 + minutes(30), **changes)
    centre.cycle(T0 + minutes(30))
    centre.cycle(T0 + minutes(31))
    assert centre.state("thunderstorm-CGT001") == (1, "released", all_at(2, (A, B, C)))
    assert centre.rows(event_links) == []


def test_whom_a_warning_left_to_another_it_tells_itself_when_that_one_is_over(centre):
    """Told by the first; told by the first that it is over; the second still holds there."""
    nowcast(centre, "CGT001", all_at(2, (A, B, C)), T0)
    centre.cycle(T0)
    nowcast(centre, "CGT002", all_at(2, (C, D, E)), T0 + minutes(10))
    centre.cycle(T0 + minutes(10))
    assert set(centre.told("thunderstorm-CGT002", 1)) == {D, E}
    over = T0 + minutes(20)
    nowcast(centre, "CGT001", all_at(2, (A, B, C)), over, official_end=True)
    centre.cycle(over)
    assert set(centre.told("thunderstorm-CGT001", 2)) == {A, B, C}
    for after in (1, 2, 3):
        centre.cycle(over + minutes(after))
    assert set(centre.told("thunderstorm-CGT002", 2)) == {C}
    assert centre.state("thunderstorm-CGT002") == (2, "released", all_at(2, (C, D, E)))


def test_two_nowcasts_that_hardly_meet_both_stand(centre):
    nowcast(centre, "CGT001", all_at(2, (A, B, C)), T0)
    nowcast(centre, "CGT002", all_at(2, (C, D, E)), T0 + minutes(10))
    centre.cycle(T0 + minutes(10))
    centre.cycle(T0 + minutes(11))
    assert centre.state("thunderstorm-CGT001")[1] == "released"
    assert centre.state("thunderstorm-CGT002")[1] == "released"


# --- estimates grow together and part ----------------------------------------------------------


def test_two_floods_that_grow_together_are_one_and_nobody_hears_it_twice(centre):
    centre.see("flood-1", all_at(2, (A, B)), T0)
    centre.see("flood-2", all_at(2, (E, F)), T0 + minutes(1), onset=T0 + minutes(1))
    centre.cycle(T0 + minutes(1))
    now = T0 + minutes(20)
    centre.see("flood-1", all_at(2, (A, B, C, D, E)), now)
    centre.see("flood-2", all_at(2, (C, D, E, F)), now, onset=T0 + minutes(1))
    centre.cycle(now)
    centre.cycle(now + minutes(1))
    assert centre.state("flood-1") == (2, "released", all_at(2))
    assert centre.state("flood-2")[:2] == (1, "ended")
    assert set(centre.told("flood-1", 2)) == {C, D}
    (link,) = centre.rows(event_links)
    assert (link["event_id"], link["relation"], link["other_id"]) == (
        "flood-2", "merged-into", "flood-1",
    )  # fmt: skip
    assert centre.cycle(now + minutes(2)) == []


def test_a_flood_that_begins_inside_another_never_warns_by_itself(centre):
    centre.see("flood-1", all_at(2, (A, B, C)), T0)
    centre.cycle(T0)
    centre.see("flood-2", {B: 3, C: 3, D: 2}, T0 + minutes(10), onset=T0 + minutes(10))
    centre.cycle(T0 + minutes(10))
    assert {row["event_id"] for row in centre.rows(warnings)} == {"flood-1"}
    assert centre.state("flood-1")[2] == {A: 2, B: 3, C: 3, D: 2}
    assert set(centre.told("flood-1", 2)) == {B, C, D}


def test_a_part_that_comes_loose_takes_its_villages_along_in_silence(centre):
    centre.see("flood-1", all_at(2), T0)
    centre.cycle(T0)
    now = T0 + minutes(20)
    centre.see("flood-1", all_at(2, (A, B, C)), now)
    centre.see("flood-2", all_at(2, (D, E, F)), now, onset=now)
    for after in (0, 1, 2):
        centre.cycle(now + minutes(after))
    assert centre.state("flood-1")[1:] == ("released", all_at(2, (A, B, C)))
    assert centre.state("flood-2")[1:] == ("released", all_at(2, (D, E, F)))
    assert centre.told("flood-2", 1) == {} and centre.told("flood-1", 2) == {}
    assert [row["relation"] for row in centre.rows(event_links)] == ["split-from"]


def test_two_quakes_are_never_one(centre):
    quake = {"hazard": HazardId.SHAKING}
    centre.see("shaking-1", all_at(2), T0, **quake)
    centre.cycle(T0)
    centre.see("shaking-2", all_at(2), T0 + minutes(9), onset=T0 + minutes(9), **quake)
    centre.cycle(T0 + minutes(9))
    assert set(centre.told("shaking-2", 1)) == set(CODES)
    assert centre.rows(event_links) == []


def test_the_cap_of_a_last_village_says_no_longer_and_not_that_bmkg_ended_it(centre):
    centre.see("flood-1", {A: 2}, T0)
    centre.cycle(T0)
    for after in (70, 80, 90):
        centre.see("flood-1", {A: 0}, T0 + minutes(after))
        centre.cycle(T0 + minutes(after))
    (path,) = (row["path"] for row in centre.rows(alerts) if row["version"] == 2)
    document = centre.context.runs.read(path).decode()
    assert "<msgType>Update</msgType>" in document and "tidak lagi mencakup" in document
    assert "mengakhiri" not in document


def test_a_warning_that_cannot_be_released_keeps_no_other_back(centre, monkeypatch):
    from notify.release import publish as release

    build = release.build

    def breaks(body, **known):
        if body.event_id == "flood-1":
            raise IndexError("a fault")
        return build(body, **known)

    centre.see("flood-1", {A: 2}, T0)
    centre.see("flood-2", {E: 2}, T0)
    with monkeypatch.context() as patch:
        patch.setattr(release, "build", breaks)
        centre.cycle(T0, strict=False)
    assert centre.state("flood-1")[1] == "draft" and centre.state("flood-2")[1] == "released"
    centre.cycle(T0 + minutes(1))
    assert centre.state("flood-1")[1] == "released"
