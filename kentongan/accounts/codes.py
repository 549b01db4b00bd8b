"""One-time codes (TOTP, RFC 6238: SHA-1, 6 digits, 30 s). Each works once, and none that is older
than one already used: a clock that jumps back opens nothing."""

from __future__ import annotations

import hmac
from datetime import datetime

from sqlalchemy import Connection, func, select

from kentongan.db import totp_used
from kentongan.errors import RuleViolation
from kentongan.times import iso

STEP_S = 30
DRIFT_STEPS = 1
"""A phone's clock may be half a minute off, either way."""
ISSUER = "Kentongan"


def new_secret() -> str:
    import pyotp

    return pyotp.random_base32()


def otpauth_uri(secret: str, account_id: str) -> str:
    """What an authenticator app reads."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=account_id, issuer_name=ISSUER)


def counter_of(secret: str, code: str, at: datetime) -> int | None:
    """The step whose code this is, the newest first; None: of no step near `at`."""
    import pyotp

    totp = pyotp.TOTP(secret)
    now = int(at.timestamp()) // STEP_S
    for counter in range(now + DRIFT_STEPS, now - DRIFT_STEPS - 1, -1):
        if hmac.compare_digest(totp.generate_otp(counter).encode(), code.encode()):
            return counter
    return None


def use_up(connection: Connection, account_id: str, counter: int, at: datetime) -> None:
    """Note that the code of this step was used.

    Raises:
        RuleViolation: it, or a later one, was used before.
    """
    newest = connection.execute(
        select(func.max(totp_used.c.counter)).where(totp_used.c.account_id == account_id)
    ).scalar()
    if newest is not None and counter <= newest:
        raise RuleViolation(
            f"{account_id}: this code was used already, or is older than one that was; wait for "
            "the next one (up to 30 s), and check the clock of this machine"
        )
    connection.execute(
        totp_used.insert().values(account_id=account_id, counter=counter, at=iso(at))
    )
