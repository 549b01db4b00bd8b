"""Tagana and duty posts as pure functions of seed, person and message."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from notify.tasks.mine import MyTask, Press
from orchestration.simulation.acts import Act, Reaction, Stop, Way
from orchestration.simulation.behaviour import Behaviour, TaganaBehaviour
from orchestration.simulation.chance import between, happens, lognormal, pick, share
from orchestration.simulation.heard import Heard, Sense, read

YES = (
    "YA {t}", "ya {t}", "siap {t}", "Siap laksanakan {t}", "OKE {t}", "ok {t}", "iya pak {t}",
    "{t} YA", "y {t}", "sanggup {t}", "nggih {t}", "siapp {t}", "YA {d}", "siap, {t} kami jalan",
)  # fmt: skip
NO = (
    "TIDAK {t}", "tidak {t}", "gak bisa {t}", "maaf tidak bisa {t}", "tdk {t}", "mboten {t}",
    "tidak sanggup {t}", "{t} TIDAK",
)  # fmt: skip
UNCLEAR = ("👍", "ya tidak {t}", "siap tapi tidak bisa {t}", "hm {t}")
BARE = ("YA", "siap", "oke")
DEPART = ("JALAN {t}", "berangkat {t}", "otw {t}", "{t} meluncur")
ARRIVE = ("TIBA {t}", "sampai {t}", "sudah di lokasi {t}", "tiba {t}")
FINISH = ("SELESAI {t} {n}", "selesai {n} jiwa {t}", "sls {t} {n} orang", "beres {t} {n}")
NO_COUNT = ("SELESAI {t}", "tuntas {t}")
FAIL = ("GAGAL {t}", "batal {t} jalan putus")
HELP = ("BANTUAN {t} butuh perahu", "tolong {t} butuh tandu", "BANTUAN {t} warga sakit")
BORROWED = "8"
"""Stands before a number's digits where somebody writes from another telephone."""
_FEWEST = 5
_DIGITS = "0123456789"


def react(seed: int, behaviour: Behaviour, heard: Heard) -> Reaction:
    """What somebody does about one message."""
    found = read(heard)
    if heard.role == "official":
        return _post(seed, behaviour, heard) if found.sense is Sense.UNANSWERED else Reaction()
    if happens(behaviour.tagana.off, seed, heard.person, "off"):
        return Reaction()
    if found.sense in (Sense.CALLED_BACK, Sense.LOST):
        stops = tuple(Stop(heard.person, task, heard.at) for task in found.tasks)
        back = _called_back(heard, found.tasks) if found.sense is Sense.CALLED_BACK else ()
        return Reaction(acts=tuple(back), stops=stops)
    if found.sense is Sense.LIST:
        looks = by_link(seed, behaviour, heard.person)
        return Reaction(tuple(_visits(seed, behaviour.tagana, heard, found.link)) if looks else ())
    if found.sense in (Sense.HOW_MANY, Sense.AGAIN):
        return Reaction(tuple(_again(seed, behaviour.tagana, heard, found.sense, found.tasks)))
    if found.sense in (Sense.ASKED, Sense.REMINDED) and not by_link(seed, behaviour, heard.person):
        return Reaction(tuple(_answers(seed, behaviour.tagana, heard, found.sense, found.tasks)))
    return Reaction()


def by_link(seed: int, behaviour: Behaviour, person: str) -> bool:
    return happens(behaviour.tagana.by_link, seed, person, "by-link")


def brought(seed: int, tagana: TaganaBehaviour, task: str, people: int | None) -> int:
    """How many a team brings to safety; never more than the task counts."""
    count = max(_FEWEST, round(between(*tagana.brought, seed, task, "brought")))
    return count if people is None else min(count, people)


def _answers(
    seed: int, tagana: TaganaBehaviour, heard: Heard, sense: Sense, tasks: tuple[str, ...]
) -> Iterator[Act]:
    for task in tasks:
        missed = happens(tagana.misses_first, seed, heard.person, task, "misses")
        late = happens(tagana.late, seed, heard.person, task, "late")
        if (sense is Sense.ASKED) is (missed and not late):
            continue
        minutes = lognormal(
            tagana.answer_median_min, tagana.answer_spread, seed, heard.person, task, "delay"
        )
        if late:
            minutes += tagana.late_min
        yield from _one(seed, tagana, heard, task, heard.at + timedelta(minutes=minutes))


