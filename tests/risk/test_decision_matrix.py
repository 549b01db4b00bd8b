"""Impact and likelihood to level: the matrix, when acting pays, floors, and refused figures."""

from __future__ import annotations

import csv
import tomllib
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.decision_policy import DecisionPolicy
from kentongan.errors import DataError, SettingsError
from kentongan.hazard import HazardEvent
from kentongan.policy import LevelPolicy, load_policy
from kentongan.settings import data_dir
from kentongan.types import DocumentStatus, HazardId, Level
from risk.decision import relative_value, village_evidence, warned_levels
from risk.decision.evidence import event_size

T0 = datetime(2026, 8, 15, 3, 0, tzinfo=UTC)
FILE = data_dir() / "policy" / "decision.toml"
LEVELS = load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy)
RULES = load_policy(FILE, DecisionPolicy)
A, B, C = (f"53.07.01.200{n}" for n in (1, 2, 3))


def event(hazard: HazardId = HazardId.FLOOD, **changes: object) -> HazardEvent:
    values: dict[str, object] = {
        "event_id": f"{hazard}-1",
        "hazard_id": hazard,
        "level": Level.AWAS,
        "onset": T0,
        "valid_from": T0,
        "valid_to": T0 + timedelta(hours=2),
        "official": hazard in (HazardId.TSUNAMI, HazardId.THUNDERSTORM),
        "status": DocumentStatus.ACTUAL,
        "title": "Peringatan",
        "method": "test/1",
        "observations": (),
    }
    return HazardEvent.model_validate({**values, **changes})


def evidence(hazard, levels, rules=RULES, *, held=(), nowcast=(), **columns):
    codes = [f"53.07.01.2{n:03d}" for n in range(len(levels))]
    table = pd.DataFrame({"adm4_code": codes, "level": levels, **columns})
    return village_evidence(
        event(hazard), table, policy=LEVELS, rules=rules, held=held or codes, nowcast=nowcast
    )


def levels(*args, **kwargs):
    return evidence(*args, **kwargs)["level"].tolist()


def changed(**sections):
    plain = tomllib.loads(FILE.read_text())
    for path, value in sections.items():
        part, _, key = path.partition("__")
        if key:
            plain[part][key] = value
        else:
            plain[part] = value
    return plain


# --- the matrix -------------------------------------------------------------------------

P = [0.05, 0.15, 0.3, 0.7]
"""One of each likelihood class."""


@pytest.mark.parametrize(
    ("impact", "expected"),
    [(1, [0, 0, 1, 1]), (2, [0, 1, 2, 2]), (3, [1, 2, 3, 3]), (4, [1, 2, 3, 4])],
)
def test_the_matrix_cell_by_cell(impact, expected):
    """Impact 4 at p = 0.05 stands at C/L itself: acting does not pay, so it is no public level."""
    assert levels(HazardId.FLOOD, [impact] * 4, probability=P) == expected


def test_a_grave_impact_is_warned_of_at_a_probability_just_above_its_cost_loss():
    found = evidence(HazardId.FLOOD, [4, 4], probability=[0.05, 0.051])
    assert found["level"].tolist() == [1, 2]
    assert found["decided_by"].tolist() == ["cost-loss", "matrix"]
    assert found["cost_loss"].tolist() == [0.05, 0.05]


@pytest.mark.parametrize("hazard", [h for h in HazardId if h is not HazardId.RAIN])
def test_without_a_probability_every_level_stays_what_the_hazard_says(hazard):
    assert levels(hazard, [0, 1, 2, 3, 4]) == [0, 1, 2, 3, 4]
    assert levels(hazard, [0, 1, 2, 3, 4], probability=[np.nan] * 5) == [0, 1, 2, 3, 4]


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1), st.floats(0, 1)), min_size=1))
def test_likelier_or_graver_never_gives_less(cases):
    hazard = [level for level, _, _ in cases]
    low = [min(a, b) for _, a, b in cases]
    high = [max(a, b) for _, a, b in cases]
    less, more = (levels(HazardId.FLOOD, hazard, probability=p) for p in (low, high))
    assert all(a <= b for a, b in zip(less, more, strict=True))
    graver = levels(HazardId.FLOOD, [min(level + 1, 4) for level in hazard], probability=low)
    assert all(a <= b for a, b in zip(less, graver, strict=True))


