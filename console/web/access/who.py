"""Who asks: a person with an account, whoever sits at a machine without accounts, or nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, true
from starlette.requests import HTTPConnection

from kentongan.accounts.gate import Actor
from kentongan.accounts.roles import Act, Role, may


@dataclass(frozen=True)
class Who:
    """What a page knows of its reader; pages get it by `who(request)`."""

    account_id: str = ""
    """Empty: nobody is signed in."""
    name: str = ""
    role: Role | None = None
    areas: tuple[str, ...] = ()
    """Prefixes of area codes; empty: the nation (of somebody with a role)."""
    machine: bool = False
    """At a machine that has no account yet, before its own screen: may what its command may. In
    actual mode every act that reaches people is still refused without an account and its code."""
    session_hash: str = ""
    must_change: bool = False
    """The password is an admin's: nothing but another one first."""

    @property
    def signed_in(self) -> bool:
        return bool(self.account_id)

    def may(self, act: Act) -> bool:
        if self.role is not None:
            return may(self.role, act)
        return self.machine and act not in (Act.ACCOUNTS, Act.REGISTRY)

    def covers(self, code: str) -> bool:
        """Whether this area is theirs; codes at their dots (`32.03` covers `32.03.01.2001`)."""
        return not self.outside([code])

    def outside(self, codes: Sequence[str]) -> list[str]:
        if not self.areas:
            return []
        within = tuple(f"{area}." for area in self.areas)
        return [code for code in codes if not f"{code}.".startswith(within)]

    def within(self, column: ColumnElement[str]) -> ColumnElement[bool]:
        """For a query: rows whose area code is theirs."""
        if not self.areas:
            return true()
        return or_(
            *(
                or_(column == area, column.startswith(f"{area}.", autoescape=True))
                for area in self.areas
            )
        )

    def actor(self, code: str = "") -> Actor:
        """For the door before every act (`kentongan.accounts.gate.admit`)."""
        return Actor(self.account_id or self.name, code)


NOBODY = Who()


def who(request: HTTPConnection) -> Who:
    """Put there by the guard; without it, nobody."""
    found: Who = getattr(request.state, "who", NOBODY)
    return found
