"""The life of a task: one table of (state, trigger) -> state.

    planned ── ASK ──► sent ── RECEIVE ──► received ── ACCEPT ──► accepted ── DEPART ──► en-route
                        │                    │                      │                       │
                        └── ACCEPT ──────────┘                      └─────── ARRIVE ──► on-site
    sent … on-site ── FINISH ──► done      sent … on-site ── DECLINE ──► declined ── ASK ──► sent
    accepted … on-site ── FAIL ──► failed ── ASK ──► sent
    everything but done ── TAKE_BACK ──► planned (a team must not go there)
    everything but done ── END ──► recalled (its warning is over)

Volunteers are asked, never ordered: silence is no acceptance. A word that does not fit the state
changes nothing and is kept as a note, never an error: people answer late, twice and out of order.
"""

from __future__ import annotations

from enum import StrEnum


class TaskState(StrEnum):
    PLANNED = "planned"
    """Nobody is asked: no team is there, or it was taken back. The need stays visible."""
    SENT = "sent"
    """A person was asked."""
    RECEIVED = "received"
    """Their telephone has it, or they opened the link. No answer yet."""
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EN_ROUTE = "en-route"
    ON_SITE = "on-site"
    DONE = "done"
    FAILED = "failed"
    """Whoever accepted it could not do it."""
    RECALLED = "recalled"
    """The warning is over, or was taken back."""


class TaskTrigger(StrEnum):
    ASK = "ask"
    """A person is asked: the first, or another after them."""
    RECEIVE = "receive"
    ACCEPT = "accept"
    DECLINE = "decline"
    DEPART = "depart"
    ARRIVE = "arrive"
    FINISH = "finish"
    FAIL = "fail"
    TAKE_BACK = "take-back"
    """Into a zone drawn since: nobody goes."""
    END = "end"
    """All-clear or cancel of its warning."""


_S, _T = TaskState, TaskTrigger

WAITING = frozenset({_S.SENT, _S.RECEIVED})
"""Asked, and silent so far: time escalates these."""
HELD = frozenset({_S.ACCEPTED, _S.EN_ROUTE, _S.ON_SITE})
"""Somebody has said yes and works on it."""
FREE = frozenset({_S.DECLINED, _S.DONE, _S.FAILED, _S.RECALLED})
"""The team can be asked for something else."""
OVER = frozenset({_S.DONE, _S.RECALLED})
"""Nothing more is expected, unless the warning begins again."""
ANSWERED = HELD | {_S.DECLINED, _S.DONE, _S.FAILED, _S.RECALLED}
"""A newer plan leaves these as they are."""

_ASKED = (_S.SENT, _S.RECEIVED, _S.ACCEPTED, _S.EN_ROUTE, _S.ON_SITE)

TABLE: dict[tuple[TaskState, TaskTrigger], TaskState] = {
    **{(s, _T.ASK): _S.SENT for s in (_S.PLANNED, *WAITING, _S.DECLINED, _S.FAILED)},
    (_S.RECALLED, _T.ASK): _S.SENT,  # its warning began again
    (_S.SENT, _T.RECEIVE): _S.RECEIVED,
    **{(s, _T.ACCEPT): _S.ACCEPTED for s in (*WAITING, _S.DECLINED, _S.FAILED)},
    **{(s, _T.DECLINE): _S.DECLINED for s in _ASKED},
    **{(s, _T.DEPART): _S.EN_ROUTE for s in (*WAITING, _S.ACCEPTED)},
    **{(s, _T.ARRIVE): _S.ON_SITE for s in (*WAITING, _S.ACCEPTED, _S.EN_ROUTE)},
    **{(s, _T.FINISH): _S.DONE for s in (*_ASKED, _S.FAILED)},
    **{(s, _T.FAIL): _S.FAILED for s in HELD},
    **{
        (s, _T.TAKE_BACK): _S.PLANNED
        for s in TaskState
        if s not in (_S.DONE, _S.RECALLED, _S.PLANNED)
    },
    **{(s, _T.END): _S.RECALLED for s in TaskState if s not in OVER},
}


def after(state: TaskState, trigger: TaskTrigger) -> TaskState | None:
    """Where a trigger leads; None: it changes nothing there."""
    return TABLE.get((state, trigger))
