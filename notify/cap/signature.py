"""The XML signature of an alert: put on last, checked against a certificate that is pinned.

Enveloped, SHA-256, exclusive canonical form (W3C XML Signature; CAP 1.2, 3.3.4.1). The bytes
are signed as they will be served: whoever formats them anew breaks the signature.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from kentongan.errors import DataError, RuleViolation, SettingsError
from kentongan.times import require_aware
from notify.cap.document import NAMESPACE, read_tree

Algorithm = Literal["ecdsa-sha256", "rsa-sha256"]
MIN_RSA_BITS = 2048
VALID = timedelta(days=825)
"""Of a certificate that `make_key` makes."""
KEY_FILE, CERTIFICATE_FILE = "cap-key.pem", "cap-certificate.pem"
_DSIG = "http://www.w3.org/2000/09/xmldsig#"


@dataclass(frozen=True, eq=False)
class Signer:
    """A key with its certificate, read once."""

    key: Any
    certificates: tuple[Any, ...]
    """`cryptography.x509.Certificate`: its own first, then those that vouch for it."""
    algorithm: Algorithm

    def why_not(self, at: datetime) -> str:
        """Why readers would refuse a signature made at `at`; empty: they would not."""
        own = self.certificates[0]
        if own.not_valid_before_utc <= require_aware(at) <= own.not_valid_after_utc:
            return ""
        return (
            f"the certificate is valid from {own.not_valid_before_utc:%Y-%m-%d} to "
            f"{own.not_valid_after_utc:%Y-%m-%d}; make or order a new one"
        )


@dataclass(frozen=True)
class Verified:
    signed: bytes
    """What the signature covers, in canonical form: the alert without its signature."""
    subject: str
    fingerprint: str
    """SHA-256 of the certificate, hexadecimal."""


def load_signer(key: Path, certificate: Path) -> Signer:
    """The signer of two PEM files; the same files are read once.

    Raises:
        SettingsError: a file is not there, is none of ours, or they do not belong together.
    """
    try:
        stamps = tuple((p.stat().st_mtime_ns, p.stat().st_size) for p in (key, certificate))
    except OSError as error:
        raise SettingsError(
            f"CAP signature: {error.filename}: {error.strerror}; see: kentongan cap keygen"
        ) from error
    return _load(key, certificate, stamps)


@lru_cache(maxsize=4)
def _load(key: Path, certificate: Path, _stamps: object) -> Signer:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(key.read_bytes(), password=None)
        chain = x509.load_pem_x509_certificates(certificate.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(
            f"CAP signature: {key} or {certificate}: expected a PEM key without a password and a "
            f"PEM certificate, found: {error}"
        ) from error
    if private.public_key() != chain[0].public_key():
        raise SettingsError(f"CAP signature: {certificate} is not the certificate of {key}")
    return Signer(private, tuple(chain), _algorithm(private))


def _algorithm(key: Any) -> Algorithm:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp256r1":
        return "ecdsa-sha256"
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= MIN_RSA_BITS:
        return "rsa-sha256"
    raise SettingsError(
        f"CAP signature: expected a key on curve P-256, or RSA of {MIN_RSA_BITS} bits and more; "
        "make one with: kentongan cap keygen"
    )


def sign(xml: bytes, signer: Signer) -> bytes:
    """The document with its signature as the last element; every other byte as it was.

    Raises:
        DataError: no well-formed CAP, or it is signed already.
    """
    from lxml import etree
    from signxml.algorithms import CanonicalizationMethod, SignatureConstructionMethod
    from signxml.signer import XMLSigner

    root = read_tree(xml)
    if root.tag != f"{{{NAMESPACE}}}alert" or root.find(f"{{{_DSIG}}}Signature") is not None:
        raise DataError("CAP signature: expected an alert without a signature")
    method = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm=signer.algorithm,
        digest_algorithm="sha256",
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signed = method.sign(root, key=signer.key, cert=list(signer.certificates))
    text: bytes = etree.tostring(signed, encoding="UTF-8", xml_declaration=True)
    return text + b"\n"


def unsigned(xml: bytes) -> bytes:
    """A document of ours without its signature: the bytes that `sign` was given."""
    from lxml import etree

    root = read_tree(xml)
    signature = root.find(f"{{{_DSIG}}}Signature")
    if signature is None:
        return xml
    root.remove(signature)
    text: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text + b"\n"


def verify(xml: bytes, certificate: bytes, *, at: datetime) -> Verified:
    """What a pinned certificate vouches for. The one inside the document proves nothing.

    Args:
        certificate: PEM, come by another way than the document.
        at: the certificate must be valid then.

    Raises:
        RuleViolation: not signed, changed since, signed by another, or only in part.
        SettingsError: `certificate` is none.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        pinned = x509.load_pem_x509_certificate(certificate)
    except ValueError as error:
        raise SettingsError(f"CAP signature: expected a PEM certificate: {error}") from error
    return Verified(
        signed=_verified(xml, pinned, at),
        subject=pinned.subject.rfc4514_string(),
        fingerprint=pinned.fingerprint(SHA256()).hex(),
    )


