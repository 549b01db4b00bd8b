"""Signatures: on last, over everything, checked by another's program, and never in the way."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kentongan.db import alerts, audit
from kentongan.decision import Action
from kentongan.errors import DataError, RuleViolation, SettingsError
from kentongan.store import sha256_hex
from kentongan.types import Mode
from notify import cap
from notify.cap import Alert, Area, Info, Pair
from notify.cap.files import public_path
from notify.cap.publisher import Publisher
from notify.cap.rules import check, errors_of
from notify.cap.signature import (
    CERTIFICATE_FILE,
    KEY_FILE,
    load_signer,
    make_key,
    sign,
    unsigned,
    verify,
)
from notify.release.run import Published, publish

AT = datetime(2026, 9, 24, 7, 10, tzinfo=UTC)
WITA = timezone(timedelta(hours=8))


def _info(language: str, event: str) -> Info:
    ring = ((0.5, 122.0), (0.6, 122.0), (0.6, 122.1), (0.5, 122.0))
    return Info(
        language=language, categories=("Met",), event=event, response_types=("Avoid",),
        urgency="Immediate", severity="Severe", certainty="Likely",
        event_codes=(Pair(name="OET:v1.2", value="OET-194"),),
        expires=AT.astimezone(WITA) + timedelta(hours=2), sender_name="Pos",
        headline=f"Awas & {event} <1>", description=f"“{event}” é\n2",
        instruction=f"Menjauh {event}", web="https://example.invalid/w", contact="112",
        areas=(Area(description="Kab. Boalemo", polygons=(ring,)),),
    )  # fmt: skip


ALERT = Alert(
    identifier="a-1", sender="pos@example.invalid", sent=AT.astimezone(WITA), status="Actual",
    msg_type="Alert", scope="Public", infos=(_info("id-ID", "petir"), _info("en-US", "storm")),
)  # fmt: skip
XML = cap.to_xml(ALERT)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    make_key(folder, name="Uji", at=AT)
    return folder


@pytest.fixture(scope="module")
def rsa_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made by Debian's openssl, with what it puts into a certificate by itself."""
    folder = tmp_path_factory.mktemp("rsa")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650",
         "-subj", "/CN=Uji RSA", "-keyout", folder / KEY_FILE, "-out", folder / CERTIFICATE_FILE],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


def signer_of(folder: Path):
    return load_signer(folder / KEY_FILE, folder / CERTIFICATE_FILE)


def pem(folder: Path) -> bytes:
    return (folder / CERTIFICATE_FILE).read_bytes()


