"""The SMS that ask a coordinator for help, and those that take a task back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kentongan.plan import PlannedTask
from kentongan.types import HazardId, TaskKind
from notify.area.names import plain_name, shortened
from notify.firewall.gate import Marked
from notify.wording.gsm7 import to_basic
from notify.wording.phrases import phrases
from notify.wording.texts import fitted

SHORT_SHELTER, SHORT_VILLAGE = 24, 30
"""Characters that are left of a long name before it is given up."""


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
    bare = plain_name(shelter)
    what, where, to = _what(task, hazard)[0], _where(place)[0], _towards(task, shelter)
    yield f"TUGAS {task_id}: {what} {where}, {people}{to}. {_rule(task)}{reply}"
    tos = [_towards(task, name) for name in (bare, shortened(bare, SHORT_SHELTER), "")]
    for rule in (_rule(task), ""):
        for to in dict.fromkeys(tos):
            for what in _what(task, hazard):
                for where in _where(place):
                    yield f"TUGAS {task_id}: {what} {where}, {people}{to}. {rule}{reply}"


def _where(place: TaskPlace) -> list[str]:
    village = place.short_village
    return [
        f"{village}, Kec.{place.district}, {place.regency}",
        f"{village}, Kec.{place.district}",
        village,
        shortened(village, SHORT_VILLAGE),
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


def recall_sms(task_id: str, place: TaskPlace, *, shelter: str, status: str) -> Marked:
    """Out, now, and not in again before PD-4; `shelter` if that is where the team waits.

    `BATAL TUGAS T482173: zona tsunami. Tarik tim dari Ds.Aeramo, Kec.Aesesa SEKARANG, …`
    """
    return fitted(_recall_ways(task_id, place, plain_name(shelter)), status)


def _recall_ways(task_id: str, place: TaskPlace, shelter: str) -> Iterator[str]:
    wheres = _where(place)
    if shelter:
        name = shortened(shelter, SHORT_SHELTER)
        wheres = [f"{shelter}, {wheres[2]}", f"{name}, {wheres[2]}", name, *wheres[2:]]
    for where in wheres:
        yield (
            f"BATAL TUGAS {task_id}: zona tsunami. Tarik tim dari {where} SEKARANG, "
            f"jangan masuk sebelum PD-4. Balas: YA {task_id}"
        )


def repeat_sms(task_id: str, people: int, place: TaskPlace, *, minutes: int, status: str) -> Marked:
    """`BELUM DIJAWAB 3 mnt: TUGAS T482173, Ds.Cijedil, Kec.Cugenang, 4.210 jiwa. Balas: …`"""
    reply = f"Balas: YA {task_id} / TIDAK {task_id}"
    count = f"{people:,}".replace(",", ".") + " jiwa"
    ways = (
        f"BELUM DIJAWAB {minutes} mnt: TUGAS {task_id}, {where}, {count}. {reply}"
        for where in _where(place)
    )
    return fitted(ways, status)


def unanswered_sms(
    task_id: str, people: int, place: TaskPlace, *, minutes: int, status: str
) -> Marked:
    """To a post above: nobody has said yes, somebody must see to it.

    `TUGAS T482173 belum diterima siapa pun (10 mnt): Ds.Cijedil, Kec.Cugenang, 4.210 jiwa. …`
    """
    count = f"{people:,}".replace(",", ".") + " jiwa"
    ends = (f"Hubungi tim. Ambil alih: YA {task_id}", f"Ambil alih: YA {task_id}")
    ways = (
        f"TUGAS {task_id} belum diterima siapa pun ({minutes} mnt): {where}, {count}. {end}"
        for end in ends
        for where in _where(place)
    )
    return fitted(ways, status)


def summary_sms(
    task_ids: Sequence[str],
    people: int,
    place: TaskPlace,
    *,
    asked: bool,
    minutes: int,
    status: str,
) -> Marked:
    """One SMS for many tasks; as many numbers as it holds, the rest counted.

    `12 TUGAS belum dijawab 10 mnt, Kab. Cianjur dst, 31.400 jiwa: T482173 T118244 +10 lagi. …`
    """
    count = f"{people:,}".replace(",", ".") + " jiwa"
    head = f"{len(task_ids)} TUGAS " + (
        "dialihkan kepada Anda" if asked else f"belum dijawab {minutes} mnt"
    )
    return fitted(_summaries(task_ids, f"{head}, {place.regency}, {count}"), status)


def _summaries(task_ids: Sequence[str], head: str) -> Iterator[str]:
    for shown in range(min(len(task_ids), 10), 0, -1):
        rest = len(task_ids) - shown
        more = f" +{rest} lagi" if rest else ""
        yield f"{head}: {' '.join(task_ids[:shown])}{more}. Balas YA/TIDAK dan nomornya"


def help_sms(task_id: str, place: TaskPlace, said: str, *, status: str) -> Marked:
    """To the post above: a team asks for help, in its own words as far as they fit.

    `BANTUAN diminta tim TUGAS T482173, Ds.Cijedil, Kec.Cugenang: "butuh perahu karet"`
    """
    return fitted(_helps(task_id, place, " ".join(to_basic(said).split())), status)


def _helps(task_id: str, place: TaskPlace, said: str) -> Iterator[str]:
    head = f"BANTUAN diminta tim TUGAS {task_id}, {_where(place)[1]}"
    for length in (90, 60, 40, 20):
        yield f'{head}: "{said[:length]}"'
    yield head
    yield f"BANTUAN diminta tim TUGAS {task_id}, {_where(place)[3]}"


def invitation_sms(count: int, people: int, regency: str, link: str, *, status: str) -> Marked:
    """`3 TUGAS untuk Anda, Kab. Cianjur, 4.210 jiwa. Daftar & peta: https://…/t/… `"""
    jiwa = f"{people:,}".replace(",", ".") + " jiwa"
    ways = (
        f"{count} TUGAS untuk Anda, {regency}, {jiwa}. Daftar & peta: {link} Jawab di sana atau "
        "balas YA/TIDAK dan nomornya",
        f"{count} TUGAS untuk Anda, {regency}, {jiwa}. Daftar, peta, jawab: {link}",
        f"{count} TUGAS untuk Anda, {jiwa}. Daftar: {link}",
        f"{count} TUGAS: {link}",
    )
    return fitted(ways, status)
