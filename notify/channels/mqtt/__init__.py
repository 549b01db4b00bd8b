"""MQTT for sirens and displays: one retained, signed message for each district and warning."""

from notify.channels.mqtt.channel import Mqtt
from notify.channels.mqtt.route import MqttRoute

__all__ = ["Mqtt", "MqttRoute"]
