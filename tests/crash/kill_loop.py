#!/usr/bin/env python3
"""kill -9 of the broker at random moments under load, again and again, with an oracle.

Publishers at QoS 1 and 2, of MQTT 3.1.1 and 5, resume their sessions as the specification asks: the
same packet identifiers, DUP, PUBREL. Durable subscribers at QoS 1 and 2 disconnect, break off, are
taken over, stay away for rounds; some share subscriptions. What has been acknowledged with success
(QoS 1: PUBACK, QoS 2: PUBREC) must come to every durable subscriber, once if both ends use QoS 2,
in the publisher's order; sessions must be there again; a retained message is the last acknowledged
one or a later one.

    tests/crash/kill_loop.py [--rounds 200] [--seed N] [--lose-unsynced] [BROKER]

BROKER is pubgrid (of $BIN), mosquitto or NAME=START COMMAND with {port} and {dir}. Some publishers
use few packet identifiers, so that they come again soon: a broker that forgets after a crash that
an identifier is free takes a new message for an old one.

SPDX-License-Identifier: Apache-2.0
"""
import argparse
import collections
import os
import random
import shutil
import signal
import struct
import sys
import tempfile
import time
import zlib

import mqtt
from brokers import Broker, StartFailed, lose_environment

HEAD = struct.Struct(">IHHI")  # CRC of the rest, publisher, topic, number
TOPICS = 4
RETAINED = 3  # the topic whose messages are retained
SHOWN = 6  # failures of a kind that are printed in full
BACKLOG = 15000  # messages that wait for connected subscribers: then publishers pause


def topic_name(publisher, topic):
    return f"load/{publisher}/{topic}"


class Message:
    """What a publisher knows of one of its messages."""

    __slots__ = ("topic", "sent", "identifier", "accepted", "done", "dropped")

    def __init__(self, topic, sent, identifier):
        self.topic, self.sent, self.identifier = topic, sent, identifier
        self.accepted = self.done = 0  # rounds
        self.dropped = False  # the session was not there any more


class Durable:
    """A client with a session that outlives its connections."""

    def __init__(self, run, name, version, receive_maximum=None):
        self.run, self.name, self.version = run, name, version
        self.receive_maximum = receive_maximum
        self.wire = self.coming = None  # connected; waiting for CONNACK
        self.away_until = 0  # round
        self.must_be_present = False

    def connect(self):
        """Opens a connection, beside the present one if there is one (a takeover)."""
        if self.coming or not self.run.up or self.run.round < self.away_until:
            return
        try:
            self.coming = mqtt.Wire(self.run.loop, self.run.broker.port, self)
        except mqtt.Gone:
            self.run.loop.at(time.monotonic() + 0.02, self.connect)
            return
        self.coming.send(mqtt.connect(self.name, self.version, False,
                                      receive_maximum=self.receive_maximum))

    def packet(self, wire, first, body):
        if wire is self.coming:
            self.coming = None
            if first != mqtt.CONNACK or body[1]:
                self.run.fail("connect", self, f"CONNECT is answered by {first:#x} {body.hex()}")
                wire.close()
                return
            if self.wire:
                self.wire.close()  # what it still has in its buffers is lost
            self.wire = wire
            present = bool(body[0] & 1)
            self.run.counts["resumed" if present else "new session"] += 1
            if self.must_be_present and not present:
                self.run.fail("session", self, "the session is not there any more")
            maximum = mqtt.receive_maximum_of(body) if self.version == 5 else 65535
            self.connected(present, maximum)
        elif wire is self.wire and (first != mqtt.DISCONNECT or self.run.up and not self.coming):
            self.received(first, body)

    def closed(self, wire):
        if wire is self.coming:
            self.coming = None
        if wire is self.wire:
            self.wire = None
        if self.run.up and not self.wire and not self.coming:
            self.run.loop.at(time.monotonic() + 0.02, self.connect)

    def leave(self, goodbye, pause):
        """Breaks the connection and comes again after so many seconds."""
        for wire in (self.coming, self.wire):
            if wire:
                if goodbye and wire is self.wire:
                    wire.send(mqtt.GOODBYE)
                    wire.write()
                wire.close()
        self.coming = self.wire = None
        if pause is not None:
            self.run.loop.at(time.monotonic() + pause, self.connect)


