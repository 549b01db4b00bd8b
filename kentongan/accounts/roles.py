"""Who may do what: one table, nothing implied."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    VIEWER = "viewer"
    ANALYST = "analyst"
    DUTY_OFFICER = "duty-officer"
    APPROVER = "approver"
    COORDINATOR = "coordinator"
    ADMIN = "admin"


class Act(StrEnum):
    VIEW = "view"
    TICK = "tick"
    """Steps of a checklist."""
    APPROVE = "approve"
    CANCEL = "cancel"
    """Take a warning back: author of the correction."""
    ALL_CLEAR = "all-clear"
    BREAK_GLASS = "break-glass"
    REVIEW = "review"
    """The second look after a break-glass."""
    STOP = "stop"
    """Close a switch: nothing is sent any more."""
    RESUME = "resume"
    """Open it again."""
    ACCOUNTS = "accounts"
    REGISTRY = "registry"
    """Recipients: add, import, export, erase."""
    HEAR = "hear"
    """What comes in: write a call down, route a case, close it."""
    AUDIT = "audit"
    """Read who did what."""


PERMISSIONS: dict[Role, frozenset[Act]] = {
    Role.VIEWER: frozenset({Act.VIEW}),
    Role.ANALYST: frozenset({Act.VIEW, Act.AUDIT}),
    Role.COORDINATOR: frozenset({Act.VIEW, Act.TICK, Act.REGISTRY, Act.HEAR}),
    Role.DUTY_OFFICER: frozenset(
        {
            Act.VIEW, Act.TICK, Act.APPROVE, Act.CANCEL, Act.ALL_CLEAR, Act.BREAK_GLASS, Act.STOP,
            Act.HEAR, Act.AUDIT,
        }
    ),
    Role.APPROVER: frozenset(
        {
            Act.VIEW, Act.TICK, Act.APPROVE, Act.CANCEL, Act.ALL_CLEAR, Act.BREAK_GLASS, Act.REVIEW,
            Act.STOP, Act.RESUME, Act.HEAR, Act.AUDIT,
        }
    ),
    # Whoever makes accounts must not approve with them.
    Role.ADMIN: frozenset({Act.VIEW, Act.STOP, Act.ACCOUNTS, Act.REGISTRY, Act.AUDIT}),
}  # fmt: skip


def may(role: Role, act: Act) -> bool:
    return act in PERMISSIONS[role]


def who_may(act: Act) -> str:
    """`duty-officer or approver`: for a message that says whom to ask."""
    return " or ".join(role for role in Role if may(role, act))
