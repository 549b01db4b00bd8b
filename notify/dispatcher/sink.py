"""Where a route's channel puts what comes back: committed before it is acknowledged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kentongan.errors import RuleViolation
from kentongan.transactions import writing
from notify.channels.channel import DeliveryReport, InboundMessage, Outgoing
from notify.dispatcher.shared import Shared
from notify.dispatcher.writer import ReceiptWriter


@dataclass(frozen=True)
class RouteSink:
    """Of one route; its methods are called by the channel's threads."""

    shared: Shared
    writer: ReceiptWriter
    way: str
    """As the rows of the route say it (`test` in a test run)."""

    def receipts(self, reports: Sequence[DeliveryReport]) -> None:
        if reports:
            self.writer.put([replace(report, route=self.way) for report in reports])

    def inbound(self, message: InboundMessage) -> None:
        from notify.inbox.store import keep

        if self.shared.keys is None:
            raise RuleViolation(f"route {self.way}: no key to seal the sender of a message with")
        keep(self.shared.engine, self.shared.keys, message)

    def gone(self, message: Outgoing) -> None:
        """A browser's subscription is forgotten; topics and numbers are nobody's to drop."""
        from notify.registry.push import drop_endpoint

        if self.shared.keys is None or message.channel != "push":
            return
        try:
            endpoint = str(json.loads(message.address)["endpoint"])
        except (ValueError, KeyError, TypeError):
            return
        with writing(self.shared.engine) as connection:
            drop_endpoint(connection, self.shared.keys, endpoint, at=self.shared.clock())