class Publisher(Durable):
    def __init__(self, run, number, version, qos, window, span):
        super().__init__(run, f"publisher-{number}", version)
        self.number, self.qos, self.window, self.span = number, qos, window, span
        self.allowed = window
        self.messages = []
        self.flight = {}  # packet identifier -> number, in the order of PUBLISH
        self.released = {}  # the same, in the order of PUBREC
        self.identifier = 0
        self.retained_done = self.retained_sent = None  # numbers

    def connected(self, present, maximum):
        self.allowed = min(self.window, maximum)
        if not present:
            # MQTT-3.2.2-5: a session that is gone takes the state of its client with it.
            for number in (*self.flight.values(), *self.released.values()):
                self.messages[number].dropped = True
            self.flight.clear()
            self.released.clear()
            self.must_be_present = False
        for identifier in self.released:
            self.wire.send(mqtt.acknowledgement(mqtt.PUBREL, identifier))
        for identifier, number in self.flight.items():
            self.run.counts["resent"] += 1
            self.wire.send(self.encode(number, identifier, True))

    def encode(self, number, identifier, dup):
        message = self.messages[number]
        rest = HEAD.pack(0, self.number, message.topic, number)[4:] + self.run.filler(number)
        payload = zlib.crc32(rest).to_bytes(4, "big") + rest
        return mqtt.publish(self.version, topic_name(self.number, message.topic), payload, self.qos,
                            identifier, message.topic == RETAINED, dup, self.properties(number))

    def properties(self, number):
        """Correlation Data, so that one sees whether properties survive too."""
        return b"\x09\0\4" + number.to_bytes(4, "big") if self.version == 5 else b""

    def ready(self):
        return self.wire and len(self.flight) + len(self.released) < self.allowed

    def send_next(self):
        while True:
            self.identifier = self.identifier % self.span + 1
            if self.identifier not in self.flight and self.identifier not in self.released:
                break
        number, topic = len(self.messages), self.run.random.randrange(TOPICS)
        self.messages.append(Message(topic, self.run.round, self.identifier))
        self.flight[self.identifier] = number
        if topic == RETAINED:
            self.retained_sent = number
        self.wire.send(self.encode(number, self.identifier, False))

    def received(self, first, body):
        kind = first & 0xF0
        if kind == mqtt.DISCONNECT:
            self.run.fail("disconnected", self, f"DISCONNECT {body.hex()}")
            return
        if kind == mqtt.PINGRESP:
            return
        identifier, reason = mqtt.parse_acknowledgement(body)
        if kind == mqtt.PUBACK and self.qos == 1 and identifier in self.flight:
            self.answered(self.flight.pop(identifier), reason, True)
        elif kind == mqtt.PUBREC and self.qos == 2:
            self.publish_received(identifier, reason)
        elif kind == mqtt.PUBCOMP and self.qos == 2 and identifier in self.released:
            self.finished(self.released.pop(identifier))
        else:
            self.run.fail("packet", self, f"unexpected {first:#x} {body.hex()}")
        self.must_be_present = self.must_be_present and bool(self.released)

    def publish_received(self, identifier, reason):
        if identifier in self.flight:
            number = self.flight.pop(identifier)
            self.answered(number, reason, False)
            if reason >= 0x80:
                return
            self.released[identifier] = number
            self.must_be_present = True
        self.wire.send(mqtt.acknowledgement(mqtt.PUBREL, identifier))

    def answered(self, number, reason, done):
        message = self.messages[number]
        if reason >= 0x80:
            message.dropped = True
            self.run.fail("refused", self, f"reason code {reason:#x}", self.number, number)
            return
        message.accepted = self.run.round
        self.run.counts["acknowledged"] += 1
        self.run.strike()
        if done:
            self.finished(number)

    def finished(self, number):
        message = self.messages[number]
        message.done = self.run.round
        if message.topic == RETAINED and (self.retained_done or 0) <= number:
            self.retained_done = number

    def idle(self):
        return not self.flight and not self.released

    def dropped_any(self):
        return any(message.dropped for message in self.messages)