def xmlsec1(certificate: Path, document: bytes, folder: Path) -> bool:
    """The verdict of Debian's xmlsec1; skipped where absent, unless REQUIRE_PEERS=1."""
    program = shutil.which("xmlsec1")
    if program is None:
        assert os.environ.get("REQUIRE_PEERS") != "1", "xmlsec1 is not installed"
        pytest.skip("xmlsec1 is not installed")
    path = folder / "document.xml"
    path.write_bytes(document)
    done = subprocess.run(
        [program, "--verify", "--trusted-pem", certificate, path], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return (
        done.returncode == 0 and "SignedInfo References (ok/all): 1/1" in done.stderr + done.stdout
    )


def test_a_signed_alert_is_valid_and_only_the_signature_is_new(keys):
    document = sign(XML, signer_of(keys))
    assert unsigned(document) == XML
    assert errors_of(check(document)) == []
    assert cap.parse(document) == ALERT
    found = verify(document, pem(keys), at=AT)
    assert found.subject == "CN=Uji"
    assert cap.parse(found.signed) == ALERT


@pytest.mark.parametrize("kind", ["keys", "rsa_keys"])
def test_xmlsec1_agrees(kind, request, tmp_path):
    folder = request.getfixturevalue(kind)
    now = datetime.now(UTC)
    document = sign(XML, signer_of(folder))
    verify(document, pem(folder), at=max(AT, now) if kind == "rsa_keys" else AT)
    assert xmlsec1(folder / CERTIFICATE_FILE, document, tmp_path)
    changed = document.replace(b"Severe", b"Minor", 1)
    assert not xmlsec1(folder / CERTIFICATE_FILE, changed, tmp_path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_change_of_what_is_signed_is_seen(keys, data):
    """White space inside a tag, the declaration and the quotes are no part of what is signed."""
    document = sign(XML, signer_of(keys))
    end = document.index(b"<ds:Signature ")
    at = data.draw(st.integers(document.index(b"<identifier>"), end - 2))
    new = data.draw(st.integers(33, 126))
    changed = document[:at] + bytes([new]) + document[at + 1 :]
    if changed != document:
        with pytest.raises((RuleViolation, DataError)):
            verify(changed, pem(keys), at=AT)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_signature_is_refused_or_proves_the_same(keys, data):
    """Whatever stands in the signature, nothing but a refusal or the true text comes out."""
    document = sign(XML, signer_of(keys))
    start, end = document.index(b"<ds:Signature "), document.rindex(b"</alert>")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(start, end))
        cut = data.draw(st.integers(0, 60))
        document = document[:at] + data.draw(st.binary(max_size=6)) + document[at + cut :]
    try:
        found = verify(document, pem(keys), at=AT)
    except (RuleViolation, DataError):
        return
    assert cap.parse(found.signed) == ALERT


@pytest.mark.parametrize(
    "name", ["SignatureValue", "DigestValue", "SignedInfo", "Reference", "SignatureMethod"]
)
def test_an_emptied_or_missing_part_is_refused(keys, name):
    document = sign(XML, signer_of(keys)).decode()
    found = re.search(rf"<ds:{name}\b.*?(</ds:{name}>|/>)", document, re.DOTALL)
    assert found
    start, end = found.span()
    for put in ("", f"<ds:{name}/>"):
        changed = (document[:start] + put + document[end:]).encode()
        with pytest.raises((RuleViolation, DataError)):
            verify(changed, pem(keys), at=AT)


def test_formatting_it_anew_breaks_it(keys):
    from lxml import etree

    root = etree.fromstring(sign(XML, signer_of(keys)), etree.XMLParser(remove_blank_text=True))
    with pytest.raises(RuleViolation, match="does not hold"):
        verify(etree.tostring(root, pretty_print=False), pem(keys), at=AT)


def test_another_key_with_the_same_name_proves_nothing(keys, tmp_path):
    make_key(tmp_path / "other", name="Uji", at=AT)
    forged = sign(XML, signer_of(tmp_path / "other"))
    with pytest.raises(RuleViolation, match="does not hold"):
        verify(forged, pem(keys), at=AT)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda d: unsigned(d),
        lambda d: d.replace(b"</alert>", b"<x/></alert>"),
        lambda d: d.replace(b'URI=""', b'URI="#a"'),
        lambda d: d.replace(b"ecdsa-sha256", b"ecdsa-sha1"),
        lambda d: d.replace(b"xmlenc#sha256", b"xmlenc#sha512"),
        lambda d: d.replace(b"SignatureValue>", b"SignatureValue>AAAA", 1),
        lambda d: d.replace(b"<ds:SignatureValue>", b"<ds:SignatureValue>&#0;"),
        lambda d: b"<!DOCTYPE alert>" + d,
        lambda d: b"",
        lambda d: b"<ds:Signature xmlns:ds='http://www.w3.org/2000/09/xmldsig#'/>",
    ],
)
def test_what_is_signed_in_part_or_by_weak_means_is_refused(keys, break_it):
    with pytest.raises((RuleViolation, DataError)):
        verify(break_it(sign(XML, signer_of(keys))), pem(keys), at=AT)


def test_an_alert_inside_another_is_not_taken_for_it(keys):
    """Wrapping: the signed alert hidden in a new one."""
    document = sign(XML, signer_of(keys))
    inner = document.partition(b"?>\n")[2]
    wrapped = XML.replace(b"</alert>\n", inner.strip() + b"</alert>")
    with pytest.raises(RuleViolation, match="last element"):
        verify(wrapped, pem(keys), at=AT)


def test_a_certificate_out_of_date_is_refused(keys):
    with pytest.raises(RuleViolation, match="expired"):
        verify(sign(XML, signer_of(keys)), pem(keys), at=AT + timedelta(days=900))


def test_what_is_signed_is_not_signed_again(keys):
    with pytest.raises(DataError, match="without a signature"):
        sign(sign(XML, signer_of(keys)), signer_of(keys))


def test_a_key_is_private_and_never_overwritten(keys):
    assert (keys / KEY_FILE).stat().st_mode & 0o077 == 0
    with pytest.raises(SettingsError, match="holds a key already"):
        make_key(keys, name="Uji", at=AT)


