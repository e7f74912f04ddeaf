"""Puts dossiers as fast as one server takes them: raw sockets, requests rendered ahead, nothing else.

With two processors the generator shares one with PostgreSQL, so every microsecond here would be measured as the
hub's. It sends exactly one request at a time on each kept connection and checks the status of every answer.

Argument: ``port``, ``head`` (all of the request before the dossier code), ``tail`` (all after it, body included),
``code_prefix``, ``first`` (sequence number of the first dossier), ``connections``, ``warm_up_seconds``,
``seconds``, ``expected_status``.
Answer: ``answers`` (counted after the warm-up, at least one), ``seconds`` they took, ``p50_ms``, ``p99_ms``, ``next``
(first unused sequence number).
"""

from __future__ import annotations

import array
import json
import select
import socket
import sys
import time
from typing import Any

_READ = 65536
_END = b"\r\n\r\n"
_LENGTH = b"content-length: "
SEQUENCE_DIGITS = 7


class UnexpectedAnswerError(RuntimeError):
    """The server said something else than the benchmark relies on."""


def main() -> None:
    """Run one round and print its figures."""
    print(json.dumps(run(json.loads(sys.argv[1]))), flush=True)


def run(wish: dict[str, Any]) -> dict[str, float]:  # noqa: C901 - one loop, kept flat for speed
    """Run one round."""
    head = (wish["head"] + wish["code_prefix"]).encode()
    tail = wish["tail"].encode()
    status = f"HTTP/1.1 {wish['expected_status']} ".encode()
    sequence = int(wish["first"])
    poll = select.epoll()
    sockets: dict[int, socket.socket] = {}
    sent_at: dict[int, float] = {}
    pending: dict[int, bytes] = {}
    latencies = array.array("d")
    clock = time.perf_counter

    for _ in range(wish["connections"]):
        one = socket.create_connection(("127.0.0.1", wish["port"]))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[one.fileno()] = one
        poll.register(one.fileno(), select.EPOLLIN)
    began = clock()
    counting_from = began + wish["warm_up_seconds"]
    ends_at = counted_until = counting_from + wish["seconds"]
    for number, one in sockets.items():
        sent_at[number] = clock()
        one.sendall(head + b"%07d" % sequence + tail)
        sequence += 1
    waiting = len(sockets)
    while waiting:
        for number, _ in poll.poll(10):
            data = sockets[number].recv(_READ)
            if not data:
                raise UnexpectedAnswerError("the server closed a connection")
            if number in pending:
                data = pending.pop(number) + data
            end = data.find(_END)
            at = data.find(_LENGTH)
            if end < 0 or at < 0 or len(data) < end + 4 + int(data[at + 16 : data.index(b"\r", at)]):
                pending[number] = data
                continue
            if not data.startswith(status):
                raise UnexpectedAnswerError(data[:2000].decode("utf-8", "replace"))
            now = clock()
            # A machine so busy that no answer came in time gives the one after it, and the round lasts until then.
            if counting_from <= now < ends_at or (now >= ends_at and not latencies):
                latencies.append(now - sent_at[number])
                counted_until = max(counted_until, now)
            if now < ends_at:
                sent_at[number] = now
                sockets[number].sendall(head + b"%07d" % sequence + tail)
                sequence += 1
            else:
                waiting -= 1
    for one in sockets.values():
        one.close()
    ordered = sorted(latencies)
    return {
        "answers": len(latencies),
        "seconds": counted_until - counting_from,
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "p99_ms": ordered[len(ordered) * 99 // 100] * 1000,
        "next": sequence,
    }


if __name__ == "__main__":
    main()
