#!/usr/bin/env python3
"""Load that would show up as other clients' trouble: 100,000 subscriptions of one client and of a
hundred, and a client that never reads while a thousand others are served. (Floods, garbage, slow
senders and 19,000 connections are net_test.py's.)

Waiting is for packets, never for time; times are compared with a run before, generously.

    BIN=build/dev/bin tests/e2e/stress_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import select
import sys
import time

from net_test import SANITIZED, SUBACK, SUBSCRIBE, Broker, Client, free_port, local, packet, \
    publish_packet, run_tests, tcp, text

SUBSCRIPTIONS = 10000 if SANITIZED else 100000
READERS = 100 if SANITIZED else 1000
FILTERS_EACH = 100  # in one SUBSCRIBE


def subscribe_packet(filters):
    return packet(0x82, b"\0\1" + b"".join(text(name) + b"\0" for name in filters))


def filter_of(number):
    """Every tenth with a wildcard; each matches topic_of(number) and no other's."""
    return f"plant/{number % 100}/+/{number}" if number % 10 == 0 else topic_of(number)


def topic_of(number):
    return f"plant/{number % 100}/machine/{number}"


def load(client, numbers):
    for begin in range(0, len(numbers), FILTERS_EACH):
        part = numbers[begin:begin + FILTERS_EACH]
        client.send(subscribe_packet([filter_of(number) for number in part]))
        client.expect(packet(0x90, b"\0\1" + bytes(len(part))))


def check_matches(writer, readers):
    """Messages to a sample of the topics reach the one reader that subscribed it."""
    sample = range(0, SUBSCRIPTIONS, 97)
    begin = time.monotonic()
    for number in sample:
        writer.send(publish_packet(topic_of(number), b"%d" % number))
    writer.send(publish_packet("plant/0/machine/none", b"lost"))
    for number in sample:
        readers[number % len(readers)].expect(publish_packet(topic_of(number), b"%d" % number))
    writer.ping()
    return (time.monotonic() - begin) / len(sample)


def load_and_match(client_count):
    port = free_port()
    with Broker([tcp(port)], "workers=2") as broker:
        readers = [Client(local(port)).hello(f"reader-{number}") for number in range(client_count)]
        writer = Client(local(port)).hello("writer")
        alone = check_latency(writer, port)
        before = broker.memory()
        begin = time.monotonic()
        for index, reader in enumerate(readers):
            load(reader, range(index, SUBSCRIPTIONS, client_count))
        took = time.monotonic() - begin
        each = (broker.memory() - before) / SUBSCRIPTIONS
        match = check_matches(writer, readers)
        print(f"  {SUBSCRIPTIONS} subscriptions of {client_count} in {took:.1f} s, {each:.0f} bytes"
              f" each, {match * 1e6:.0f} us a message")
        assert SANITIZED or each < 1000
        loaded = min(check_latency(writer, port) for _ in range(3))  # once, the machine may be busy elsewhere
        assert loaded < 10 * alone + 0.005, (alone, loaded)
        # Gone with the sessions; what comes after matches nothing.
        for reader in readers:
            reader.close()
        check_latency(writer, port)


def check_latency(writer, port):
    """The median time from a PUBLISH to its arrival at another client, in seconds."""
    reader = Client(local(port)).hello("latency")
    reader.send(SUBSCRIBE)
    reader.expect(SUBACK)
    message, times = publish_packet("t", b"x" * 20), []
    for _ in range(200):
        begin = time.monotonic()
        writer.send(message)
        reader.expect(message)
        times.append(time.monotonic() - begin)
    reader.close()
    return sorted(times)[len(times) // 2]


def test_subscriptions_of_one_client():
    load_and_match(1)


def test_subscriptions_of_a_hundred_clients():
    load_and_match(100)


def rounds_to_all(writer, readers, count, other=None):
    """`count` messages to every reader, one after the other; the median time of a round. `other`
    is published in each round too."""
    message, times = publish_packet("t", b"y" * 50), []
    poll = select.poll()
    by_number = {reader.socket.fileno(): reader for reader in readers}
    for number in by_number:
        poll.register(number, select.POLLIN)
    for _ in range(count):
        begin = time.monotonic()
        if other:
            writer.send(other)
        writer.send(message)
        missing = set(by_number)
        while missing:
            ready = poll.poll(60000)
            assert ready, f"{len(missing)} readers got nothing"
            for number, _ in ready:
                by_number[number].expect(message)
                missing.remove(number)
        times.append(time.monotonic() - begin)
    return sorted(times)[len(times) // 2]


def test_a_deaf_client_among_many():
    port = free_port()
    with Broker([tcp(port)], "workers=2", "session.queue_bytes_maximum=4MiB") as broker:
        readers = [Client(local(port)).hello(f"reader-{number}") for number in range(READERS)]
        for reader in readers:
            reader.send(SUBSCRIBE)
            reader.expect(SUBACK)
        writer = Client(local(port)).hello("writer")
        alone = rounds_to_all(writer, readers, 20)
        deaf = Client(local(port)).hello("deaf")
        deaf.send(subscribe_packet(["deaf"]))
        deaf.expect(SUBACK)
        before = broker.memory()
        # 80 MB for the deaf client, of which the sockets take a few and the queue 4 MiB.
        beside = rounds_to_all(writer, readers, 40, publish_packet("deaf", b"z" * 2000000))
        broker.wait_for("queue full")
        grown = broker.memory() - before
        print(f"  a round to {READERS}: {alone * 1e3:.1f} ms alone, {beside * 1e3:.1f} ms beside a"
              f" deaf client; {grown / 1e6:.1f} MB")
        # A round beside it also carries 2 MB through one socket.
        assert beside < 5 * alone + 0.1, (alone, beside)
        assert SANITIZED or grown < 30e6
        assert broker.count("queue full") == 1


if __name__ == "__main__":
    sys.exit(run_tests(globals(), sys.argv[1:]))
