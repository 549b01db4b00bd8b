"""Which configured route a message takes: by its number's prefix, then by order, among those that
work. Pure.

A row of the outbox says only that it goes to a real phone (`notify.firewall.gate` decides that) and
over which channel; the dispatcher that sends it writes the route's name beside it, by which
receipts find it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from notify.channels.routes import RouteBase
from notify.firewall.gate import number


def choose(
    routes: Sequence[RouteBase], address: str, works: Callable[[str], bool]
) -> tuple[RouteBase, ...]:
    """The routes that are equally right for an address; empty: none works.

    Args:
        routes: of the message's channel.
        works: route name -> whether it may be used now.
    """
    usable = [route for route in routes if works(route.route)]
    if not usable:
        return ()
    reach = max(_match(route, address) for route in usable)
    named = [route for route in usable if _match(route, address) == reach]
    first = min(route.order for route in named)
    return tuple(route for route in named if route.order == first)


def _match(route: RouteBase, address: str) -> int:
    """Length of its longest prefix of the number; 0: none."""
    spelt = number(address)
    return max((len(p) for p in route.prefixes if spelt.startswith(number(p))), default=0)


def takes_from_pool(routes: Sequence[RouteBase], name: str, works: Callable[[str], bool]) -> bool:
    """Whether a route looks through the messages of its channel that have no route yet: the first
    by order among those that work."""
    usable = [route for route in routes if works(route.route)]
    first = min((route.order for route in usable), default=0)
    return any(route.route == name and route.order == first for route in usable)
