"""Which DAG polls which supporting feed, and how often. No decision waits for these; what some of
them bring starts one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SupportDag:
    dag_id: str
    title: str
    sources: tuple[str, ...]
    schedule: str
    """Cron, UTC."""
    leaves: str = ""
    """Name of the asset that what is new leaves: it starts `respond`."""


SUPPORT = (
    SupportDag(
        "detections",
        "Automatic and confirmed detections of quakes: the history of a quake's solutions",
        ("bmkg-detections",),
        "* * * * *",
    ),
    SupportDag(
        "catalogue", "BMKG's catalogue of damaging quakes", ("bmkg-catalogue",), "17 * * * *"
    ),
    SupportDag(
        "shakemaps",
        "BMKG's ShakeMap grids, half an hour after",
        ("bmkg-shakemap",),
        "*/2 * * * *",
        leaves="bmkg-shakemap",
    ),
    SupportDag(
        "pictures",
        "Satellite pictures that are archived and shown, not decoded",
        ("himawari-images", "himawari-clouds"),
        "*/10 * * * *",
    ),
    SupportDag(
        "frames",
        "Rain rate, and band 13 of Himawari-9, from whatever source is configured",
        ("noaa-err", "himawari-b13", "himawari-ptree", "himawari-hsd", "jaxa-gsmap"),
        "*/5 * * * *",
        leaves="rain-frames",
    ),
    SupportDag(
        "warnings-en",
        "BMKG's nowcast warnings in English: texts, and areas where the Indonesian ones fail",
        ("bmkg-nowcast-en",),
        "* * * * *",
    ),
    SupportDag("radar", "BMKG's radar archive, with a key", ("bmkg-radar",), "*/5 * * * *"),
)
