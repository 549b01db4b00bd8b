"""The afternoon of rain runs from the first cell to the last and shows what it says."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from tests.notebooks.running import (
    cells,
    data,
    defines_anything,
    executed_once,
    is_committed_clean,
    notebook,
    outputs,
)

NOTEBOOK = notebook("rain-afternoon.ipynb")


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return executed_once(NOTEBOOK, tmp_path_factory)


def test_it_is_committed_without_outputs() -> None:
    assert is_committed_clean(NOTEBOOK)


def test_it_only_uses_the_packages() -> None:
    assert not defines_anything(NOTEBOOK)


def test_it_says_that_the_storms_are_made_up() -> None:
    first = "".join(cells(NOTEBOOK, "markdown")[0]["source"])
    assert "made up" in first


def test_every_cell_runs_and_nothing_complains(executed: Path) -> None:
    complaints = [o for o in outputs(executed) if o["output_type"] == "error"]
    complaints += [o for o in outputs(executed) if o.get("name") == "stderr"]
    assert complaints == []


def test_the_pictures_are_there_and_differ(executed: Path) -> None:
    pictures = data(executed, "image/png")
    assert len(set(pictures)) == len(pictures) == 7
    for one in pictures:
        with Image.open(io.BytesIO(base64.b64decode(one))) as image:
            assert image.width > 850
            assert len(image.convert("RGB").getcolors(100_000) or ()) > 10
    (line,) = data(executed, "image/svg+xml")
    assert "rain rate, mm/h" in line and "brightness temperature, K" in line


def test_villages_and_texts(executed: Path) -> None:
    texts = ["".join(o["text"]) for o in outputs(executed) if o["output_type"] == "stream"]
    assert any("people where the rain is not known" in text for text in texts)
    assert any("LATIHAN" in text and "hujan lebat" in text for text in texts)


def test_parallax_is_taken_back(executed: Path) -> None:
    texts = ["".join(o["text"]) for o in outputs(executed) if o["output_type"] == "stream"]
    (line,) = [text for text in texts if text.startswith("correlation")]
    before, after = (float(word) for word in line.split() if word[:2] == "0.")
    assert after > before


def test_the_map_opens_without_internet(executed: Path) -> None:
    (frame,) = [page for page in data(executed, "text/html") if "<iframe srcdoc" in page]
    assert "Content-Security-Policy" in frame and "LATIHAN" in frame
