"""The live map's data as documents: what a viewer gets, in bytes that are made once for all."""

from __future__ import annotations
