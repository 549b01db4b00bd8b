"""What holds for every notebook as it is committed."""

from __future__ import annotations

import json

import pytest

from tests.notebooks.running import (
    ROOT,
    cells,
    defines_anything,
    is_committed_clean,
    notebook,
    sources,
)

NAMES = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
LONGEST = 13
"""Lines of a cell that is no import: what a reader takes in at once."""


def test_the_five_are_there():
    assert NAMES == [
        "bring-your-own-hazard.ipynb",
        "first-look.ipynb",
        "night-of-cianjur.ipynb",
        "one-warning-explained.ipynb",
        "rain-afternoon.ipynb",
    ]
    assert all((ROOT / "tests" / "notebooks" / f"test_{n[:-6].replace('-', '_')}.py").is_file()
               for n in NAMES)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_it_is_committed_without_outputs(name):
    assert is_committed_clean(notebook(name))
    ids = [cell["id"] for cell in json.loads(notebook(name).read_text())["cells"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", NAMES)
def test_it_only_uses_the_packages(name):
    assert not defines_anything(notebook(name))


@pytest.mark.parametrize("name", NAMES)
def test_no_cell_is_a_wall(name):
    long = [s for s in sources(notebook(name)) if s.count("\n") >= LONGEST and "import " not in s]
    assert long == []


@pytest.mark.parametrize("name", NAMES)
def test_it_says_where_its_data_come_from(name):
    text = "".join("".join(cell["source"]) for cell in cells(notebook(name), "markdown"))
    assert "Source of data: BMKG" in text or "made up" in text
