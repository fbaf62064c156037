#!/usr/bin/env python3
"""What is an acknowledgement worth when the broker is killed right after it?

A durable session subscribes at QoS 1 and goes offline. One publisher sends QoS 1 messages at a
steady rate; the broker gets SIGKILL at the last PUBACK, is started again on the same folder, and
the session resumes. Counted: acknowledged messages that never arrive.

    tests/crash/probe.py [NAME | NAME=START COMMAND] ...       {port} and {dir} are filled in

Known names: pubgrid, mosquitto (Debian's, persistence on, otherwise its defaults); both if there
is no argument.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import shutil
import sys
import tempfile
import time

import mqtt
from brokers import Broker, StartFailed

FILLER = b"." * 76


def publish_all(client, count, rate, window, patience):
    """Publishes at the rate, at most `window` unacknowledged; the acknowledged numbers. Ends when
    nothing is acknowledged any more for `patience` seconds."""
    acknowledged, flight, sent, begin = set(), {}, 0, time.monotonic()
    last = begin
    while (sent < count or flight) and time.monotonic() - last < patience:
        due = min(count, int((time.monotonic() - begin) * rate) + 1)
        while sent < due and len(flight) < window:
            identifier = sent % 65535 + 1
            payload = b"%09d %s" % (sent, FILLER)
            client.send(mqtt.publish(client.version, f"c/{sent % 10}", payload, 1, identifier))
            flight[identifier] = sent
            sent += 1
        got = client.receive(1 / rate if sent < count else 0.1)
        if got and got[0] == mqtt.PUBACK:
            identifier, reason = mqtt.parse_acknowledgement(got[1])
            number, last = flight.pop(identifier), time.monotonic()
            if reason < 0x80:
                acknowledged.add(number)
    return acknowledged


def resume(broker, acknowledged, patience):
    """(session present, numbers in order of arrival)"""
    client = mqtt.Client(broker.port, "probe-subscriber", clean=False)
    arrived, known = [], set()

    def complete():
        while client.messages:
            number = int(client.messages.pop(0)[1].split(b" ", 1)[0])
            arrived.append(number)
            known.add(number)
        return acknowledged <= known

    before = -1
    try:
        while not complete() and len(arrived) != before:
            before = len(arrived)
            client.wait_for(complete, patience)
    except mqtt.Gone:
        pass
    client.close()
    return client.present, arrived


def probe(name, command, options):
    """A row of the table as a dict."""
    folder = tempfile.mkdtemp(prefix="probe_")
    broker = Broker(name, folder, command)
    row = {"broker": name}
    try:
        broker.start()
        with mqtt.Client(broker.port, "probe-subscriber", clean=False) as subscriber:
            assert subscriber.subscribe("c/#", 1) == 1
        if options.settle:
            time.sleep(options.settle)  # part of the experiment: brokers that save by the clock
        publisher = mqtt.Client(broker.port, "probe-publisher")
        acknowledged = publish_all(publisher, options.messages, options.rate, options.window,
                                   options.patience)
        if not options.no_kill:
            broker.kill()
            publisher.close(False)
            broker.start()
        present, arrived = resume(broker, acknowledged, options.patience)
        first = list(dict.fromkeys(arrived))
        row.update(acked=len(acknowledged), lost=len(acknowledged - set(arrived)),
                   present="yes" if present else "no", duplicates=len(arrived) - len(first),
                   order="kept" if first == sorted(first) else "broken")
    except (StartFailed, mqtt.Gone, AssertionError) as error:
        row.update(acked="-", lost="-", present="-", duplicates="-", order=f"failed: {error}")
    finally:
        broker.kill()
        shutil.rmtree(folder)
    return row


def print_table(rows):
    titles = {"broker": "broker", "acked": "acked", "lost": "lost", "present": "session present",
              "duplicates": "duplicates", "order": "order"}
    widths = {key: max(len(title), *(len(str(row[key]).split("\n", maxsplit=1)[0]) for row in rows))
              for key, title in titles.items()}
    for row in (titles, *rows):
        print("  ".join(str(row[key]).ljust(widths[key]) for key in titles).rstrip())


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("broker", nargs="*", help="pubgrid, mosquitto or NAME=START COMMAND")
    parser.add_argument("--must-keep", action="append", default=[], metavar="NAME",
                        help="fail if this broker has lost anything")
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--rate", type=float, default=1000, help="messages a second")
    parser.add_argument("--window", type=int, default=50, help="unacknowledged messages at most")
    parser.add_argument("--settle", type=float, default=0, metavar="SECONDS",
                        help="wait between the subscription and the load")
    parser.add_argument("--patience", type=float, default=3, metavar="SECONDS",
                        help="without a message: nothing more will come")
    parser.add_argument("--no-kill", action="store_true", help="only resume the session")
    return parser.parse_args()


def main():
    options = arguments()
    rows, failed = [], 0
    wanted = [(given.partition("=")[0], given.partition("=")[2] or None)
              for given in options.broker or ["pubgrid", "mosquitto"]]
    unknown = set(options.must_keep) - {name for name, _ in wanted}
    if unknown:
        raise SystemExit(f"--must-keep names brokers that are not probed: {', '.join(unknown)}")
    for name, command in wanted:
        rows.append(probe(name, command, options))
        kept = rows[-1]["lost"] == 0 and rows[-1]["acked"] and rows[-1]["present"] == "yes" and \
            rows[-1]["order"] == "kept"
        if name in options.must_keep and not kept:
            failed += 1
    print_table(rows)
    print(f"{len(options.must_keep) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
