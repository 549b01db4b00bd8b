"""A gateway that does on its socket what a test tells it, byte by byte."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Asked:
    head: str
    body: bytes
    connection: int

    @property
    def line(self) -> str:
        return self.head.partition("\r\n")[0]

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]

    def header(self, name: str) -> str:
        for line in self.head.split("\r\n")[1:]:
            key, _, value = line.partition(": ")
            if key.lower() == name:
                return value
        return ""


def plain(status: int, body: str | bytes = "", **headers: str) -> bytes:
    """A whole answer."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


Act = Callable[[Asked, socket.socket], bytes | None]
"""What to write back; None: the connection is closed at once."""


@dataclass
class Gateway:
    act: Act
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/send"

    def talk(self, wire: socket.socket, number: int) -> None:
        with wire:
            data = b""
            while True:
                while b"\r\n\r\n" not in data:
                    more = wire.recv(65_536)
                    if not more:
                        return
                    data += more
                head, _, rest = data.partition(b"\r\n\r\n")
                asked = Asked(head.decode("latin-1"), b"", number)
                length = int(asked.header("content-length") or 0)
                while len(rest) < length:
                    rest += wire.recv(65_536)
                asked.body, data = rest[:length], rest[length:]
                self.asked.append(asked)
                answer = self.act(asked, wire)
                if answer is None:
                    return
                wire.sendall(answer)


@contextmanager
def gateway(act: Act) -> Iterator[Gateway]:
    found = Gateway(act)
    threads: list[threading.Thread] = []
    open_: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found.port = listener.getsockname()[1]

        def talk(wire: socket.socket, number: int) -> None:
            try:
                found.talk(wire, number)
            except OSError:
                return

        def accept() -> None:
            while True:
                try:
                    wire, _ = listener.accept()
                except OSError:
                    return
                found.connections += 1
                open_.append(wire)
                one = threading.Thread(target=talk, args=(wire, found.connections), daemon=True)
                threads.append(one)
                one.start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield found
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            accepting.join(2)
            for wire in open_:
                wire.close()
            for one in threads:
                one.join(2)