class Deliveries:
    """What has come to a subscriber, or to the members of a share together."""

    def __init__(self, run, topics, qos):
        self.topics, self.qos, self.since = topics, qos, None
        self.checked = [0] * len(run.publishers)  # up to here nothing can be missing any more
        self.times = [bytearray() for _ in run.publishers]
        self.total = 0  # different messages

    def add(self, publisher, number):
        """How often the message has come now."""
        times = self.times[publisher]
        if len(times) <= number:
            times.extend(bytes(number + 1000 - len(times)))
        times[number] = min(times[number] + 1, 255)
        self.total += times[number] == 1
        return times[number]

    def missing(self, publisher):
        """Numbers of acknowledged messages that have not come."""
        if self.since is None:
            return
        times = self.times[publisher.number]
        begin = max(self.since[publisher.number], self.checked[publisher.number])
        settled = True
        for number in range(begin, len(publisher.messages)):
            message = publisher.messages[number]
            missing = message.accepted and message.topic in self.topics and \
                (number >= len(times) or not times[number])
            settled = settled and not missing and (message.done or message.dropped)
            if settled:
                self.checked[publisher.number] = number + 1
            if missing:
                yield number


class Subscriber(Durable):
    def __init__(self, run, name, version, qos, topic="#", share=None, receive_maximum=None):
        super().__init__(run, name, version, receive_maximum)
        self.qos, self.share = qos, share
        self.filter = f"load/{topic}"
        topics = range(TOPICS) if topic == "#" else (int(topic[2:]),)
        if share:
            self.filter = f"$share/{share}/{self.filter}"
            self.deliveries = run.shares.setdefault(share, Deliveries(run, topics, qos))
        else:
            self.deliveries = Deliveries(run, topics, qos)
        self.held = {}  # QoS 2: packet identifier -> message, until PUBREL
        self.newest = {}  # (publisher, topic) -> number
        # The Subscription Identifier of some, which belongs to the session as well.
        self.label = b"\x0b\x2a" if version == 5 and topic != "#" else b""
        self.pinged = False

    def connected(self, present, _maximum):
        if not present:
            self.held.clear()
        if not present or not self.must_be_present:
            self.wire.send(mqtt.subscribe(self.version, 1, self.filter, self.qos, self.label))

    def received(self, first, body):
        kind = first & 0xF0
        if kind == mqtt.PUBLISH:
            self.arrived(first, body)
        elif kind == mqtt.PUBREL:
            identifier, _ = mqtt.parse_acknowledgement(body)
            self.held.pop(identifier, None)
            self.wire.send(mqtt.acknowledgement(mqtt.PUBCOMP, identifier))
        elif kind == mqtt.SUBACK:
            if body[-1] != self.qos:
                self.run.fail("subscribe", self, f"SUBACK {body.hex()}")
            self.must_be_present = True
            if self.deliveries.since is None:
                self.deliveries.since = [len(p.messages) for p in self.run.publishers]
        elif kind == mqtt.PINGRESP:
            self.pinged = True
        else:
            self.run.fail("packet", self, f"unexpected {first:#x} {body.hex()}")

    def arrived(self, first, body):
        topic, payload, identifier, properties = mqtt.parse_publish(self.version, first, body)
        crc, publisher, number_of_topic, number = HEAD.unpack_from(payload)
        message = (publisher, number)
        if crc != zlib.crc32(payload[4:]) or \
                topic.decode() != topic_name(publisher, number_of_topic):
            self.run.fail("damaged", self, f"topic {topic!r}, payload {payload[:40].hex()}")
            message = None
        elif self.version == 5:
            wanted = self.run.publishers[publisher].properties(number)
            if properties not in (wanted + self.label, self.label + wanted):
                self.run.fail("properties", self, f"properties {properties.hex()}, not "
                              f"{wanted.hex()} and {self.label.hex()}", *message)
        qos, new = first >> 1 & 3, True
        if qos == 2:
            new = identifier not in self.held
            if not new and self.held[identifier] != message:
                self.run.fail("identifier", self, f"packet identifier {identifier} comes with "
                              f"another message before PUBREL; held is {self.held[identifier]}",
                              *message)
            self.held.setdefault(identifier, message)
            self.wire.send(mqtt.acknowledgement(mqtt.PUBREC, identifier))
        elif qos == 1:
            self.wire.send(mqtt.acknowledgement(mqtt.PUBACK, identifier))
        if new and message and not first & 1:
            self.deliver(qos, number_of_topic, publisher, number, first)

    def deliver(self, qos, topic, publisher, number, first):
        sender = self.run.publishers[publisher]
        wanted = min(self.qos, sender.qos)
        if qos != wanted:
            self.run.fail("qos", self, f"QoS {qos} instead of {wanted}", publisher, number)
        times = self.deliveries.add(publisher, number)
        self.run.counts["delivered"] += 1
        if times > 1:
            self.run.counts["repeated at QoS %d" % qos] += 1
            if wanted == 2 and self.deliveries.qos == 2:
                self.run.fail("twice", self, f"delivered {times} times, now with {first:#x}",
                              publisher, number)
        elif not self.share and self.was_subscribed(publisher, number):
            newest = self.newest.get((publisher, topic), -1)
            if number < newest:
                self.run.fail("order", self, f"comes after {newest}", publisher, number)
            self.newest[publisher, topic] = max(number, newest)


    def was_subscribed(self, publisher, number):
        """A message from before SUBACK may have been routed for the first time before SUBSCRIBE, and
        come only when its publisher repeats it."""
        since = self.deliveries.since
        return since is not None and number >= since[publisher]


