"""The plan in plain words: unmet first, then how sure it is, then who goes where."""

from __future__ import annotations

from datetime import UTC, datetime

from console.plan_text import first_line, proof_line, supplies_text, task_text
from kentongan.plan import Leg, PlannedTask, Proof
from kentongan.types import TaskKind
from risk.evacuation.supplies import supplies

LEGS = (
    Leg(people=150, team_id="a", team="Regu 1", members=10, skills=("logistics",), eta_min=20.0,
        shelter_id="s", shelter="Balai", way_min=75.9, line=((1.0, 2.0), (1.0, 2.1))),
    Leg(people=50, team_id="b", team="Regu 2", phone=False, eta_min=30.0, shelter_id="s",
        shelter="Balai", way_min=75.9, way="roads", marks=("outdoors",)),
    Leg(people=200, shelter_id="t", shelter="Lapangan", way_min=10.0),
)  # fmt: skip


def task(**changes) -> PlannedTask:
    values = {
        "kind": TaskKind.EVACUATE, "adm4_code": "32.03.01.2001", "level": 4, "people": 1400,
        "unmet_people": 1200, "team_id": "a", "coordinator_id": "k", "shelter_id": "t",
        "eta_min": 20.0, "mobilisation_min": 30.0, "note": "n", "legs": LEGS,
        "deadline": datetime(2026, 11, 22, 5, 30, tzinfo=UTC),
    }  # fmt: skip
    return PlannedTask(**{**values, **changes})


def test_the_first_line_is_what_is_unmet():
    nobody = task(team_id=None, legs=(), people=7, unmet_people=7)
    assert first_line([task(), nobody]) == (
        "UNMET: 1.207 of 1.407 people; 1 of 2 villages without any team; 2 teams asked"
    )
    assert first_line([]).startswith("UNMET: 0 of 0 people")


def test_who_how_many_where_by_which_way_until_when():
    assert task_text(task(after="PD-4"), "Cijedil").splitlines() == [
        "Awas evacuate Cijedil (32.03.01.2001): 1.400 people, 1.200 unmet, "
        "until 2026-11-22T05:30:00Z, after PD-4",
        "  Regu 1 (10 members, logistics, there in 50 min): 150 people to Balai, 76 min on foot "
        "(straight line x detour)",
        "  Regu 2 (no telephone, there in 60 min): 50 people to Balai [outdoors], 76 min on foot "
        "(over roads)",
        "  no team: 200 people to Lapangan, 10 min on foot (straight line x detour)",
        "  note: n",
    ]


def test_a_plan_that_is_not_proven_says_how_far_it_may_be_off():
    assert proof_line(Proof(optimal=False, gap_people=1200)) == (
        "NOT PROVEN, the time ran out: at most 1.200 more people could be helped"
    )
    said = proof_line(Proof(pairs=5, components=2, pairs_left_out=3))
    assert said == "optimum proven over 5 pairs in 2 parts; 3 far pairs not looked at"
    assert proof_line(None) == "nothing is planned beside what teams hold already"


def test_needs_have_a_line_for_each_shelter_and_their_sources():
    lines = supplies_text(supplies([task()])).splitlines()
    assert lines[0].split()[:2] == ["shelter", "people"]
    assert lines[1].split()[:4] == ["Balai", "200", "1.000", "700"]
    assert lines[2].split()[0] == "Lapangan"
    assert any("Sphere Handbook 2018" in line for line in lines[3:])
    assert any("(unconfirmed)" in line and "Perka BNPB 7/2008" in line for line in lines[3:])
    assert supplies_text(()) == ""