def test_the_certificate_may_sign_and_vouch_for_itself_alone(keys):
    from cryptography import x509

    made = signer_of(keys).certificates[0]
    usage = made.extensions.get_extension_for_class(x509.KeyUsage).value
    basic = made.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (usage.digital_signature, usage.key_cert_sign, usage.crl_sign) == (True, True, False)
    assert (basic.ca, basic.path_length) == (True, 0)


@pytest.mark.parametrize("broken", ["no key", "garbage", "another's certificate"])
def test_a_key_that_cannot_be_used_is_named(keys, rsa_keys, tmp_path, broken):
    key, certificate = keys / KEY_FILE, keys / CERTIFICATE_FILE
    if broken == "no key":
        key = tmp_path / "none.pem"
    elif broken == "garbage":
        key = tmp_path / "garbage.pem"
        key.write_bytes(b"no key")
    else:
        certificate = rsa_keys / CERTIFICATE_FILE
    with pytest.raises(SettingsError, match="CAP signature"):
        load_signer(key, certificate)


def test_signing_costs_milliseconds_and_the_key_is_read_once(keys):
    assert signer_of(keys) is signer_of(keys)
    sign(XML, signer_of(keys))
    began = time.perf_counter()
    for _ in range(10):
        sign(XML, signer_of(keys))
    assert (time.perf_counter() - began) / 10 < 0.2


# --- at release --------------------------------------------------------------------------


def released(world, publisher: Publisher) -> Published:
    levels = world.levels("75", 2)
    return publish(
        world.engine, world.store, world.decision(Action.ALERT, levels), world.event(),
        world.impact(levels), world.areas, at=world.at, mode=Mode.EXERCISE, live=True,
        policy=world.policy, coordinators=world.coordinators, geometry=world.geometry,
        publisher=publisher,
    )  # fmt: skip


def test_a_release_is_signed_and_its_file_is_written_once(world, keys):
    publisher = Publisher(cap_key=keys / KEY_FILE, cap_certificate=keys / CERTIFICATE_FILE)
    done = released(world, publisher)
    xml = world.store.read(done.alert.path)
    verify(xml, pem(keys), at=AT)
    (row,) = world.rows(alerts)
    assert row["sha256"] == sha256_hex(xml)
    assert row["unsigned_sha256"] == sha256_hex(unsigned(xml)) != row["sha256"]
    assert Path(world.store.uri(done.alert.path)).stat().st_mode & 0o222 == 0


def test_a_broken_key_keeps_no_warning_back(world, keys, tmp_path):
    broken = Publisher(cap_key=tmp_path / "gone.pem", cap_certificate=keys / CERTIFICATE_FILE)
    done = released(world, broken)
    assert done.alert is not None
    assert b"Signature" not in world.store.read(done.alert.path)
    (body,) = [r["body"] for r in world.rows(audit) if r["action"] == "warning.release"]
    assert '"signature":' in body and "gone.pem" in body


def test_a_certificate_out_of_date_is_told_and_signs_all_the_same(world, tmp_path):
    make_key(tmp_path / "old", name="Uji", at=AT - timedelta(days=2_000))
    old = tmp_path / "old"
    done = released(
        world, Publisher(cap_key=old / KEY_FILE, cap_certificate=old / CERTIFICATE_FILE)
    )
    verify(world.store.read(done.alert.path), pem(old), at=AT - timedelta(days=1_900))
    (body,) = [r["body"] for r in world.rows(audit) if r["action"] == "warning.release"]
    assert "the certificate is valid from 2021" in body


def test_a_document_of_a_release_that_died_is_set_aside(world):
    path = "cap/kentongan-w-thunderstorm-1-v1-exercise.xml"
    world.store.write(path, b"<cut off/>", read_only=True)
    done = released(world, Publisher())
    assert done.alert.path == path
    assert sha256_hex(world.store.read(path)) == done.alert.sha256
    (aside,) = world.store.paths("cap/unreleased")
    assert world.store.read(aside) == b"<cut off/>"


def test_an_identifier_that_is_public_already_is_not_given_again(world):
    """A restored backup does not know the newest alerts; the public does."""
    wanted = "kentongan-w-thunderstorm-1-v1-exercise"
    world.store.write(public_path(wanted, "Exercise"), b"<published/>")
    done = released(world, Publisher())
    assert done.alert is not None, done.refused
    assert done.alert.identifier == f"{wanted}-r2"
    assert world.store.read(public_path(wanted, "Exercise")) == b"<published/>"


def test_an_exercise_never_bears_the_identifier_of_a_real_alert(world):
    done = released(world, Publisher())
    assert done.alert.identifier == f"{done.ref.identifier}-exercise"
