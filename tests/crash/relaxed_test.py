#!/usr/bin/env python3
"""`store.durability: relaxed` loses what was acknowledged in the last `store.relaxed_interval` before
a crash, and nothing older.

A durable session subscribes and goes offline; a publisher notes when each acknowledgement came; the
broker gets SIGKILL in the midst of it and starts again; the session resumes. What is lost must have
been acknowledged within the interval, and be the last of it.

    BIN=build/asan/bin tests/crash/relaxed_test.py [ROUNDS]

SPDX-License-Identifier: Apache-2.0
"""
import random
import shutil
import sys
import tempfile
import time
import traceback

import mqtt
from brokers import PUBGRID_COMMAND, Broker

INTERVAL = 0.5  # seconds
WINDOW = 50
COMMAND = (PUBGRID_COMMAND + " --set store.durability=relaxed"
           f" --set store.relaxed_interval={int(INTERVAL * 1000)}ms")


def publish_until(client, first, end):
    """Number -> when its acknowledgement came, of all that were acknowledged before `end`."""
    acknowledged, flight, number = {}, {}, first
    while time.monotonic() < end:
        while len(flight) < WINDOW:
            identifier = number % 1000 + 1
            client.send(mqtt.publish(4, "relaxed", b"%09d" % number, 1, identifier))
            flight[identifier] = number
            number += 1
        got = client.receive(max(0, end - time.monotonic()))
        if got and got[0] == mqtt.PUBACK:
            identifier, _ = mqtt.parse_acknowledgement(got[1])
            acknowledged[flight.pop(identifier)] = time.monotonic()
    return acknowledged


def take_all(broker):
    """The numbers that waited for the durable session, and whether it was there."""
    with mqtt.Client(broker.port, "durable", clean=False) as client:
        before = -1
        while before != len(client.messages):
            before = len(client.messages)
            client.wait_for(lambda: len(client.messages) > before, 1)
        return {int(message[1]) for message in client.messages}, client.present


def one_round(broker, first, draw):
    """How many acknowledged messages a crash cost."""
    with mqtt.Client(broker.port, "publisher") as publisher:
        acknowledged = publish_until(publisher, first,
                                     time.monotonic() + draw.uniform(0.3, 2.5 * INTERVAL))
        killed = time.monotonic()
        broker.kill()
    broker.start()
    arrived, present = take_all(broker)
    assert present, "the session is gone"
    lost = {number for number in acknowledged if number not in arrived}
    oldest = max((killed - acknowledged[number] for number in lost), default=0)
    assert oldest <= INTERVAL, \
        f"lost was what had been acknowledged {oldest * 1000:.0f} ms before the crash"
    assert not lost or min(lost) > max(arrived, default=-1), "what was lost is not the end"
    return len(acknowledged), len(lost), oldest


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    draw = random.Random(rounds)
    folder = tempfile.mkdtemp(prefix="relaxed_")
    broker = Broker("pubgrid", folder, COMMAND)
    passed = failed = lost_in_all = 0
    try:
        broker.start()
        with mqtt.Client(broker.port, "durable", clean=False) as client:
            assert client.subscribe("relaxed", 1) == 1
        broker.stop()  # the subscription is acknowledged early too
        broker.start()
        for number in range(rounds):
            try:
                acknowledged, lost, oldest = one_round(broker, number * 1000000, draw)
                lost_in_all += lost
                print(f"ok round {number}: {acknowledged} acknowledged, {lost} lost, "
                      f"of the last {oldest * 1000:.0f} ms")
                passed += 1
            except (AssertionError, mqtt.Gone):
                traceback.print_exc()
                print(broker.log_tail())
                failed += 1
        if lost_in_all == 0:
            print("not ok: not one message was lost, so this says nothing about relaxed")
            failed += 1
        findings = broker.sanitizer_findings()
        if findings:
            print(findings)
            failed += 1
    finally:
        broker.kill()
        shutil.rmtree(folder)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