@pytest.mark.parametrize("wrong", [-0.1, 1.5, 70.0])
def test_a_probability_in_percent_is_refused(wrong):
    with pytest.raises(DataError, match="divided by 100"):
        levels(HazardId.FLOOD, [3], probability=[wrong])


def test_a_level_outside_0_to_4_is_refused():
    with pytest.raises(DataError, match="0 to 4, found -1"):
        levels(HazardId.FLOOD, [-1, 3])


def test_a_regency_may_have_its_own_cost_loss():
    own = changed(
        cost_loss_of_regency={
            "53.07": {"impact_2_ratio": 0.4, "impact_3_ratio": 0.3, "impact_4_ratio": 0.2}
        }
    )
    rules = DecisionPolicy.model_validate(own)
    assert levels(HazardId.FLOOD, [2], probability=[0.3]) == [2]
    assert levels(HazardId.FLOOD, [2], rules, probability=[0.3]) == [1]


# --- official warnings, vulnerability, size ----------------------------------------------


@pytest.mark.parametrize("p", [0.0, 0.05, 0.3])
def test_our_matrix_never_lowers_an_official_warning(p):
    assert levels(HazardId.THUNDERSTORM, [2, 0], probability=[p, p]) == [2, 0]
    assert levels(HazardId.TSUNAMI, [2, 3, 4], probability=[p] * 3) == [2, 3, 4]


def test_vulnerability_raises_by_one_class_and_never_a_tsunami():
    rank = [0.79, 0.81, np.nan]
    assert levels(HazardId.FLOOD, [2, 2, 2], vulnerability=rank) == [2, 3, 2]
    assert levels(HazardId.FLOOD, [4, 4, 0], vulnerability=[1.0, 0.1, 1.0]) == [4, 4, 0]
    assert levels(HazardId.TSUNAMI, [2, 2, 2], vulnerability=rank) == [2, 2, 2]


@pytest.mark.parametrize(
    ("people", "shift", "event_class"),
    [([40, 9], -1, 2), ([40, 60], 0, 3), ([9_999, 0], 0, 3), ([10_000, 0], 1, 4)],
)
def test_size_is_of_the_event_and_a_hamlet_keeps_its_level(people, shift, event_class):
    table = pd.DataFrame({"adm4_code": [A, B], "level": [3, 2], "exposed_people": people})
    found = village_evidence(event(), table, policy=LEVELS, rules=RULES, held=(A, B))
    assert found["level"].tolist() == [3, 2]
    size = event_size(table, warned_levels(found), RULES)
    assert (size.shift, size.event_class) == (shift, event_class)


# --- limits of our own estimates ---------------------------------------------------------


def test_no_rain_estimate_jumps_from_nothing_to_awas():
    table = pd.DataFrame({"adm4_code": [A, B, C], "level": [4, 4, 4]})
    both = {"policy": LEVELS, "rules": RULES}
    alone = village_evidence(event(), table, **both, held=(B,), nowcast=(C,))
    assert alone["level"].tolist() == [3, 4, 4]
    assert alone["decided_by"].tolist() == ["rain-jump", "matrix", "matrix"]
    likely = village_evidence(event(), table.assign(probability=[0.5, 0.5, 0.5]), **both)
    assert likely["level"].tolist() == [4, 4, 4]
    shaking = village_evidence(event(HazardId.SHAKING), table, **both)
    assert shaking["level"].tolist() == [4, 4, 4]


def test_the_evidence_names_value_threshold_and_who_had_the_last_word():
    table = {"rule": ["share-of-people"] * 2, "value": [6.7, 5.0], "uncovered_people": [12, 0]}
    found = evidence(HazardId.SHAKING, [3, 1], **table)
    assert found["threshold"].tolist() == [6.5, 4.5]
    assert found["likelihood"].tolist() == ["high", "high"]
    assert found["hold_level"].tolist() == [4, 2]  # 6.7 >= 0.8 * 7.5 and 5.0 >= 0.8 * 5.5
    assert found["uncovered_people"].tolist() == [12, 0]


def test_empty_and_wholly_unknown_tables_warn_nobody_and_say_so():
    assert len(evidence(HazardId.FLOOD, [])) == 0
    found = evidence(HazardId.FLOOD, [0, 0], known_fraction=[0.0, 0.4])
    assert warned_levels(found) == {}
    assert found["hold_level"].tolist() == [-1, -1]


