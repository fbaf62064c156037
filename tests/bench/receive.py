#!/usr/bin/env python3
"""Measures receivers of a namespace's queue, for `./dev bench pull`.

    receive.py LABEL PORT KEY COUNT RECEIVERS SERVER_PID[,SERVER_PID...]

COUNT events of topic `bench` are published and wait in subscription `sink`; then RECEIVERS processes receive
them in batches of 100 and acknowledge each batch before the next, until all have been. Prints a JSON line
like those of `pubgrid bench`: events a second, server CPU for each.

SPDX-License-Identifier: Apache-2.0
"""
import json
import multiprocessing
import re
import socket
import sys
import time

from cpu import cpu_ns

BATCH = 100  # maxEvents
PUBLISHED_AT_A_TIME = 500
PAYLOAD = "x" * 256
TOKEN = re.compile(rb'"lockToken":("[^"]*")')
SUBSCRIPTION = "/bench/topics/bench/eventsubscriptions/sink"


class Connection:
    """HTTP/1.1 that is kept, one request after the other."""

    def __init__(self, port, key):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.head = f"Host: 127.0.0.1\r\nAuthorization: SharedAccessKey {key}\r\n"

    def post(self, target, content_type, body):
        self.socket.sendall(f"POST {target} HTTP/1.1\r\n{self.head}Content-Type: {content_type}\r\n"
                            f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = self.socket.recv(1 << 16)
        while b"\r\n\r\n" not in answer:
            answer += self.socket.recv(1 << 16)
        head, _, content = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            sys.exit(f"receive: {answer.decode(errors='replace')}")
        length = int(re.search(rb"(?i)\ncontent-length: *(\d+)", head).group(1))
        parts, have = [content], len(content)
        while have < length:
            parts.append(self.socket.recv(length - have))
            have += len(parts[-1])
        return b"".join(parts)


def publish(connection, count):
    for first in range(0, count, PUBLISHED_AT_A_TIME):
        events = [{"specversion": "1.0", "id": str(number), "source": "/bench", "type": "bench",
                   "data": PAYLOAD} for number in range(first, min(first + PUBLISHED_AT_A_TIME, count))]
        connection.post("/bench/topics/bench:publish", "application/cloudevents-batch+json",
                        json.dumps(events).encode())


def receive(port, key, left):
    """Until `left`, which all receivers share, is used up."""
    connection = Connection(port, key)
    while left.value > 0:
        tokens = TOKEN.findall(connection.post(f"{SUBSCRIPTION}:receive?maxEvents={BATCH}&maxWaitTime=10",
                                               "application/json", b""))
        answer = connection.post(f"{SUBSCRIPTION}:acknowledge", "application/json",
                                 b'{"lockTokens":[' + b",".join(tokens) + b"]}")
        if not answer.startswith(b'{"failedLockTokens":[],'):
            sys.exit(f"receive: {answer.decode(errors='replace')}")
        with left.get_lock():
            left.value -= len(tokens)


def main():
    label, port, key, count, receivers, pids = sys.argv[1:]
    port, count, pids = int(port), int(count), pids.split(",")
    publish(Connection(port, key), count)
    left = multiprocessing.Value("q", count)
    workers = [multiprocessing.Process(target=receive, args=(port, key, left)) for _ in range(int(receivers))]
    began, cpu = time.monotonic(), cpu_ns(pids)
    for worker in workers:
        worker.start()
    while left.value > 0 and all(worker.exitcode in (None, 0) for worker in workers):
        time.sleep(0.001)
    took, used = time.monotonic() - began, cpu_ns(pids) - cpu
    for worker in workers:
        worker.terminate()
        worker.join()
    if left.value > 0:
        sys.exit("receive: a receiver failed")
    print(json.dumps({"label": label, "rate": round(count / took), "server_us_per_message": used / 1e3 / count}))


main()
