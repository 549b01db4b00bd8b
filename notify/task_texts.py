"""The SMS that asks a coordinator for help: number, kind, where, people, where to, reply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kentongan.plan import PlannedTask
from kentongan.types import HazardId, TaskKind
from notify.firewall import Marked
from notify.phrases import phrases
from notify.texts import fitted


@dataclass(frozen=True)
class TaskPlace:
    village: str
    kind: str
    """Desa, Kelurahan or Desa Adat."""
    district: str
    regency: str
    """Shortened: `Kab. Cianjur`."""

    @property
    def short_village(self) -> str:
        return f"{'Kel.' if self.kind == 'Kelurahan' else 'Ds.'}{self.village}"


def task_sms(
    task_id: str,
    task: PlannedTask,
    place: TaskPlace,
    *,
    hazard: HazardId,
    shelter: str,
    status: str,
) -> Marked:
    """One part for every name: places get shorter first, then the shelter, then the words.

    `TUGAS T482173: periksa & bantu korban gempa, Ds.Cijedil, Kec.Cugenang, 4.210 jiwa. …`
    """
    return fitted(_ways(task_id, task, place, hazard, shelter), status)


def _ways(
    task_id: str, task: PlannedTask, place: TaskPlace, hazard: HazardId, shelter: str
) -> Iterator[str]:
    people = f"{task.people:,}".replace(",", ".") + " jiwa"
    reply = f"Balas: YA {task_id} / TIDAK {task_id}"
    for rule in (_rule(task), ""):
        for to in dict.fromkeys([_towards(task, shelter), _towards(task, shelter[:24]), ""]):
            for what in _what(task, hazard):
                for where in _where(place):
                    yield f"TUGAS {task_id}: {what} {where}, {people}{to}. {rule}{reply}"


def _where(place: TaskPlace) -> list[str]:
    village = place.short_village
    return [
        f"{village}, Kec.{place.district}, {place.regency}",
        f"{village}, Kec.{place.district}",
        village,
        f"{village[:30]}",
    ]


def _what(task: PlannedTask, hazard: HazardId) -> list[str]:
    name = phrases()[hazard].name_id
    if task.kind is TaskKind.ASSESS:
        name = "gempa" if hazard is HazardId.SHAKING else name
        return [f"periksa & bantu korban {name} di", f"bantu korban {name},"]
    if task.kind is TaskKind.RECEIVE:
        return ["terima pengungsi dari", "pengungsi"]
    return [f"bantu evakuasi ({name}) dari", "evakuasi"]


def _towards(task: PlannedTask, shelter: str) -> str:
    if not shelter:
        return ""
    word = "di" if task.kind is TaskKind.RECEIVE else "ke"
    return f", {word} {shelter}"


def _rule(task: PlannedTask) -> str:
    """What keeps a volunteer alive; it goes only after every name has been shortened."""
    if task.kind is TaskKind.RECEIVE:
        return "Jangan masuk zona tsunami. "
    if task.after:
        return f"Tunggu {task.after}. "
    return ""
