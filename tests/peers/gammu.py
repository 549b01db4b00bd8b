"""Debian's gammu-smsd with its dummy modem: what is sent goes nowhere, what comes in is a file."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

RC = """[gammu]
model = dummy
connection = none
device = {folder}/modem
gammuloc = /dev/null
[smsd]
service = files
debuglevel = 0
logfile = {folder}/smsd.log
inboxpath = {folder}/inbox/
outboxpath = {folder}/outbox/
sentsmspath = {folder}/sent/
errorsmspath = {folder}/error/
inboxformat = unicode
outboxformat = unicode
transmitformat = auto
commtimeout = 1
sendtimeout = 5
receivefrequency = 1
maxretries = 1
retrytimeout = 1
checksecurity = 0
checkbattery = 0
checksignal = 0
"""
RECEIVED = """[SMSBackup000]
SMSC = "123456"
SMSCUnicode = {smsc}
State = UnRead
Number = "{number}"
NumberUnicode = {wide_number}
Name = ""
NameUnicode =
Text00 = {wide}
Coding = {coding}
Folder = 1
Length = {length}
Class = -1
ReplySMSC = False
RejectDuplicates = False
ReplaceMessage = 0
MessageReference = 0
DateTime = 20261122T010101
"""


def need_gammu() -> str:
    """Skip with a reason where it is missing; fail with REQUIRE_PEERS=1."""
    program = shutil.which("gammu-smsd")
    if program is None:
        assert os.environ.get("REQUIRE_PEERS") != "1", "gammu-smsd is not installed"
        pytest.skip("gammu-smsd is not installed")
    return program


class Modem:
    """A spool folder, and the daemon that empties it once `start` is called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("inbox", "outbox", "sent", "error", "modem"):
            (folder / name).mkdir(parents=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._received = 0

    def start(self) -> None:
        rc = self.folder / "gammu-smsdrc"
        rc.write_text(RC.format(folder=self.folder))
        self._process = subprocess.Popen(
            [need_gammu(), "-c", str(rc)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def receives(self, number: str, text: str) -> None:
        """An SMS lies in the modem's memory."""
        inbox = self.folder / "modem" / "sms" / "1"
        inbox.mkdir(parents=True, exist_ok=True)
        self._received += 1
        coding = "Default_No_Compression" if text.isascii() else "Unicode_No_Compression"
        (inbox / str(self._received)).write_text(
            RECEIVED.format(
                smsc=_wide("123456"), number=number, wide_number=_wide(number), wide=_wide(text),
                coding=coding, length=len(text),
            )
        )  # fmt: skip

    def files(self, name: str) -> list[str]:
        return sorted(path.name for path in (self.folder / name).iterdir())

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)


def _wide(text: str) -> str:
    return text.encode("utf-16-be").hex().upper()
