"""Whatever octets a peer sends, a session ends for a reason or stays; nothing else happens."""

from __future__ import annotations

import asyncio
import struct
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from notify.channels.smpp import pdu
from notify.channels.smpp.session import NoAnswer, connect
from notify.channels.smpp.uptake import Uptake
from tests.notify.smpp.line_to_smsc import Store, route

COMMANDS = st.sampled_from([
    0x80000000, 0x80000004, 0x80000003, 0x80000009, 0x80000015, 0x05, 0x15, 0x102, 0x103, 0x21,
]) | st.integers(0, 0xFFFFFFFF)  # fmt: skip


@st.composite
def frames(draw):
    """Mostly whole frames, some with a wrong length; never an unbind, which ends by rule."""
    octets = b""
    for _ in range(draw(st.integers(0, 12))):
        command = draw(COMMANDS.filter(lambda c: c != pdu.UNBIND))
        body = draw(st.binary(max_size=120))
        length = 16 + len(body) + draw(st.sampled_from([0, 0, 0, 0, 0, -3, 5, 70_000]))
        head = struct.pack(">IIII", max(0, length), command, draw(st.integers(0, 255)),
                           draw(st.integers(0, 4)))  # fmt: skip
        octets += head + body
    return octets + draw(st.binary(max_size=20))


async def against(octets: bytes, folder) -> tuple[str, list[str]]:
    """Bind to a peer that says yes, then sends `octets` and closes: how a submit and the session
    ended, and what the loop complained of."""
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: complaints.append(str(context))
    )

    async def peer(reader, writer):
        await reader.readexactly(16)
        writer.write(pdu.frame(pdu.BIND_TRANSCEIVER_RESP, 1, b"x\0"))
        writer.write(octets)
        writer.close()

    server = await asyncio.start_server(peer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings_ = route(folder, port)
    uptake = Uptake(settings_, Store(), lambda: datetime.now(UTC))
    uptake.start()
    session = await connect(settings_, "x", number=1, deliverer=uptake.take)
    running = asyncio.ensure_future(session.run())
    asked = session.ask(lambda n: pdu.frame(pdu.SUBMIT_SM, n), pdu.SUBMIT_SM_RESP)
    reason = await asyncio.wait_for(running, 10)
    try:
        await asked
    except NoAnswer as error:
        assert str(error)
    await uptake.stop(5)
    server.close()
    await server.wait_closed()
    return reason, complaints


@settings(max_examples=60)
@given(octets=frames())
def test_any_octets_end_in_a_reason(octets, tmp_path_factory):
    folder = tmp_path_factory.mktemp("peer", numbered=True)
    reason, complaints = asyncio.run(against(octets, folder))
    assert reason and "fault of ours" not in reason
    assert complaints == []
