"""Whether coordinates are where the codes say: axes, signs, whole layers elsewhere.

The embedded points serve as the map: rough (some are kilometres off), but a swapped axis or a
lost sign moves a place by hundreds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from risk.layers.check.finding import EVERYWHERE, Finding, Severity
from risk.layers.check.reference import Reference

BOX = (94.0, -12.0, 142.0, 7.0)
"""Indonesia (94.97-141.02 E, 11.01 S-6.08 N) and a degree around it."""
_NEAR_KM = 60.0
"""A point in its own area lies nearer than this to one of its villages."""
_ASTRAY_KM = 60.0
_MOST = 0.8
_FEW = 0.5
_NAMED = 3
_F64 = NDArray[np.float64]
_GUESSES = {
    "swapped-axes": "longitude and latitude stand in each other's place",
    "inverted-latitude": "the sign of the latitude is inverted (the equator runs through here)",
    "swapped-and-inverted": "axes are swapped and the sign of the latitude is inverted",
}


@dataclass(frozen=True)
class _Guess:
    name: str
    longitude: _F64
    latitude: _F64


def _guesses(x: _F64, y: _F64) -> list[_Guess]:
    return [
        _Guess("", x, y),
        _Guess("swapped-axes", y, x),
        _Guess("inverted-latitude", x, -y),
        _Guess("swapped-and-inverted", y, -x),
    ]


def examine_places(
    code: NDArray[np.object_], x: _F64, y: _F64, file: str, known: Reference
) -> list[Finding]:
    """Findings about one point of each area.

    Args:
        code: dotted codes of any level, or islands' `PP.KK.4xxxx`; empty where there is none.
        x, y: degrees as they stand in the file, shape (n,).
    """
    finite = np.isfinite(x) & np.isfinite(y)
    code, x, y = code[finite], x[finite], y[finite]
    if x.size == 0:
        return []
    coded = np.array([bool(c) for c in code], dtype=np.bool_)
    if coded.any():
        return _by_code(code[coded], x[coded], y[coded], file, known)
    return _by_land(x, y, file, known)


def _by_code(
    code: NDArray[np.object_], x: _F64, y: _F64, file: str, known: Reference
) -> list[Finding]:
    at_home: dict[str, float] = {}
    for guess in _guesses(x, y):
        if at_home.get("", 0) >= _FEW:
            break
        away = known.away_km(code, guess.longitude, guess.latitude)
        at_home[guess.name] = _share(away < _NEAR_KM, np.isfinite(away))
    best = max(at_home, key=lambda name: (at_home[name], name == ""))
    if at_home[""] < _FEW and best and at_home[best] >= _MOST:
        return [_elsewhere(best, file, x, y, f"{at_home[best]:.0%} of the places fit then")]
    if at_home[""] < _FEW:
        return [_nowhere(file, x, y, at_home[""])]
    return _astray(code, x, y, file, known)


def _share(hits: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return float(hits[among].mean()) if among.any() else 1.0


def _elsewhere(guess: str, file: str, x: _F64, y: _F64, proof: str) -> Finding:
    return Finding(
        Severity.REFUSE, guess, file, "",
        f"places at {_span(x)} / {_span(y)}: {_GUESSES[guess]} ({proof})",
        "longitude 95 to 141 E first, latitude 11 S to 6 N second",
        "correct the file; it is not turned in silence", EVERYWHERE,
    )  # fmt: skip


def _nowhere(file: str, x: _F64, y: _F64, share: float) -> Finding:
    return Finding(
        Severity.REFUSE, "places-elsewhere", file, "",
        f"only {share:.0%} of the places lie within {_NEAR_KM:.0f} km of the area that their "
        f"code names ({_span(x)} / {_span(y)})",
        "places where the decree's areas are",
        "the codes are another list's (BPS?), or the coordinate system is wrong", EVERYWHERE,
    )  # fmt: skip


def _astray(
    code: NDArray[np.object_], x: _F64, y: _F64, file: str, known: Reference
) -> list[Finding]:
    away = known.away_km(code, x, y)
    far = np.flatnonzero(away > _ASTRAY_KM)
    if far.size == 0:
        return []
    worst = far[np.argsort(-away[far], kind="stable")]
    named = ", ".join(f"{code[i]} ({away[i]:.0f} km)" for i in worst[:_NAMED])
    flag = Severity.FLAG if far.size * 50 > code.size else Severity.INFO
    return [
        Finding(
            flag, "places-astray", file, named,
            f"{far.size} of {code.size} places more than {_ASTRAY_KM:.0f} km from where the "
            "decree's area is known",
            "places near the area of their code",
            "look whether the code moved or the point is wrong",
            tuple(str(code[i]) for i in far),
        )
    ]  # fmt: skip


def _by_land(x: _F64, y: _F64, file: str, known: Reference) -> list[Finding]:
    inside = {g.name: _in_box(g) for g in _guesses(x, y)}
    if inside[""] < _FEW:
        best = max(inside, key=lambda name: inside[name])
        if inside[best] >= _MOST:
            return [_elsewhere(best, file, x, y, f"{inside[best]:.0%} lie in Indonesia then")]
        return [
            Finding(
                Severity.REFUSE, "places-elsewhere", file, "",
                f"{_span(x)} / {_span(y)}", "95 to 141 E, 11 S to 6 N",
                "look at the coordinate system", EVERYWHERE,
            )
        ]  # fmt: skip
    here, turned = known.on_land(x, y), known.on_land(x, -y)
    if turned >= _MOST > _FEW > here:
        return [_elsewhere("inverted-latitude", file, x, y, f"{turned:.0%} are on land then")]
    return []


def _in_box(guess: _Guess) -> float:
    west, south, east, north = BOX
    x, y = guess.longitude, guess.latitude
    return float(((x >= west) & (x <= east) & (y >= south) & (y <= north)).mean())


def _span(values: _F64) -> str:
    return f"{values.min():.2f} … {values.max():.2f}"
