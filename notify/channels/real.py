"""What every way to a real phone is built on: it takes cleared messages and nothing else.

Only the firewall makes `Cleared` (`notify.firewall.clearance`), so a type checker refuses code
that hands a plain message to a real channel; and because types can be talked round, `send` looks
again at the moment of sending.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import final

from kentongan.errors import RuleViolation
from notify.channels.channel import Outgoing, Receipt, Sink
from notify.firewall.clearance import Cleared


class RealChannel(ABC):
    """A gateway, a modem, a push service."""

    route: str
    window: int
    """Messages in flight at once: at most so many are in doubt after a crash."""

    @final
    def send(self, messages: Sequence[Cleared]) -> list[Receipt]:
        """Hand the messages to the other side; one receipt for each, in order.

        Raises:
            RuleViolation: one of them is not cleared, or its clearance has run out; none is sent.
            DispatchError: certainly nothing was sent.
        """
        for message in messages:
            if type(message) is not Cleared:
                raise RuleViolation(
                    f"route {self.route}: expected a cleared message, found "
                    f"{type(message).__name__}; only the firewall hands messages to a channel"
                )
            message.check()
        return list(self.transmit([message.message for message in messages]))

    def open(self, sink: Sink) -> None:  # noqa: B027 not every channel has such a part
        """Start what runs beside sending (a session, a reader of receipts); returns at once.

        Called once by the process that owns the route; a channel without such a part does nothing.
        """

    def close(self) -> None:  # noqa: B027
        """End it; what is in flight is answered first, or its outcome is unknown."""

    @abstractmethod
    def transmit(self, messages: Sequence[Outgoing]) -> Sequence[Receipt]:
        """The wire itself; called by `send` and by nobody else."""
