"""A list of tasks as a file: PDF for paper, CSV for tables, GeoJSON, GPX and KML for maps.

Every file is made of the same lines (`notify.tasks.listing`), says first what is unmet, carries the
mark of its run on everything that it names, and is the same to the byte for the same input.
"""

from notify.tasks.export.files import FORMATS, LARGEST, Format, Made, fitting, make
from notify.tasks.export.sheet import Amounts, Sheet

__all__ = ["FORMATS", "LARGEST", "Amounts", "Format", "Made", "Sheet", "fitting", "make"]
