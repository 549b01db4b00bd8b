"""Every route that a run has; what is written takes those open to its status."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from notify.firewall.gate import Routes
    from orchestration.context import CycleContext


def routes_of(context: CycleContext) -> Routes:
    from notify.cap.publisher import Publisher
    from notify.firewall.gate import all_routes

    settings = context.settings
    publisher = Publisher.from_settings(settings)
    return all_routes(
        settings.mode,
        live=context.live,
        test_numbers=publisher.test_numbers,
        test_blinds=publisher.test_blinds,
    )
