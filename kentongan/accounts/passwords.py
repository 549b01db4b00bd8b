"""Passwords: Argon2id (RFC 9106), few hashes at once, and the same time for a name nobody has."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LEAST, MOST = 12, 256
"""Characters. Below 12 a stolen table is guessed; longer than 256 is no password of a person."""
BESIDES_NAME = 8
GENERATED_BYTES = 15
"""20 characters, 120 bits."""
WAITING = 8
"""Who may wait for one lane: at 0.2-0.6 s a hash the last of them gets an answer within 5 s."""


class Busy(Exception):
    """Too many wait for a hash already."""


class Lane:
    """One hash at a time, each with 64 MiB, and a few who wait."""

    def __init__(self, waiting: int = WAITING) -> None:
        self._turn = threading.Lock()
        self._room = threading.BoundedSemaphore(waiting + 1)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """
        Raises:
            Busy: the lane is full.
        """
        if not self._room.acquire(blocking=False):
            raise Busy
        try:
            with self._turn:
                yield
        finally:
            self._room.release()


KNOWN, STRANGERS = Lane(), Lane()
"""Two hashes at once at most. Browsers that signed in before have a lane of their own: a crowd of
strangers must not keep the officer on duty out."""


def trouble_of(password: str, account_id: str) -> str:
    """Empty, or why it is too weak, in English."""
    plain = _plain(password)
    if not LEAST <= len(plain) <= MOST:
        return f"expected {LEAST} to {MOST} characters, found {len(plain)}"
    if account_id and len(plain.casefold().replace(account_id, "")) < BESIDES_NAME:
        return "it is little else than the name of the account"
    if len(set(plain)) < 5:
        return "expected at least 5 different characters"
    return ""


def generated() -> str:
    return secrets.token_urlsafe(GENERATED_BYTES)


def hashed(password: str) -> str:
    """PHC text with algorithm, parameters, salt and hash."""
    return hasher().hash(_plain(password))


def matches(stored: str | None, password: str) -> bool:
    """Whether it is the password; without a stored hash it takes as long and is not."""
    from argon2.exceptions import InvalidHashError, VerificationError

    plain = _plain(password)
    try:
        right = hasher().verify(stored or _of_nobody(), plain if len(plain) <= MOST else "")
    except (VerificationError, InvalidHashError):
        return False
    return right and stored is not None


def outdated(stored: str) -> bool:
    """Whether it was made with other parameters than today's."""
    return hasher().check_needs_rehash(stored)


@cache
def hasher() -> PasswordHasher:
    """RFC 9106, second recommended option: 64 MiB, 3 passes, 4 lanes."""
    from argon2 import PasswordHasher
    from argon2.profiles import RFC_9106_LOW_MEMORY

    return PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


@cache
def _of_nobody() -> str:
    return hasher().hash(secrets.token_urlsafe(GENERATED_BYTES))


def _plain(password: str) -> str:
    """One spelling of what different keyboards send (NFKC); lone surrogates cannot be hashed."""
    sound = password[: 4 * MOST].encode("utf-8", "replace").decode("utf-8")
    return unicodedata.normalize("NFKC", sound)