def _one(
    seed: int, tagana: TaganaBehaviour, heard: Heard, task: str, at: datetime
) -> Iterator[Act]:
    """The answer to one request, and what follows from a yes."""
    who = (heard.person, task)
    if happens(tagana.refuses, seed, *who, "refuses"):
        yield _sms(seed, heard, task, "no", at, NO)
        return
    text, number = _first_words(seed, tagana, heard, task)
    yield Act(at, _key(heard, task, "yes"), heard.at, heard.person, Way.SMS, number, text, task)
    if happens(tagana.twice, seed, *who, "twice"):
        yield _sms(seed, heard, task, "yes-again", at + timedelta(minutes=2), YES)
    if not happens(tagana.silent_after_yes, seed, *who, "silent"):
        yield from _work(seed, tagana, heard, task, at)


def _first_words(seed: int, tagana: TaganaBehaviour, heard: Heard, task: str) -> tuple[str, str]:
    """The text of a yes, and the number from which it comes."""
    left = share(seed, heard.person, task, "how")
    text = _say(seed, heard.person, task, "yes", YES)
    for chance, words, number in (
        (tagana.wrong_digit, text.replace(task[1:], _one_wrong(seed, task)), heard.number),
        (tagana.wrong_number, text, borrowed(heard.number)),
        (tagana.no_number, pick(BARE, seed, heard.person, task, "bare"), heard.number),
        (tagana.unclear, _say(seed, heard.person, task, "unclear", UNCLEAR), heard.number),
    ):
        left -= chance
        if left < 0:
            return words, number
    return text, heard.number


def _one_wrong(seed: int, task: str) -> str:
    digits = list(task[1:])
    place = int(share(seed, task, "place") * len(digits))
    others = [one for one in _DIGITS if one != digits[place]]
    digits[place] = pick(others, seed, task, "digit")
    return "".join(digits)


def borrowed(number: str) -> str:
    """Another made-up telephone: nobody of the registry."""
    return f"{number[:4]}{BORROWED}{number[4:]}"


def _work(
    seed: int, tagana: TaganaBehaviour, heard: Heard, task: str, yes_at: datetime
) -> Iterator[Act]:
    who = (heard.person, task)
    minutes = {
        name: timedelta(minutes=between(*given, seed, *who, name))
        for name, given in (
            ("depart", tagana.depart_min), ("travel", tagana.travel_min), ("work", tagana.work_min),
        )
    }  # fmt: skip
    depart = yes_at + minutes["depart"]
    arrive = depart + minutes["travel"]
    finish = arrive + minutes["work"]
    yield _sms(seed, heard, task, "depart", depart, DEPART)
    if happens(tagana.fails, seed, *who, "fails"):
        yield _sms(seed, heard, task, "fail", depart + minutes["travel"] / 2, FAIL)
        return
    yield _sms(seed, heard, task, "arrive", arrive, ARRIVE)
    if happens(tagana.asks_for_help, seed, *who, "help"):
        yield _sms(seed, heard, task, "help", arrive + minutes["work"] / 3, HELP)
    forgets = happens(tagana.leaves_count_out, seed, *who, "count")
    number = brought(seed, tagana, task, None)
    yield _sms(seed, heard, task, "finish", finish, NO_COUNT if forgets else FINISH, number)


def _again(
    seed: int, tagana: TaganaBehaviour, heard: Heard, sense: Sense, tasks: tuple[str, ...]
) -> Iterator[Act]:
    """Asked back: whoever reads it answers with the number as it stands in the first SMS."""
    for task in tasks:
        at = heard.at + timedelta(minutes=between(1, 6, seed, heard.key, "again"))
        key = f"{heard.person}/{task}/{sense}/{heard.key}"
        text = f"YA {task}"
        if sense is Sense.HOW_MANY:
            text = f"SELESAI {task} {brought(seed, tagana, task, None)}"
        yield Act(at, key, heard.at, heard.person, Way.SMS, heard.number, text, task)


