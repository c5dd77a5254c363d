"""Load on a service of this machine, from a process of its own: so many clients, each asks again once it is answered.

    python benchmarks/service/load.py PORT PATH CONTENT_TYPE BODY_FILE --clients 8 --seconds 3

Prints one JSON line: requests/s, and the milliseconds of the middle and of the 99th of 100 answers. Bare sockets, for
every microsecond that a client computes is taken from the service on the same cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from pathlib import Path


class Client(asyncio.Protocol):
    """Asks one question again and again until `end`, a time.perf_counter()."""

    def __init__(self, question: bytes, end: float, done: asyncio.Event) -> None:
        self.question, self.end, self.done = question, end, done
        self.latencies: list[float] = []
        self.refused = 0
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the first time."""
        self.transport = transport
        self._ask()

    def _ask(self) -> None:
        self.asked = time.perf_counter()
        self.transport.write(self.question)

    def data_received(self, data: bytes) -> None:
        """Asks again once an answer is whole."""
        self.received += data
        head, _, body = self.received.partition(b"\r\n\r\n")
        if len(body) < _length(head):
            return
        now = time.perf_counter()
        self.received = b""
        self.latencies.append(now - self.asked)
        self.refused += b" 200 " not in head[:16]
        if now < self.end:
            self._ask()
        else:
            self.done.set()

    def connection_lost(self, error: Exception | None) -> None:
        """Gives up."""
        self.done.set()


def _length(head: bytes) -> float:
    """The body's bytes by its head; endless while that is not whole."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return float("inf")


async def load(port: int, question: bytes, clients: int, seconds: float) -> dict[str, float]:
    """All clients at once."""
    loop, start = asyncio.get_running_loop(), time.perf_counter()
    events = [asyncio.Event() for _ in range(clients)]
    connections = [
        await loop.create_connection(lambda event=event: Client(question, start + seconds, event), "127.0.0.1", port)
        for event in events
    ]
    await asyncio.gather(*(event.wait() for event in events))
    passed = time.perf_counter() - start
    protocols = [protocol for _, protocol in connections]
    latencies = sorted(latency for protocol in protocols for latency in protocol.latencies)
    return {
        "requests": len(latencies),
        "refused": sum(protocol.refused for protocol in protocols),
        "requests_per_s": len(latencies) / passed,
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[int(0.99 * len(latencies))],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("content_type")
    parser.add_argument("body", type=Path)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3)
    wishes = parser.parse_args()
    body = wishes.body.read_bytes()
    head = f"POST {wishes.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {wishes.content_type}"
    question = f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    print(json.dumps(asyncio.run(load(wishes.port, question, wishes.clients, wishes.seconds))))


if __name__ == "__main__":
    main()
