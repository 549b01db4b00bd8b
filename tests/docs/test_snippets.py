"""The code of the analyst's tutorial runs, from its first block to its last."""

from __future__ import annotations

import re

from console import analysis
from tests.docs.reading import DOCS
from tests.faces.scenes import scene, scenes_folder

BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_first_notebook(tmp_path_factory, monkeypatch):
    found = scene(scenes_folder(tmp_path_factory), "cianjur").home
    monkeypatch.setattr(analysis, "play", lambda name, *, steps: analysis.open_home(found))
    blocks = BLOCK.findall((DOCS / "tutorial" / "first-notebook.md").read_text(encoding="utf-8"))
    assert len(blocks) > 5
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "first-notebook.md", "exec"), names)  # noqa: S102 our own page
    assert len(names["villages"]) > 100
    names["home"].close()


def test_every_name_that_the_tables_of_pages_give_is_one_of_a_home():
    text = (DOCS / "how-to" / "analyst.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:home\.)?([a-z_]+)\(", text)) - {"open_home"}
    assert named and {n for n in named if not hasattr(analysis.Home, n)} == set()
