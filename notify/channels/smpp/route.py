"""What the contract with a carrier says of an SMPP connection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from notify.channels.routes import RouteBase

# Sizes of SMPP 3.4, 4.1.1 and 5.2, without the closing zero octet.
SystemId = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,15}$")]
SystemType = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{0,12}$")]
ServiceType = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{0,5}$")]
Source = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{1,20}$")]
Ton = Annotated[int, Field(ge=0, le=6)]
Npi = Annotated[int, Field(ge=0, le=18)]

LONGEST_PASSWORD = 8
LONGEST_NAME = 11
"""Characters of an alphanumeric sender (TS 23.040, 9.1.2.5)."""
SHORT_CODE = 8
"""Digits; a sender of fewer is a short code, one of more a number with its country."""

TON_INTERNATIONAL, TON_NETWORK, TON_NAME = 1, 3, 5
NPI_NONE, NPI_NUMBERING = 0, 1

IdStyle = Literal["raw", "strip0", "hex2dec", "dec2hex"]


class SmppRoute(RouteBase):
    """One `[[route]]` of kind `smpp`. `window` and `rate_per_s` are the contract's."""

    kind: Literal["smpp"]
    channel: Literal["sms"] = "sms"
    host: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535)
    system_id: SystemId
    password_file: Path
    system_type: SystemType = ""
    service_type: ServiceType = ""
    source: Source
    """A name of at most 11 characters, a short code, or `+62…`."""
    source_ton: Ton | None = None
    source_npi: Npi | None = None
    """None: by the form of `source` (`origin`)."""

    tls: bool = False
    ca_file: Path | None = None
    """Certificates to trust besides none other; None: the system's."""
    tls_name: str | None = None
    """Name in the carrier's certificate; None: `host`."""

    alphabet: Literal["auto", "gsm7", "ucs2"] = "auto"
    """`gsm7` writes every text in basic characters, as networks without Unicode need."""
    default_alphabet: Literal["gsm7", "latin1"] = "gsm7"
    """What the carrier means by `data_coding` 0, in both directions."""
    payload: bool = False
    """A long text in one `message_payload` instead of parts."""
    reference: bool = False
    """Send the outbox id's low 16 bits as `user_message_reference`."""
    validity: Literal["relative", "absolute", "none"] = "relative"
    validity_max_h: float = Field(default=48.0, gt=0, le=24 * 30)
    """Longer ones are refused by carriers. Unconfirmed: ask."""
    receipt_ids: IdStyle = "raw"
    """How ids in receipts differ from those in answers."""

    query_after_s: float | None = Field(default=None, gt=0)
    """Ask once (`query_sm`, while the line is idle) about a message without a receipt for so long.
    None: never; many carriers do not answer it."""

    enquire_link_s: float = Field(default=30.0, gt=0)
    response_timeout_s: float = Field(default=30.0, gt=0, le=120)
    reconnect_first_s: float = Field(default=1.0, gt=0)
    reconnect_max_s: float = Field(default=60.0, gt=0)
    join_wait_s: float = Field(default=5.0, gt=0, le=30)
    """How long a part of an inbound message waits for the others, unacknowledged."""

    @model_validator(mode="after")
    def _source_fits(self) -> SmppRoute:
        is_number = self.source.removeprefix("+").isdigit()
        if not is_number and len(self.source) > LONGEST_NAME:
            raise ValueError(
                f"source {self.source!r}: expected a name of at most {LONGEST_NAME} characters "
                "or a number; use the sender that the carrier registered"
            )
        return self

    @property
    def origin(self) -> tuple[int, int, str]:
        """Type, plan and address of the sender as SMPP wants them."""
        digits = self.source.removeprefix("+")
        if not digits.isdigit():
            ton, npi = TON_NAME, NPI_NONE
        elif len(digits) < SHORT_CODE:
            ton, npi = TON_NETWORK, NPI_NONE
        else:
            ton, npi = TON_INTERNATIONAL, NPI_NUMBERING
        return (
            ton if self.source_ton is None else self.source_ton,
            npi if self.source_npi is None else self.source_npi,
            digits if digits.isdigit() else self.source,
        )
