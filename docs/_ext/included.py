"""Parts of pages that come from the folder: files of the repository, pages nobody has listed."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#\s]+)(#[^)]*)?\)")
PAGES = {"ops/README.md": "how-to/processes.md", "CHANGELOG.md": "reference/changelog.md"}
"""Files of the repository that are pages of the site under another name."""


def markdown(path: str) -> str:
    """The text of a file of the repository, without its title."""
    text = (ROOT / path).read_text(encoding="utf-8")
    return text.split("\n", 1)[1] if text.startswith("# ") else text


def relink(text: str, page: str, of: str | None = None) -> str:
    """Links as they must stand on the site.

    Args:
        page: where the text is shown, below docs/, e.g. "how-to/processes".
        of: the file that it was written in, by its path in the repository; none: the page itself.

    A link to a file of the repository that is no page becomes its words and its path.
    """
    folder = (ROOT / (of or f"docs/{page}.md")).parent

    def one(match: re.Match[str]) -> str:
        words, target, part = match[1], match[2], match[3] or ""
        if re.match(r"[a-z]+:", target):
            return match[0]
        path = (folder / target).resolve()
        if not path.is_relative_to(ROOT):
            return match[0]
        name = str(path.relative_to(ROOT))
        shown = DOCS / PAGES[name] if name in PAGES else path
        if shown.is_relative_to(DOCS):
            return f"[{words}]({_up(page)}{shown.relative_to(DOCS)}{part})"
        return words if words.strip("`") == name else f"{words} (`{name}`)"

    return LINK.sub(one, text)


def _up(page: str) -> str:
    return "../" * page.count("/")


def others() -> str:
    """Pages directly below docs/ that no list of contents names, one a line."""
    lines = [
        line.strip()
        for index in DOCS.glob("*/index.md")
        for line in index.read_text(encoding="utf-8").splitlines()
    ]
    listed = {line.removeprefix("../") for line in lines if line.startswith("../")}
    found = sorted(page.stem for page in DOCS.glob("*.md"))
    return "\n".join(f"../{name}" for name in found if name not in {*listed, "index"})