# --- the value of acting -----------------------------------------------------------------


def test_the_value_formula_equals_the_published_closed_form(samples):
    path = samples / "hazard-refs" / "cost_loss_value_closed_form.csv"
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert len(rows) >= 10
    for row in rows:
        found = relative_value(
            float(row["H_pod"]),
            float(row["F_pofd"]),
            float(row["base_rate"]),
            float(row["cost_loss_ratio"]),
        )
        assert found == pytest.approx(float(row["relative_value_V"]), abs=5e-6)


def test_perfect_warnings_are_worth_one_and_the_climate_nothing():
    assert relative_value(1, 0, 0.1, 0.3) == pytest.approx(1)
    assert relative_value(1, 1, 0.3, 0.1) == pytest.approx(0)
    assert relative_value(0, 0, 0.1, 0.3) == pytest.approx(0)


@pytest.mark.parametrize("wrong", [(1, 0, 0, 0.5), (1, 0, 0.5, 1), (1.2, 0, 0.1, 0.5)])
def test_impossible_rates_have_no_value(wrong):
    with pytest.raises(DataError):
        relative_value(*wrong)


# --- refused figures ----------------------------------------------------------------------

IMPOSSIBLE = [
    ({"matrix__impact_3_level": [2, 1, 3, 3]}, "likelier impact never gives a lower level"),
    ({"matrix__impact_1_level": [0, 2, 2, 2]}, "graver impact never gives a lower level"),
    ({"matrix__impact_4_level": [2, 2, 3, 5]}, "levels 0 to 4"),
    ({"matrix__impact_4_level": [2, 2, 3]}, "impact_4_level"),
    ({"matrix__impact_4_level": [2, 3, 3, 3]}, "each impact keeps its level"),
    ({"cost_loss__impact_2_ratio": 1.2}, "between 0 and 1"),
    ({"cost_loss__impact_4_ratio": 0.0}, "between 0 and 1"),
    ({"cost_loss__impact_4_ratio": 0.5}, "never acted on later"),
    ({"likelihood__low_from_probability": 0.6}, "ascending"),
    ({"likelihood__when_not_known": "certain"}, "expected one of very-low, low, medium, high"),
    ({"likelihood__when_not_known": "low"}, "each impact keeps its level"),
    ({"hold__waspada_minutes": -1}, "greater than or equal to 0"),
    ({"hold__awas_minutes": 10}, "never held for a shorter time"),
    ({"hold__lower_below_factor": 1.5}, "less than or equal to 1"),
    ({"hold__seen_cycles": 0}, "greater than or equal to 1"),
    ({"hold__never_lowered": []}, "only PD-4 ends it"),
    ({"floor__nowcast_level": 1}, "greater than or equal to 2"),
    ({"size__small_below_people": 20_000}, "above large_from_people"),
    ({"succession__hazards": ["shaking"]}, "told by itself"),
    ({"rain_jump__hazards": ["hail"]}, "hail"),
    ({"cost_loss_of_regency": {"Boalemo": {}}}, "cost_loss_of_regency"),
    ({"thresholds": {}}, "thresholds"),
    ({"hold__siaga_hours": 2}, "siaga_hours"),
    ({"author": ""}, "author"),
]


@pytest.mark.parametrize(("wrong", "words"), IMPOSSIBLE)
def test_an_impossible_figure_is_refused_by_name(tmp_path, wrong, words):
    path = tmp_path / "decision.toml"
    path.write_text(as_toml(changed(**wrong)))
    with pytest.raises(SettingsError, match=words):
        load_policy(path, DecisionPolicy)


def as_toml(values, prefix=""):
    plain = {k: v for k, v in values.items() if not isinstance(v, dict)}
    lines = [f"{key} = {word(value)}" for key, value in plain.items()]
    for key, value in values.items():
        if isinstance(value, dict):
            name = f"{prefix}{key}" if "." not in key else f'{prefix}"{key}"'
            lines += [f"[{name}]", as_toml(value, f"{name}.")]
    return "\n".join(lines)


def word(value):
    if isinstance(value, list):
        return f"[{', '.join(map(word, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def test_the_file_itself_survives_the_writer_of_these_tests(tmp_path):
    path = tmp_path / "decision.toml"
    path.write_text(as_toml(changed()))
    assert load_policy(path, DecisionPolicy) == RULES