class Run:
    """The clients, the broker and the rounds."""

    def __init__(self, options, broker):
        self.options, self.broker = options, broker
        self.random = random.Random(options.seed)
        self.loop, self.up, self.round = mqtt.Loop(), False, 0
        self.counts, self.failures = collections.Counter(), collections.Counter()
        self.failed_rounds, self.shares = set(), {}
        some = self.random.randbytes
        self.fillers = [some(74)] * 40 + [b"", some(4), some(300), some(3000), some(9000)]
        self.publishers = []
        for version, qos, window, span in ((4, 1, 20, 65535), (5, 1, 50, 60), (4, 1, 5, 7),
                                           (4, 2, 20, 25), (5, 2, 50, 65535), (5, 2, 10, 12)):
            number = len(self.publishers)
            self.publishers.append(Publisher(self, number, version, qos, window, span))
        self.subscribers = [
            Subscriber(self, "all-4-1", 4, 1), Subscriber(self, "all-5-2", 5, 2),
            Subscriber(self, "all-4-2", 4, 2),
            Subscriber(self, "few-5-2", 5, 2, receive_maximum=options.receive_maximum),
            Subscriber(self, "part-5-1", 5, 1, "+/0"), Subscriber(self, "part-4-2", 4, 2, "+/1"),
            Subscriber(self, "late-5-2", 5, 2, "+/2"),
            Subscriber(self, "shared-1a", 4, 1, share="one"),
            Subscriber(self, "shared-1b", 5, 1, share="one"),
            Subscriber(self, "shared-2a", 5, 2, share="two"),
            Subscriber(self, "shared-2b", 4, 2, share="two"),
        ]
        self.subscribers[6].away_until = max(1, options.rounds // 3)
        if options.no_shares:
            self.subscribers = [s for s in self.subscribers if not s.share]
            self.shares.clear()
        self.clients = self.subscribers + self.publishers
        self.turn, self.allowance = 0, 0.0
        self.armed = self.struck = False  # kill at the next acknowledgement; killed so
        self.end = 0.0
        self.finished = 0  # rounds, the last drain included

    def filler(self, number):
        return self.fillers[number * 2654435761 % 2**32 % len(self.fillers)]

    def fail(self, kind, client, words, publisher=None, number=None, at=None):
        at = self.round if at is None else at
        self.failures[kind] += 1
        self.failed_rounds.add(at)
        if self.failures[kind] > SHOWN:
            return
        facts = ""
        if publisher is not None:
            sender = self.publishers[publisher]
            m = sender.messages[number]
            facts = (f" [{topic_name(publisher, m.topic)} number {number}, QoS {sender.qos}, MQTT "
                     f"{sender.version}, identifier {m.identifier}, sent in round {m.sent}, "
                     f"acknowledged {m.accepted or 'never'}, completed {m.done or 'never'}]")
        name = client if isinstance(client, str) else client.name
        print(f"FAILED {kind}: seed {self.options.seed}, round {at}, {name}: {words}{facts}",
              flush=True)

    # ------------------------------------------------------------ the load

    def backlog(self):
        """Messages that connected subscribers of everything are behind."""
        sent = self.counts["acknowledged"]
        return sent - min((s.deliveries.total for s in self.subscribers[:4] if s.wire),
                          default=sent)

    def pump(self, elapsed):
        """Lets the publishers send, each in turn, as the rate allows."""
        rate = self.options.rate
        self.allowance = min(self.allowance + elapsed * rate, rate / 10)
        if self.backlog() > BACKLOG:
            self.allowance = 0
        idle = 0
        while self.allowance >= 1 and idle < len(self.publishers):
            publisher = self.publishers[self.turn % len(self.publishers)]
            self.turn += 1
            if publisher.ready():
                publisher.send_next()
                self.allowance -= 1
                idle = 0
            else:
                idle += 1

    def disturb(self):
        """Something happens to a client, and again after a while."""
        if not self.up:
            return
        draw = self.random
        client = draw.choice(self.clients)
        what = draw.random()
        if client.wire and what < 0.4:
            self.counts["takeovers"] += 1
            client.connect()
        elif client.wire and (what < 0.9 or client in self.publishers):
            self.counts["disconnects"] += 1
            client.leave(draw.random() < 0.5, draw.uniform(0, 0.2))
        elif client.wire:
            self.counts["absences"] += 1
            client.away_until = max(client.away_until, self.round + draw.randint(1, 3))
            client.leave(draw.random() < 0.5, None)
        self.loop.at(time.monotonic() + draw.expovariate(self.options.disturbances), self.disturb)

    def drive(self, until, load=True):
        """Runs until a time or until the function returns True."""
        last = time.monotonic()
        while not until(last):
            now = self.loop.step(0.002 if load else 0.05)
            if load:
                self.pump(now - last)
            last = now

    # ------------------------------------------------------------ rounds

    def start(self):
        environment = {}
        if self.options.lose_unsynced:
            keep = self.random.choice((0, 0, 30, 70))
            environment = lose_environment(
                self.broker.command.split()[0], self.options.lose_unsynced,
                os.path.join(self.broker.folder, "store"),
                self.options.seed * 1000 + self.round, keep)
        begin = time.monotonic()
        self.broker.start(environment)
        if environment:
            with open(f"/proc/{self.broker.process.pid}/maps") as maps:
                assert self.options.lose_unsynced in maps.read(), "the library is not loaded"
        self.counts["slowest start, ms"] = max(self.counts["slowest start, ms"],
                                               round(1000 * (time.monotonic() - begin)))
        self.up = True

    def connect_all(self):
        for client in self.clients:
            client.connect()
        self.loop.at(time.monotonic() + 0.02, self.disturb)

    def strike(self):
        """At an acknowledgement: the end of a round that waits for one."""
        if self.armed:
            self.broker.signal(signal.SIGTERM if self.options.term else signal.SIGKILL)
            self.armed, self.struck = False, True
            self.counts["kills at an acknowledgement"] += 1

    def killed(self):
        """The end of a round's broker; what it has sent before is still read."""
        self.up = False
        if not self.struck and not self.broker.running():
            self.fail("ended", self.broker.name, "the broker has ended by itself with status "
                      f"{self.broker.process.returncode}:\n{self.broker.log_tail()}")
        if not self.struck:
            self.broker.signal(signal.SIGTERM if self.options.term else signal.SIGKILL)
        self.armed = self.struck = False
        self.loop.timers.clear()
        self.drive(lambda _: not any(c.wire or c.coming for c in self.clients), False)
        self.broker.process.wait()

    def check_retained(self, final):
        """Before anybody resumes: what is retained may not be older than the last acknowledged."""
        wanted = {topic_name(p.number, RETAINED): p for p in self.publishers
                  if p.retained_done is not None}
        found = {}
        with mqtt.Client(self.broker.port, "retained", 5) as client:
            client.subscribe(f"load/+/{RETAINED}", 0)

            def complete():
                for topic, payload, first in client.messages:
                    if first & 1:
                        found[topic] = HEAD.unpack_from(payload)[3]
                return wanted.keys() <= found.keys()

            client.wait_for(complete, 3)
        for topic, publisher in wanted.items():
            least = publisher.retained_done
            most = least if final and not publisher.dropped_any() else publisher.retained_sent
            if topic not in found:
                self.fail("retained", publisher, f"nothing is retained, {least} was acknowledged",
                          publisher.number, least)
            elif not least <= found[topic] <= most:
                self.fail("retained", publisher, f"retained is {found[topic]}, not {least} to "
                          f"{most}", publisher.number, least)

    def play(self):
        options = self.options
        kills = 0 if options.no_kill else options.rounds
        for self.round in range(1, max(options.rounds, 1) + 1):
            if not self.up:
                self.start()
                self.check_retained(False)
            if self.round == 1 or kills:
                self.connect_all()
            for client in self.clients:
                client.connect()  # those who were away for rounds
            # Some kills come while clients still resume their sessions; most at once when
            # something has been acknowledged, when a broker may think that it has time to write.
            span = self.random.choice((0.05, 1, 1, 1)) * options.seconds
            self.end = time.monotonic() + self.random.uniform(0, 2 * span)
            waits = kills and self.random.random() < 0.6
            self.drive(lambda now: now >= self.end or not self.broker.running())
            if waits:
                self.armed = True
                self.end += 5
                self.drive(lambda now: self.struck or now >= self.end or not self.broker.running())
            if kills:
                self.killed()
        self.round += 1
        if not self.up:
            self.start()
            self.check_retained(False)
        self.drain()
        self.check_retained(True)
        self.finish()

    # ------------------------------------------------------------ the end

    def complete(self):
        return all(p.wire and p.idle() for p in self.publishers) and \
            all(s.wire and s.deliveries.since for s in self.subscribers) and \
            not any(True for d in self.all_deliveries() for p in self.publishers
                    for _ in d.missing(p))

    def all_deliveries(self):
        return [*(s.deliveries for s in self.subscribers if not s.share), *self.shares.values()]

    def drain(self):
        """Everybody connects and takes what there is, until all is there or nothing comes."""
        self.loop.timers.clear()
        for client in self.clients:
            client.away_until = 0
            client.connect()
        state = {"next": 0.0, "before": None, "moved": time.monotonic()}

        def over(now):
            if now < state["next"]:
                return False
            state["next"] = now + 0.3
            counts = self.counts["delivered"], self.counts["acknowledged"]
            if counts != state["before"]:
                state.update(before=counts, moved=now)
            for client in self.clients:
                if not client.wire:
                    client.connect()
            return self.complete() or now - state["moved"] > self.options.patience

        self.drive(over, False)
        # What comes too often comes before the answer to a PINGREQ.
        for subscriber in self.subscribers:
            if subscriber.wire:
                subscriber.pinged = False
                subscriber.wire.send(mqtt.PINGREQ)
        end = time.monotonic() + self.options.patience
        self.drive(lambda now: now > end or all(s.pinged for s in self.subscribers if s.wire),
                   False)

    def finish(self):
        for publisher in self.publishers:
            if not publisher.wire or not publisher.idle():
                self.fail("unfinished", publisher, f"waits for acknowledgements of "
                          f"{list(publisher.flight)[:5]}, {list(publisher.released)[:5]}")
        seen = set()
        for subscriber in self.subscribers:
            deliveries = subscriber.deliveries
            if id(deliveries) in seen:
                continue
            seen.add(id(deliveries))
            if deliveries.since is None:
                self.fail("subscribe", subscriber, "has never got a SUBACK")
            whose = f"share {subscriber.share}" if subscriber.share else subscriber
            for publisher in self.publishers:
                for number in deliveries.missing(publisher):
                    self.fail("lost", whose, "acknowledged and never delivered", publisher.number,
                              number, publisher.messages[number].accepted)
        for client in self.clients:
            client.leave(True, None)
        status = self.broker.stop()
        if status:
            self.fail("stop", self.broker.name, f"ends with status {status} at SIGTERM")
        findings = self.broker.sanitizer_findings()
        if findings:
            self.fail("sanitizer", self.broker.name, "\n".join(findings[:5]))
        self.finished = self.round


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("broker", nargs="?", default="pubgrid",
                        help="pubgrid, mosquitto or NAME=START COMMAND")
    parser.add_argument("--rounds", type=int, default=20, help="kills; 0: a run without any")
    parser.add_argument("--no-kill", action="store_true", help="as many rounds, but no kill")
    parser.add_argument("--term", action="store_true", help="SIGTERM instead of SIGKILL")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--seconds", type=float, default=1.0,
                        help="how long a round takes on average")
    parser.add_argument("--rate", type=float, default=3000, help="messages a second, together")
    parser.add_argument("--disturbances", type=float, default=8, help="a second, on average")
    parser.add_argument("--receive-maximum", type=int, default=10, metavar="N",
                        help="of one subscriber; 0: none, for mosquitto 2.0, which heeds it only "
                        "until the client resumes, and then in the wrong order")
    parser.add_argument("--no-shares", action="store_true",
                        help="no shared subscriptions: mosquitto 2.0 forgets them at any restart")
    parser.add_argument("--patience", type=float, default=10, metavar="SECONDS",
                        help="without any progress: nothing more will come")
    parser.add_argument("--lose-unsynced", metavar="LIBRARY", nargs="?",
                        const=os.path.join(os.environ.get("BIN", "build/asan/bin"),
                                           "liblose_unsynced.so"),
                        help="start the broker with this library, which loses what is not synced")
    parser.add_argument("--keep-folder", action="store_true", help="of a run that failed")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1000000)
    if options.lose_unsynced:
        options.lose_unsynced = os.path.abspath(options.lose_unsynced)
        if not os.path.exists(options.lose_unsynced):
            raise SystemExit(f"there is no {options.lose_unsynced}; ./dev asan builds it")
    return options


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    name, _, command = options.broker.partition("=")
    folder = tempfile.mkdtemp(prefix="kill_loop_")
    broker = Broker(name, folder, command or None)
    run = Run(options, broker)
    print(f"{name}, seed {options.seed}, {options.rounds} rounds", flush=True)
    begin = time.monotonic()
    try:
        run.play()
    except (StartFailed, mqtt.Gone, AssertionError) as error:
        run.fail("broker", broker.name, str(error))
    finally:
        broker.kill()
        if run.failures and options.keep_folder:
            print(f"the broker's folder is {folder}")
        else:
            shutil.rmtree(folder)
    print(", ".join(f"{key} {value}" for key, value in sorted(run.counts.items())))
    print(f"{sum(len(p.messages) for p in run.publishers)} messages in "
          f"{time.monotonic() - begin:.0f} s")
    if run.failures:
        print("failures: " + ", ".join(f"{k} {v}" for k, v in run.failures.most_common()))
    # A round counts as one test, and so does the end, in which everything drains.
    failed = len(run.failed_rounds)
    print(f"{max(run.finished - failed, 0)} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
