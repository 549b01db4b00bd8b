"""Each program killed with -9 is named by an alarm at a real receiver, within seconds."""

from __future__ import annotations

from benchmarks.kill_alarms import campaign


def test_each_killed_program_is_told_by_name(tmp_path):
    found = {told.component: told for told in campaign(tmp_path, cycle_s=3600)}
    assert set(found) == {"feed-server", "web", "dispatch", "watch", "database"}
    # A beat may be 5 s old (web) and 5 s late; a feed is asked every 6 s and must fail for 3 s.
    assert max(told.seconds for told in found.values()) < 25
    for told in found.values():
        assert told.text.startswith("ALARM sejak "), told
