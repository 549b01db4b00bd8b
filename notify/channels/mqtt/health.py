"""Which sirens are alive: what stands at the broker below `health/`, read by a guest of a moment.

A device says `online` when it connects and leaves `offline` as its last will, both retained, so the
broker knows also while nobody of ours is there.
"""

from __future__ import annotations

import time

from kentongan.errors import DispatchError
from notify.channels.mqtt.channel import Mqtt
from notify.channels.mqtt.route import MqttRoute


def listen(route: MqttRoute, seconds: float) -> dict[str, bool]:
    """Device -> whether it is online.

    Raises:
        SettingsError: a key or certificate cannot be used.
        DispatchError: the broker does not answer within this time.
    """
    # A second program with the name of the dispatcher would throw it off the broker.
    guest = route.model_copy(update={"client_id": f"{route.client_id[:34]}-guest"})
    channel = Mqtt(guest, guest=True)
    try:
        if not channel.is_ready(seconds):
            raise DispatchError(
                f"route {route.route}: no answer of the broker {route.host}:{route.port}; is it "
                "up, and do name, password and certificates fit?"
            )
        time.sleep(min(seconds, 0.2))
        return {name: on for name, on in channel.sirens().items() if name != route.client_id}
    finally:
        channel.close()
