"""The web application: pages of the public, of residents and of the command centre, open data, CAP.

What a person does there goes through the same doors as the command.
"""

from __future__ import annotations

from console.web.app import create_app

__all__ = ["create_app"]
