"""What no open source has, made up by fixed rules and marked so: people, teams, shelters.

Deterministic without any random state: each choice is the hash of a code and a purpose, so one
more village changes nothing elsewhere. Figures behind the rules: 38,992 Tagana members in 2020,
about 76 a regency, in teams of 10 (design assumption); no register of posts, coordinators or
shelters is open.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray

KELURAHAN_WEIGHT = 3.0
"""An urban village weighs as much as three rural ones: 8,496 kelurahan hold more than a fifth
of the nation on a tenth of its villages."""
AREA_POWER = 0.25
"""People grow with the fourth root of the area: sixteen times the land, twice the people."""
TEAM_MEMBERS = 10
_TEAMS = (7, 9)
"""Teams of a regency, from and below: about 76 members in tens."""
_COORDINATORS = (1, 4)
_ON_DUTY_PCT = 60
_SHELTER_EVERY = 8
"""One village in so many has a shelter, besides one a district."""
_CAPACITY = (200, 1501)
"""People, from and below."""
_MARK = "(sintetis)"

_I64 = NDArray[np.int64]
_F64 = NDArray[np.float64]


def hashed(texts: pd.Series | list[str], purpose: str) -> _I64:
    """63-bit hashes of texts, int64, one per text."""
    salt = purpose.encode()
    digests = (hashlib.blake2b(t.encode(), digest_size=8, key=salt).digest() for t in texts)
    return np.array([int.from_bytes(d, "big") >> 1 for d in digests], dtype=np.int64)


def share_out(totals: pd.Series, group: pd.Series, weight: _F64) -> _I64:
    """Whole people by largest remainder within each group.

    Args:
        totals: people by group key.
        group: group key of each village, ascending.
        weight: positive, one per village.

    Returns:
        int64, one per village; each group sums to its total.
    """
    keys, index = np.unique(group.to_numpy(), return_inverse=True)
    total = totals.loc[keys].to_numpy(np.int64)
    exact = weight / np.bincount(index, weights=weight)[index] * total[index]
    whole: _I64 = np.floor(exact).astype(np.int64)
    missing = total - np.bincount(index, weights=whole).astype(np.int64)
    order = np.lexsort((-(exact - whole), index))
    start = np.searchsorted(index[order], np.arange(len(keys)))
    rank = np.arange(len(order)) - start[index[order]]
    whole[order[rank < missing[index[order]]]] += 1
    return whole


def modelled_people(villages: pd.DataFrame, sharers: _I64, regency_people: pd.Series) -> _I64:
    """People of each village, from the regency's register.

    Args:
        villages: `adm4_code` ascending, `kind`, `area_km2`.
        sharers: how many villages hold the same shape.
        regency_people: people by dotted regency code.
    """
    urban = np.where(villages["kind"] == "Kelurahan", KELURAHAN_WEIGHT, 1.0)
    area = villages["area_km2"].to_numpy(np.float64) / sharers
    return share_out(regency_people, villages["adm4_code"].str[:5], urban * area**AREA_POWER)


def coordinators(villages: pd.DataFrame) -> pd.DataFrame:
    """One to three coordinators a regency, columns of `kentongan.areas.COORDINATORS`."""
    rows = []
    for regency, members in villages.groupby(villages["adm4_code"].str[:5], sort=True):
        low, high = _COORDINATORS
        count = low + int(hashed([str(regency)], "coordinators")[0] % (high - low))
        homes = _ranked(members, "coordinator-home").iloc[:count]
        for number, home in enumerate(homes.itertuples(), start=1):
            rows.append(
                {
                    "coordinator_id": f"KO-{regency}-{number}",
                    "name": f"Koordinator {number} Tagana {home.adm2_name} {_MARK}",
                    "adm2_code": str(regency),
                    "adm4_code": home.adm4_code,
                    # Country code 999 is not assigned; every real channel refuses it.
                    "msisdn": f"+999{str(regency).replace('.', '')}{number:05d}",
                }
            )
    return pd.DataFrame(rows)


def teams(villages: pd.DataFrame, coordinators: pd.DataFrame) -> pd.DataFrame:
    """Seven or eight teams a regency, each in another district while there are enough."""
    heads = coordinators.groupby("adm2_code")["coordinator_id"].agg(list)
    chosen = []
    for regency, members in villages.groupby(villages["adm4_code"].str[:5], sort=True):
        low, high = _TEAMS
        count = low + int(hashed([str(regency)], "teams")[0] % (high - low))
        posts = _one_by_one(_ranked(members, "post")).iloc[:count].copy()
        posts["number"] = np.arange(1, len(posts) + 1)
        own = heads[regency]
        posts["coordinator_id"] = [own[i % len(own)] for i in range(len(posts))]
        chosen.append(posts)
    posts = pd.concat(chosen, ignore_index=True)
    area, number = posts["adm4_code"].str[:5], posts["number"].astype(str)
    return pd.DataFrame(
        {
            "team_id": "TG-" + area + "-" + number,
            "post_id": "PO-" + posts["adm4_code"],
            "name": "Tagana " + posts["adm2_name"] + " Regu " + number + " " + _MARK,
            "adm4_code": posts["adm4_code"],
            "longitude": posts["longitude"],
            "latitude": posts["latitude"],
            "members": np.int16(TEAM_MEMBERS),
            "coordinator_id": posts["coordinator_id"],
            "on_duty": hashed(posts["adm4_code"], "on-duty") % 100 < _ON_DUTY_PCT,
        }
    )


def shelters(villages: pd.DataFrame) -> pd.DataFrame:
    """One shelter a district, inland where it can be, and one in every eighth village."""
    draw = hashed(villages["adm4_code"], "shelter")
    coastal = (villages["coast_share"] > 0).to_numpy()
    order = np.lexsort((draw, coastal, villages["adm4_code"].str[:8].to_numpy()))
    district = villages["adm4_code"].str[:8].to_numpy()[order]
    first = np.concatenate([[True], district[1:] != district[:-1]])
    has = draw % _SHELTER_EVERY == 0
    has[order[first]] = True
    homes = villages[has]
    low, high = _CAPACITY
    capacity = low + hashed(homes["adm4_code"], "capacity") % (high - low)
    hall = homes["kind"].map({"Kelurahan": "Kantor Kelurahan"}).fillna("Balai Desa")
    return pd.DataFrame(
        {
            "shelter_id": "SH-" + homes["adm4_code"],
            "name": hall + " " + homes["name"] + " " + _MARK,
            "adm4_code": homes["adm4_code"],
            "longitude": homes["longitude"],
            "latitude": homes["latitude"],
            "capacity": capacity.astype(np.int32),
        }
    ).reset_index(drop=True)


def _ranked(members: pd.DataFrame, purpose: str) -> pd.DataFrame:
    return members.iloc[np.argsort(hashed(members["adm4_code"], purpose), kind="stable")]


def _one_by_one(ranked: pd.DataFrame) -> pd.DataFrame:
    """The same rows so that districts take turns."""
    turn = ranked.groupby(ranked["adm4_code"].str[:8]).cumcount()
    return ranked.iloc[np.argsort(turn.to_numpy(), kind="stable")]