def _called_back(heard: Heard, tasks: tuple[str, ...]) -> Iterator[Act]:
    for task in tasks:
        key = f"{heard.person}/{task}/called-back/{heard.key}"
        at = heard.at + timedelta(minutes=2)
        yield Act(at, key, heard.at, heard.person, Way.SMS, heard.number, f"YA {task}", task)


def _post(seed: int, behaviour: Behaviour, heard: Heard) -> Reaction:
    """A duty post that is told of a task; some take it over."""
    posts = behaviour.posts
    acts = []
    for task in read(heard).tasks:
        if happens(posts.takes_over, seed, heard.person, task, "takes"):
            minutes = lognormal(posts.answer_median_min, 2.0, seed, heard.person, task, "delay")
            at = heard.at + timedelta(minutes=minutes)
            acts.append(_sms(seed, heard, task, "takes", at, YES))
            acts += _work(seed, behaviour.tagana, heard, task, at)
    return Reaction(tuple(acts))


# --- the page --------------------------------------------------------------------------


def _visits(seed: int, tagana: TaganaBehaviour, heard: Heard, link: str) -> Iterator[Act]:
    """Looks at the page, all through a night; what is pressed depends on what it shows."""
    minutes = lognormal(tagana.answer_median_min, tagana.answer_spread, seed, heard.person, "opens")
    for number in range(_VISITS):
        at = heard.at + timedelta(minutes=minutes)
        key = f"{heard.person}/{heard.key}/visit-{number:02}"
        yield Act(at, key, heard.at, heard.person, Way.PAGE, link=link)
        minutes += between(*tagana.visit_every_min, seed, heard.person, "visit", number)


_VISITS = 24
_NEXT = {Press.DEPART: "depart", Press.ARRIVE: "arrive", Press.FINISH: "finish"}


def pressed(
    seed: int, tagana: TaganaBehaviour, person: str, task: MyTask
) -> tuple[Press, int | None] | None:
    """The button that somebody presses for a task as the page shows it; None: none now."""
    offered = task.offered
    who = (person, task.task_id)
    if Press.ACCEPT in offered and Press.DEPART not in offered:
        if task.state in ("declined", "failed"):
            return None
        refuses = happens(tagana.refuses, seed, *who, "refuses")
        return (Press.DECLINE if refuses else Press.ACCEPT), None
    if not offered or happens(tagana.silent_after_yes, seed, *who, "silent"):
        return None
    if Press.FAIL in offered and happens(tagana.fails, seed, *who, "fails"):
        return Press.FAIL, None
    button = next((one for one in _NEXT if one in offered), None)
    if button is Press.FINISH:
        return _on_site(seed, tagana, person, task)
    return (button, None) if button else None


def _on_site(
    seed: int, tagana: TaganaBehaviour, person: str, task: MyTask
) -> tuple[Press, int | None]:
    """Help is asked for once: the step that it makes is the next fence."""
    who = (person, task.task_id)
    if task.fence % 2 == 0 and happens(tagana.asks_for_help, seed, *who, task.fence, "help"):
        return Press.HELP, None
    forgets = happens(tagana.leaves_count_out, seed, *who, "count")
    return Press.FINISH, None if forgets else brought(seed, tagana, task.task_id, task.people)


# --- texts -----------------------------------------------------------------------------


def _sms(
    seed: int,
    heard: Heard,
    task: str,
    what: str,
    at: datetime,
    texts: tuple[str, ...],
    people: int = 0,
) -> Act:
    text = _say(seed, heard.person, task, what, texts, people)
    key = _key(heard, task, what)
    return Act(at, key, heard.at, heard.person, Way.SMS, heard.number, text, task)


def _key(heard: Heard, task: str, what: str) -> str:
    """A request that comes anew is answered anew; reminders of one request are one."""
    sense = read(heard).sense
    cause = heard.key if sense is Sense.ASKED else str(sense)
    return f"{heard.person}/{task}/{what}/{cause}"


def _say(
    seed: int, person: str, task: str, what: str, texts: tuple[str, ...], people: int = 0
) -> str:
    return pick(texts, seed, person, task, what, "text").format(t=task, d=task[1:], n=people)
