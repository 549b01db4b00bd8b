"""The verdict on exactly these words and this layer set; asked before a release."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from kentongan.errors import DataError, RuleViolation
from kentongan.settings import data_dir
from notify.wording.language import CODES, FOLDER, spoken_languages
from notify.wording.lint import Finding, lint, names_of

_FILES = ("hazards.toml", *(f"{code}.toml" for code in CODES))
_COLUMNS = ["name", "adm3_name", "adm2_name", "adm1_name"]
_SHOWN = 3


@dataclass(frozen=True)
class Verdict:
    """What the linter said of exactly these words and this layer set.

    Attributes:
        words: sha256 over the files of words.
        layers: version of the layer set.
        findings: of languages that may go out; empty: every text fits every area.
        drafts: of languages that nobody has reviewed; they are never used.
    """

    words: str
    layers: str
    findings: tuple[Finding, ...]
    drafts: tuple[Finding, ...] = ()

    @property
    def clean(self) -> bool:
        return not self.findings

    def as_json(self) -> dict[str, object]:
        return {
            "words": self.words,
            "layers": self.layers,
            "clean": self.clean,
            "findings": [str(finding) for finding in self.findings],
            "drafts": [str(finding) for finding in self.drafts],
        }

    @property
    def summary(self) -> str:
        state = "every text fits every area" if self.clean else f"{len(self.findings)} findings"
        drafts = f"; {len(self.drafts)} in languages not reviewed" if self.drafts else ""
        return f"words {self.words[:12]}, layer set {self.layers}: {state}{drafts}"


def judge(layers: str | Path = "") -> Verdict:
    """Lint the words against a layer set, the embedded one by default; once for the same bytes.

    Raises:
        DataError: the layer set cannot be read.
    """
    folder = Path(layers) if str(layers) else data_dir() / "layers" / "embedded"
    return _judge(words_digest(), folder, _version(folder))


def require_linted(layers: str | Path = "") -> Verdict:
    """The verdict, if it is clean.

    Raises:
        RuleViolation: a text would not fit or lacks a part; nothing may be released.
    """
    verdict = judge(layers)
    if not verdict.clean:
        first = "; ".join(map(str, verdict.findings[:_SHOWN]))
        raise RuleViolation(
            f"the words of warnings are not proved for layer set {verdict.layers}: "
            f"{len(verdict.findings)} findings, first: {first}; "
            "correct notify/wording and run 'kentongan warning lint'"
        )
    return verdict


def words_digest() -> str:
    """sha256 over names and bytes of the files of words."""
    digest = hashlib.sha256()
    for name in _FILES:
        content = (FOLDER / name).read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _version(folder: Path) -> str:
    path = folder / "manifest.json"
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"layer set {folder}: expected manifest.json with a version") from error


@lru_cache(maxsize=8)
def _judge(words: str, folder: Path, version: str) -> Verdict:
    import pandas as pd

    names = names_of(pd.read_parquet(folder / "villages.parquet", columns=_COLUMNS))
    ready = spoken_languages()
    drafts = tuple(code for code in CODES if code not in ready)
    return Verdict(
        words=words,
        layers=version,
        findings=tuple(lint(names, ready)),
        drafts=tuple(lint(names, drafts)),
    )
