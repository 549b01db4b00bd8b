"""Offices by regency: nothing unknown is taken."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from kentongan.contacts import Contacts, contacts


def test_the_file_of_the_repository_loads_and_names_nobody():
    assert contacts().bpbd == {}


@pytest.mark.parametrize(
    "wrong", [{"bpbd": {"5307": "x" * 5}}, {"bpbd": {"53.07": ""}}, {"bnpb": {}}],
    ids=["no-code", "empty", "unknown-key"],
)  # fmt: skip
def test_what_names_no_regency_is_refused(wrong):
    with pytest.raises(ValidationError):
        Contacts.model_validate({"author": "a", "date": "2026-11-22", **wrong})
