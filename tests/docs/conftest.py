"""The browser of the faces: the site is opened in it."""

from tests.faces.conftest import browser, look

__all__ = ["browser", "look"]
