"""Band 13 (10.4 um) of Himawari as one kind of dataset, whoever published it.

`open_frame` is what other parts call with archived bytes. The files are opened by a process of
their own (`worker`, `child`), because the libraries for HDF5 can be crashed or filled by a hostile
file; what comes back is judged here (`judge`).
"""

from __future__ import annotations

from ingest.frames.read import FORMS, open_frame

__all__ = ["FORMS", "open_frame"]
