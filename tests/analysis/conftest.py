"""The browser of the faces: a saved map is opened in it."""

from tests.faces.conftest import browser, look

__all__ = ["browser", "look"]
