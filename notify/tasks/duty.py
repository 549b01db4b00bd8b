"""Who holds which post: deputies, the duty posts above them, BPBD."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Engine, select

from kentongan.db import duty_posts, insert_ignore, recipients
from kentongan.errors import RuleViolation
from kentongan.escalation_policy import Rung
from kentongan.transactions import writing
from notify.firewall.gate import SYNTHETIC_PREFIX

BPBD = "bpbd"
_AREA_CHARS = {Rung.DEPUTY: 5, Rung.REGENCY: 5, BPBD: 5, Rung.PROVINCE: 2, Rung.COMMAND_CENTRE: 0}
POSTS = tuple(map(str, _AREA_CHARS))
_SYNTHETIC = {"deputy": "1", "regency": "2", BPBD: "3", "province": "4", "command-centre": "5"}


def area_of(post: str, adm4_code: str) -> str:
    """The area that a post serves: regency, province, or empty for the nation.

    Raises:
        RuleViolation: no such post.
    """
    if post not in POSTS:
        raise RuleViolation(f"post {post!r}: expected one of {', '.join(POSTS)}")
    return adm4_code[: _AREA_CHARS[post]]


def holder(
    connection: Connection, post: str, adm4_code: str, *, but: Collection[str] = ()
) -> str | None:
    """Who holds a post for a village, the first by rank who is not in `but`; None: nobody."""
    query = (
        select(duty_posts.c.recipient_id)
        .join(recipients, recipients.c.recipient_id == duty_posts.c.recipient_id)
        .where(duty_posts.c.role == post, duty_posts.c.area_code == area_of(post, adm4_code))
        .where(recipients.c.active, duty_posts.c.recipient_id.not_in(list(but)))
        .order_by(duty_posts.c.rank, duty_posts.c.recipient_id)
    )
    return connection.execute(query.limit(1)).scalar()


def holders(connection: Connection, post: str) -> dict[str, list[str]]:
    """Area -> everybody who holds this post there, by rank."""
    query = (
        select(duty_posts.c.area_code, duty_posts.c.recipient_id)
        .join(recipients, recipients.c.recipient_id == duty_posts.c.recipient_id)
        .where(duty_posts.c.role == post, recipients.c.active)
        .order_by(duty_posts.c.area_code, duty_posts.c.rank, duty_posts.c.recipient_id)
    )
    found: dict[str, list[str]] = {}
    for area, person in connection.execute(query):
        found.setdefault(area, []).append(person)
    return found


def appoint(
    connection: Connection, recipient_id: str, post: str, adm4_code: str, *, rank: int = 1
) -> None:
    """Give somebody of the registry a post; a new rank replaces the old one.

    Raises:
        RuleViolation: no such post, or nobody of that id who serves by duty.
    """
    area = area_of(post, adm4_code)
    query = select(recipients.c.role).where(recipients.c.recipient_id == recipient_id)
    role = connection.execute(query).scalar()
    if role not in ("coordinator", "official"):
        found = f"a {role}" if role else "nobody"
        raise RuleViolation(
            f"post {post}: expected a coordinator or an official of the registry, {recipient_id!r} "
            f"is {found}; add them with: kentongan recipients add"
        )
    dismiss(connection, recipient_id, post, adm4_code)
    row = {"role": post, "area_code": area, "recipient_id": recipient_id, "rank": rank}
    connection.execute(duty_posts.insert().values(**row))


def dismiss(connection: Connection, recipient_id: str, post: str, adm4_code: str) -> bool:
    """Take a post from somebody; whether they held it."""
    held = (
        (duty_posts.c.role == post)
        & (duty_posts.c.area_code == area_of(post, adm4_code))
        & (duty_posts.c.recipient_id == recipient_id)
    )
    return connection.execute(duty_posts.delete().where(held)).rowcount > 0


def ensure_synthetic_posts(engine: Engine, regencies: Iterable[str]) -> None:
    """A made-up person for each post of these regencies, so that an exercise is complete.

    Ids like `o-deputy-32.03`; numbers +999, the post's digit and the area's.
    """
    people, posts = [], []
    for regency in sorted(set(regencies)):
        for post in POSTS:
            area = area_of(post, regency)
            person = f"o-{post}-{area}".rstrip("-")
            people.append(_synthetic(person, post, area, regency))
            posts.append({"role": post, "area_code": area, "recipient_id": person, "rank": 1})
    if people:
        with writing(engine) as connection:
            connection.execute(insert_ignore(connection, recipients), people)
            connection.execute(insert_ignore(connection, duty_posts), posts)


def _synthetic(person: str, post: str, area: str, regency: str) -> dict[str, Any]:
    digits = area.replace(".", "").ljust(4, "0")
    return {
        "recipient_id": person,
        "role": "coordinator" if post == Rung.DEPUTY else "official",
        "adm4_code": f"{regency}.01.1001",
        "address": f"{SYNTHETIC_PREFIX}9{_SYNTHETIC[post]}{digits}",
        "language": "id",
        "synthetic": True,
        "by_push": False,
    }
