"""The file of an alert: its name, its signature, written once and never changed."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from kentongan.errors import DataError, SettingsError
from kentongan.store import Store, sha256_hex
from notify.cap.publisher import Publisher
from notify.versions import Version

FOLDER = "cap"
SET_ASIDE = "cap/unreleased"
"""Documents of releases that were cut off before the database knew of them: nobody saw them."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Signing:
    xml: bytes
    doubt: str = ""
    """Why there is no signature though one was wanted, or why readers may refuse it."""


def identifier_of(version: Version) -> str:
    """The identifier of the version's alert; an exercise never bears that of a real one.

    Two homes, one of exercises, may speak as the same sender about the same event.
    """
    plain = version.ref.identifier
    status = version.body.status
    return plain if status == "Actual" else f"{plain}-{status.lower()}"


def public_path(identifier: str, status: str) -> str:
    """Where a web server finds the alert: real ones never beside others."""
    root = "public" if status == "Actual" else "public-exercise"
    return f"{root}/{FOLDER}/{identifier}.xml"


def free_identifier(store: Store, version: Version) -> str:
    """`identifier_of`, with `-r2` and so on where that was published by a database since lost.

    A restored backup does not know its newest alerts; the public does, and an identifier means
    one document for ever.
    """
    wanted = identifier_of(version)
    number, name = 1, wanted
    while store.exists(public_path(name, version.body.status)):
        number += 1
        name = f"{wanted}-r{number}"
    return name


def named(proof: bytes, version: Version, identifier: str) -> bytes:
    """A proof of the version under the identifier that its alert got in the end."""
    old, new = (f"<identifier>{name}</identifier>" for name in (identifier_of(version), identifier))
    return proof.replace(old.encode(), new.encode(), 1)


def signed(unsigned: bytes, publisher: Publisher, at: datetime) -> Signing:
    """The document with the publisher's signature, if it has a key.

    A key that cannot be used keeps no warning back: the alert goes out unsigned, and says why
    to the log and the audit.
    """
    if publisher.cap_key is None and publisher.cap_certificate is None:
        return Signing(unsigned)
    try:
        return _signed(unsigned, publisher, at)
    except (SettingsError, DataError, ValueError) as error:
        _log.error("an alert goes out unsigned: %s", error)
        return Signing(unsigned, str(error))


def _signed(unsigned: bytes, publisher: Publisher, at: datetime) -> Signing:
    from notify.cap.signature import load_signer, sign

    if publisher.cap_key is None or publisher.cap_certificate is None:
        raise SettingsError("set both KENTONGAN_CAP_KEY and KENTONGAN_CAP_CERTIFICATE")
    signer = load_signer(publisher.cap_key, publisher.cap_certificate)
    doubt = signer.why_not(at)
    if doubt:
        _log.warning("the signature of an alert may be refused: %s", doubt)
    return Signing(sign(unsigned, signer), doubt)


def keep(store: Store, identifier: str, xml: bytes) -> str:
    """Write the alert, read-only; returns its path.

    Other bytes under its name are of a release that died before its transaction ended: no face
    serves them, and they are set aside, not lost. The caller holds the warning's lock and has
    seen that the database knows no alert of this version.
    """
    path = f"{FOLDER}/{identifier}.xml"
    if store.exists(path):
        other = store.read(path)
        if other == xml:
            return path
        store.write(f"{SET_ASIDE}/{identifier}-{sha256_hex(other)[:12]}.xml", other)
    store.write(path, xml, read_only=True)
    return path