def _verified(xml: bytes, pinned: Any, at: datetime) -> bytes:
    from signxml.algorithms import DigestAlgorithm, SignatureMethod
    from signxml.verifier import SignatureConfiguration, XMLVerifier

    root = read_tree(xml)
    if root.tag != f"{{{NAMESPACE}}}alert":
        raise RuleViolation("CAP signature: the document is no CAP 1.2 alert")
    count = len(root.findall(f".//{{{_DSIG}}}Signature"))
    if count != 1 or root[-1].tag != f"{{{_DSIG}}}Signature":
        raise RuleViolation(
            f"CAP signature: expected one, as the last element of the alert, found {count}"
        )
    expected = SignatureConfiguration(
        location="./",
        expect_references=1,
        signature_methods=frozenset({SignatureMethod.ECDSA_SHA256, SignatureMethod.RSA_SHA256}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
        verification_time=require_aware(at),
    )
    try:
        result = XMLVerifier().verify(xml, x509_cert=pinned, expect_config=expected)
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise RuleViolation(f"CAP signature does not hold: {reason}") from error
    if isinstance(result, list) or not _covers_all(result.signature_xml, result.signed_xml):
        raise RuleViolation("CAP signature: it covers only a part of the alert")
    return bytes(result.signed_data)


def _covers_all(signature: Any, signed: Any) -> bool:
    """Whether the one reference is to the document as a whole."""
    reference = signature.find(f".//{{{_DSIG}}}Reference")
    whole = reference is not None and reference.get("URI") == ""
    return bool(whole and signed is not None and signed.tag == f"{{{NAMESPACE}}}alert")


def make_key(folder: Path, *, name: str, at: datetime, valid: timedelta = VALID) -> Signer:
    """A new P-256 key and its self-signed certificate, for trials and for pinning.

    Raises:
        SettingsError: there is a key already; it is never overwritten.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key_path, certificate_path = folder / KEY_FILE, folder / CERTIFICATE_FILE
    if key_path.exists() or certificate_path.exists():
        raise SettingsError(f"{folder}: holds a key already; readers pin its certificate, keep it")
    key_bytes, certificate_bytes = _new_pair(name, require_aware(at), valid)
    key_path.touch(mode=0o600, exist_ok=False)
    key_path.write_bytes(key_bytes)
    certificate_path.write_bytes(certificate_bytes)
    return load_signer(key_path, certificate_path)


def _new_pair(name: str, at: datetime, valid: timedelta) -> tuple[bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "crl_sign", "encipher_only", "decipher_only"), False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(at)
        .not_valid_after(at + valid)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=True, **usage), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private, certificate.public_bytes(serialization.Encoding.PEM)
