#!/usr/bin/env python3
"""Many subscriptions: 100,000 are loaded by one client and by 100, every one is matched, and the
broker gives their memory back.

    BIN=build/dev/bin tests/e2e/load_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import sys

from net_test import (PINGREQ, PINGRESP, SANITIZED, Broker, Client, free_port, local, packet,
                      publish_packet, tcp, text)

FILTERS = 100000
BATCH = 1000  # filters of one SUBSCRIBE
STEP = 97  # every 97th filter is tried


def filter_and_topic(number):
    """Exact filters and both wildcards, as a fleet of devices has them."""
    device = f"d{number}"
    return [(f"fleet/{device}/temp", f"fleet/{device}/temp"),
            (f"fleet/{device}/+/state", f"fleet/{device}/pump/state"),
            (f"fleet/{device}/log/#", f"fleet/{device}/log/a/b")][number % 3]


def subscribe(client, numbers):
    body = (1).to_bytes(2, "big")
    body += b"".join(text(filter_and_topic(number)[0]) + b"\0" for number in numbers)
    client.send(packet(0x82, body))
    answer = packet(0x90, (1).to_bytes(2, "big") + b"\0" * len(numbers))
    client.expect(answer)


def check(broker, port, subscribers):
    """Each subscriber i has the filters with number % len == i."""
    sender = Client(local(port)).hello("sender")
    for number in range(0, FILTERS, STEP):
        topic = filter_and_topic(number)[1]
        sender.send(publish_packet(topic, str(number).encode()))
        subscribers[number % len(subscribers)].expect(publish_packet(topic, str(number).encode()))
    for subscriber in subscribers:  # and nothing else came
        subscriber.ping()
    sender.close()


def load(count):
    port = free_port()
    with Broker([tcp(port)]) as broker:
        before = broker.memory()
        subscribers = [Client(local(port)).hello(f"s{i}") for i in range(count)]
        for i, subscriber in enumerate(subscribers):
            numbers = list(range(i, FILTERS, count))
            for at in range(0, len(numbers), BATCH):
                subscribe(subscriber, numbers[at:at + BATCH])
        each = (broker.memory() - before) / FILTERS
        print(f"  {count} clients, {FILTERS} subscriptions: {each:.0f} bytes each")
        assert SANITIZED or each < 1000
        check(broker, port, subscribers)
        for subscriber in subscribers:
            subscriber.close()
        # A new client's subscriptions do not add to what the old ones had.
        again = Client(local(port)).hello("again")
        for at in range(0, FILTERS, BATCH):
            subscribe(again, list(range(at, at + BATCH)))
        again.send(PINGREQ)
        again.expect(PINGRESP)
        assert SANITIZED or broker.memory() - before < 1.6 * each * FILTERS + 20e6


def test_one_client():
    load(1)


def test_a_hundred_clients():
    load(100)


def main(names):
    tests = {name: test for name, test in globals().items() if name.startswith("test_")}
    for name in names or tests:
        tests[name]()
        print(f"ok {name}")
    print(f"{len(names or tests)} passed, 0 failed")


if __name__ == "__main__":
    main(sys.argv[1:])
