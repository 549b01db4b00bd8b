"""Web Push (RFC 8030, 8188, 8291, 8292): one message a subscription, by the browser's maker."""

from notify.channels.webpush.channel import WebPush
from notify.channels.webpush.route import WebPushRoute

__all__ = ["WebPush", "WebPushRoute"]
