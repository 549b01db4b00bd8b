"""Every command, option, setting, link and path that a page names is there."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from typer.main import get_command

from console.cli.app import app
from kentongan.settings import Settings
from tests.docs.reading import DOCS, ROOT, commands, fault, pages, settings, targets

CLI = get_command(app)
NAMES = [str(page.relative_to(DOCS)) for page in pages()]
OTHERS = [ROOT / "README.md", ROOT / "ops" / "README.md", ROOT / "CONTRIBUTING.md"]
OF_OTHERS = {"KENTONGAN_SAMPLES"}
"""Read by the test suite alone."""
KNOWN = {f"KENTONGAN_{name.upper()}" for name in Settings.model_fields} | OF_OTHERS


def read(name):
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("warning show W", ""),
        ("warning shew W", "no command 'shew'"),
        ("run --scenario flores", ""),
        ("run --szenario flores", "no option --szenario"),
        ("tasks", ""),
    ],
)
def test_a_fault_in_a_command_is_seen(command, expected):
    assert fault(command, CLI) == expected


def test_commands_are_found_where_they_stand():
    text = (
        "see `kentongan feeds` or\n\n    .venv/bin/kentongan web --at T   # pages\n\nno kentongan x"
    )
    assert commands(text) == ["feeds", "web --at T"]


@pytest.mark.parametrize("name", NAMES)
def test_commands_exist(name):
    found = {command: fault(command, CLI) for command in commands(read(name))}
    assert {command: wrong for command, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("page", OTHERS, ids=lambda p: p.parent.name + "/" + p.name)
def test_commands_of_other_pages_exist(page):
    text = page.read_text(encoding="utf-8")
    found = {command: fault(command, CLI) for command in commands(text)}
    assert {command: wrong for command, wrong in found.items() if wrong} == {}
    missing = [t for t in targets(text) if not (page.parent / t.split("#")[0]).exists()]
    assert missing == []


@pytest.mark.parametrize("name", NAMES)
def test_settings_exist(name):
    assert settings(read(name)) - KNOWN == set()


@pytest.mark.parametrize("name", NAMES)
def test_relative_links_lead_somewhere(name):
    folder = (DOCS / name).parent
    missing = [t for t in targets(read(name)) if not (folder / t.split("#")[0]).exists()]
    assert missing == []


def routes():
    from console.web import create_app

    app = create_app(Settings(_env_file=None), clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    return [str(path) for path in (getattr(route, "path", "") for route in app.routes) if path]


def test_paths_of_pages_for_roles_are_served():
    known = [re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + "/?") for path in routes()]
    for name in NAMES:
        if name.startswith(("how-to/", "tutorial/")):
            named = set(re.findall(r"`(/[a-z][\w/.-]*)`", read(name))) - {"/t/"}
            assert [p for p in named if not any(k.fullmatch(p) for k in known)] == [], name


def test_buttons_that_pages_name_are_on_a_page():
    """A button is written **[so]**."""
    templates = (ROOT / "console" / "templates").glob("*.html")
    shown = "\n".join(page.read_text(encoding="utf-8") for page in templates)
    named = {b for n in NAMES for b in re.findall(r"\*\*\[([^\]]+)\]\*\*", read(n))}
    assert len(named) > 8
    labels = {
        re.sub(r"\s+", " ", label) for label in re.findall(r"<button[^>]*>(.*?)</button>", shown)
    }
    assert {b for b in named if not any(b in label for label in labels)} == set()


def test_names_of_pages_in_the_code_are_pages():
    """A docstring that names docs/x.md names a page that is there."""
    pattern = re.compile(r"(?<![\w/.])docs/[\w./-]+\.(?:md|toml)")
    folders = ("kentongan", "ingest", "processing", "risk", "notify", "orchestration", "console")
    files = [f for d in (*folders, "dags", "data") for f in (ROOT / d).rglob("*.[pt][yo]*")]
    files = [f for f in files if f.suffix in {".py", ".toml"} and "node_modules" not in f.parts]
    named = {m for f in files for m in pattern.findall(f.read_text(encoding="utf-8"))}
    assert named and {m for m in named if not (ROOT / m).is_file()} == set()


def test_pages_for_duty_and_coordinators_are_indonesian():
    for name in ("perwira-jaga", "koordinator-tagana", "kartu-operasi"):
        text = read(f"how-to/{name}.md")
        assert text.startswith("---\nlang: id\n---\n")
        assert len(re.findall(r"(?i)\b(yang|dan|tidak|jangan|belum)\b", text)) > 3
