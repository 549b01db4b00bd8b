"""Coefficients of the models, read from `data/gmm/`; each file names its paper and tables."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kentongan.errors import SettingsError
from kentongan.settings import data_dir

Measure = Literal["pga", "pgv"]


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Ba08(Strict):
    """One row of Tables 3, 6, 7 and 8 of Boore & Atkinson (2008)."""

    c1: float
    c2: float
    c3: float
    h: float = Field(gt=0)
    e: float
    e5: float
    e6: float
    e7: float
    m_hinge: float
    b_lin: float
    b1: float
    b2: float
    sigma: float = Field(gt=0)
    tau: float = Field(gt=0)


class ZhaoType(Strict):
    """Terms of one type of source: Table 4 (`s`, `s_log`) and Table 6 of Zhao et al. (2006)."""

    s: float = 0.0
    s_log: float = 0.0
    p: float = 0.0
    q: float
    w: float
    tau: float = Field(gt=0)


class Zhao06(Strict):
    """One period of Tables 4 to 6 of Zhao et al. (2006)."""

    a: float
    b: float
    c: float
    d: float
    e: float
    reverse: float
    site: tuple[float, float, float, float, float]
    sigma: float = Field(gt=0)
    crustal: ZhaoType
    interface: ZhaoType
    intraslab: ZhaoType


_Model = TypeVar("_Model", bound=BaseModel)


def parse(text: str, model: type[_Model], name: str) -> _Model:
    """Check one document.

    Raises:
        SettingsError: not TOML, an unknown or missing key, a value that cannot be.
    """
    try:
        return model.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise SettingsError(f"coefficients {name}: {error}") from error


def read(path: Path, model: type[_Model]) -> _Model:
    """Read and check one file.

    Raises:
        SettingsError: not readable, or as `parse`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"coefficients {path}: {error}") from error
    return parse(text, model, str(path))


class _Ba08File(Strict):
    pga: Ba08
    pgv: Ba08


class _Zhao06File(Strict):
    pga: Zhao06
    sa1: Zhao06


@cache
def _tables() -> dict[str, Any]:
    folder = data_dir() / "gmm"
    return {
        "ba08": read(folder / "ba08.toml", _Ba08File),
        "zhao06": read(folder / "zhao06.toml", _Zhao06File),
    }


def ba08(measure: Measure) -> Ba08:
    """Coefficients of PGA (g) or PGV (cm/s)."""
    table: _Ba08File = _tables()["ba08"]
    return table.pga if measure == "pga" else table.pgv


def zhao06(period: Literal["pga", "sa1"]) -> Zhao06:
    """Coefficients of PGA or of spectral acceleration at 1.0 s, both cm/s2."""
    table: _Zhao06File = _tables()["zhao06"]
    return table.pga if period == "pga" else table.sa1
