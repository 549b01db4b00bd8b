"""SMS over SMPP 3.4: one bound session a route, with receipts and what people send us."""

from notify.channels.smpp.channel import SmppChannel
from notify.channels.smpp.route import SmppRoute

__all__ = ["SmppChannel", "SmppRoute"]
