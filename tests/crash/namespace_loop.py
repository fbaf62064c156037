#!/usr/bin/env python3
"""Days of pull delivery in compressed time: kill -9 of broker and bridges at random moments while competing receivers
acknowledge, release (with and without a delay), reject, renew, and let locks expire, with an oracle.

Publishers post batches to a topic of a namespace and repeat each until it is answered by 200. A lock of 60 s and
a delay of 10 s take event_grid.retry_scale times as long, so a day takes half an hour.

What was accepted must be acknowledged or be a dead letter in the end: so no lock is held for ever. What was
acknowledged never comes again, whatever is killed afterwards. While its lock holds an event comes to nobody else, and
the lock's token is good. deliveryCount goes up by one from delivery to delivery, and never down, also over a kill. (An
event that is published again, or given back while something is killed, may have a twin: then no more is asked of it
than that it is settled.) Processes do not grow.

    tests/crash/namespace_loop.py [--hours 0.5] [--seed N] [--rate 200] [--patience 90]

SPDX-License-Identifier: Apache-2.0
"""
import argparse
import collections
import glob
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
# pylint: disable=wrong-import-position
import event_loop
from brokers import libraries
from event_loop import BIN, KEY, KILLED, LOOK, Loop, Server

SCALE = 0.02  # event_grid.retry_scale: an hour is 72 s
LOCK = 60 * SCALE  # seconds, of the smallest lock that there is
SLACK = 0.3  # seconds that a lock's token may be too late
DELIVERIES = 4  # maxDeliveryCount
CALM = (4, 12)  # seconds between kills
TOPIC = "/plant/topics/readings"
QUEUE = f"{TOPIC}/eventsubscriptions/work"
KINDS = ("plain",) * 94 + ("rejected",) * 3 + ("cursed",) * 3  # of events: the last are never acknowledged
REASONS = {"rejected": "Event was rejected.", "cursed": "Maximum delivery attempts was exceeded.",
           "plain": "Maximum delivery attempts was exceeded."}
GROWTH, GROWTH_KB = 1.25, 16 * 1024  # of the memory of a process, from the second third to the last


class NamespaceServer(Server):
    CONFIG = f"""
store: {{{{path: {{folder}}/store}}}}
listeners: ["tcp://127.0.0.1:{{mqtt}}"]
workers: 2
bridge:
  processes: 2
  listeners: ["http://127.0.0.1:{{http}}"]
event_grid:
  retry_scale: {SCALE}
  dead_letter_directory: {{folder}}/dead
  namespaces:
    - name: plant
      key1: {{key}}
      topics:
        - name: readings
          eventSubscriptions:
            - name: work
              properties:
                deliveryConfiguration:
                  deliveryMode: Queue
                  queue:
                    receiveLockDurationInSeconds: 60
                    maxDeliveryCount: {DELIVERIES}
                    deadLetterDestinationWithResourceIdentity:
                      deadLetterDestination:
                        endpointType: StorageBlob
                        properties: {{{{blobContainerName: letters}}}}
"""


class Caller(event_loop.Caller):
    TIMEOUT = 30

    def ask(self, target, body, content_type="application/json"):
        """Status and JSON; 0 and nothing: there was no answer."""
        headers = {"content-type": content_type, "authorization": f"SharedAccessKey {KEY}"}
        status, text = self.post(target, body, headers)
        return status, json.loads(text) if status else None


class Publisher(Caller, event_loop.Publisher):
    def event(self, number):
        return {"specversion": "1.0", "id": f"{self.number}-{number}", "source": "/s", "type": "t",
                "data": self.data(KINDS)}

    def publish(self, body):
        return self.ask(f"{TOPIC}:publish", body, "application/cloudevents-batch+json")[0]


class Delivery:
    """An event that came, and what was done with it."""

    __slots__ = ("asked", "came", "count", "token", "given_back")

    def __init__(self, asked, came, broker):
        self.asked, self.came = asked, came  # the lock begins between these
        self.count, self.token = broker["deliveryCount"], broker["lockToken"]
        self.given_back = False


class Receiver(Caller):
    def run(self):
        while not self.run_.is_over.is_set():
            asked = time.monotonic()
            most = self.random.choice((1, 5, 20, 100))
            status, body = self.ask(f"{QUEUE}:receive?maxEvents={most}&maxWaitTime=10", b"")
            if status != 200:
                self.run_.is_over.wait(0.1)
                continue
            came = time.monotonic()
            found = [(item["event"], Delivery(asked, came, item["brokerProperties"])) for item in body["value"]]
            for event, delivery in found:
                self.run_.receives(event, delivery)
            self.settle(found)

    def choose(self, event):
        kind = event["data"]["kind"]
        if kind == "rejected":
            return "reject"
        if kind == "cursed":
            return self.random.choice(("release", "release", "leave"))
        return self.random.choice(("acknowledge",) * 15 + ("release", "release", "leave", "leave", "renewLock"))

    def settle(self, found):
        wanted = collections.defaultdict(list)
        for event, delivery in found:
            wanted[self.choose(event)].append((event, delivery))
        for operation, some in wanted.items():
            if operation == "renewLock":
                self.call("renewLock", "", some)
                self.call("acknowledge", "", some)
            elif operation == "release":
                self.call("release", f"?releaseDelayInSeconds={self.random.choice((0, 0, 10, 60))}", some)
            elif operation != "leave":
                self.call(operation, "", some)

    def call(self, operation, query, some):
        by_token = {delivery.token: (event, delivery) for event, delivery in some}
        if operation in ("release", "reject"):
            for _, delivery in some:
                delivery.given_back = True  # also if nobody answers
        begin = time.monotonic()
        status, body = self.ask(f"{QUEUE}:{operation}{query}", json.dumps({"lockTokens": list(by_token)}))
        if status != 200:
            if operation == "acknowledge":
                self.run_.acknowledges_perhaps([event for event, _ in some])
            return
        answered = [item["lockToken"] for item in body["failedLockTokens"]] + body["succeededLockTokens"]
        if sorted(answered) != sorted(by_token):
            self.run_.fail("answer", f"{operation} answers {len(answered)} tokens of {len(by_token)}")
        if operation == "acknowledge":
            self.run_.acknowledges([by_token[token][0] for token in body["succeededLockTokens"]])
        for item in body["failedLockTokens"]:
            delivery = by_token[item["lockToken"]][1]
            self.run_.count(f"{operation} {item['error']['code']}")
            is_late = time.monotonic() > delivery.asked + LOCK - SLACK
            if not is_late:
                self.run_.fail_if_calm("token", f"{operation} {begin - delivery.came:.2f} s after it came: {item}",
                                       delivery.asked)
        self.run_.count(operation)


class Run(Loop):
    publishers_count, receivers_count = 2, 5

    def __init__(self, options, folder):
        super().__init__(options, NamespaceServer(folder, ""))
        self.accepted = set()  # ids
        self.deliveries = collections.defaultdict(list)
        self.acknowledged = {}  # id -> when that was answered
        self.perhaps = set()  # ids that were to be acknowledged, which nobody has answered
        self.letters = {}
        self.memory = []  # (seconds, program, KiB)
        self.callers = [Publisher(self, number) for number in range(self.publishers_count)]
        self.callers += [Receiver(self, 10 + number) for number in range(self.receivers_count)]

    def fail_if_calm(self, kind, words, begin):
        """Another process takes over at once where one was killed: by now that is known."""
        if not self.server.was_unrest(begin, time.monotonic()):
            time.sleep(4 * LOOK)
            if not self.server.was_unrest(begin, time.monotonic()):
                self.fail(kind, words)

    # ------------------------------------------------------------ what the callers tell

    def accepts(self, batch):
        with self.lock:
            self.accepted.update(event["id"] for event in batch)

    def acknowledges(self, events):
        now = time.monotonic()
        with self.lock:
            for event in events:
                self.acknowledged.setdefault(event["id"], now)

    def acknowledges_perhaps(self, events):
        with self.lock:
            self.perhaps.update(event["id"] for event in events)

    def receives(self, event, delivery):
        with self.lock:
            before = self.deliveries[event["id"]]
            if any(event.get(key) != value for key, value in self.sent.get(event["id"], {"id": None}).items()):
                self.fail("foreign", f"{str(event)[:300]} was not sent")
            if event["id"] not in self.repeated:
                self.check_delivery(event["id"], before, delivery)
            before.append(delivery)
            self.perhaps.discard(event["id"])

    # ------------------------------------------------------------ the oracle

    def check_delivery(self, identifier, before, delivery):
        """Of an event that was published once; of one that has been given back in unrest there may be two."""
        if not before:
            if delivery.count != 1 and not self.server.was_unrest(0, delivery.came):
                self.fail("count", f"{identifier} begins with deliveryCount {delivery.count}")
            return
        first, last = before[0], before[-1]
        done = self.acknowledged.get(identifier)
        if self.server.was_unrest(first.asked, done or last.came):
            return
        facts = f"{identifier}: delivery {delivery.count} {delivery.came - last.came:.2f} s after {last.count}"
        if done and delivery.asked > done:
            self.fail("again", f"{facts}, {delivery.asked - done:.2f} s after it was acknowledged")
        elif delivery.count < last.count:
            self.fail("count", facts)
        elif not self.server.was_unrest(last.asked, delivery.came):
            self.count("deliveries checked")
            if delivery.count != last.count + 1:
                self.fail_if_calm("count", facts, last.asked)
            if delivery.came < last.asked + LOCK - SLACK and not last.given_back:
                self.fail_if_calm("double", f"{facts}, while it was locked", last.asked)

    def read_letters(self):
        for path in glob.glob(f"{self.server.folder}/dead/letters/**/*.json", recursive=True):
            with open(path) as file:
                for letter in json.load(file):
                    self.letters[letter["event"]["id"]] = letter["deadLetterProperties"]["deadletterreason"]

    def unsettled(self):
        self.read_letters()
        with self.lock:
            return self.accepted - self.acknowledged.keys() - self.letters.keys() - self.perhaps

    def check_letters(self):
        for identifier, reason in self.letters.items():
            self.count("dead letters")
            kind = self.sent[identifier]["data"]["kind"]
            # One that should be rejected may have been delivered too often before an answer came.
            if reason not in (REASONS[kind], REASONS["cursed"]):
                self.fail("dead letter", f"{identifier} ({kind}): {reason}")

    def check_memory(self):
        """Of programs without a sanitizer, which keeps what is freed: the most in the last third, beside the second."""
        if libraries(f"{BIN}/pubgrid-broker", "asan"):
            return
        third = max(seconds for seconds, _, _ in self.memory) / 3
        for program in {program for _, program, _ in self.memory}:
            most = [0, 0, 0]
            for seconds, name, size in self.memory:
                if name == program:
                    part = min(int(seconds / third), 2)
                    most[part] = max(most[part], size)
            print(f"{program}: {most} KiB at most in each third")
            if most[2] > most[1] * GROWTH + GROWTH_KB:
                self.fail("memory", f"{program} grows: {most} KiB")

    def check_load(self):
        """Has the test been one?"""
        for what in ("acknowledge", "release", "reject", "renewLock", "dead letters", "deliveries checked"):
            if not self.counts[what]:
                self.fail("load", f"there was no {what}")

    # ------------------------------------------------------------ the run

    def look_at_memory(self):
        for pid in self.server.children():
            try:
                with open(f"/proc/{pid}/status") as file:
                    fields = dict(line.split(":", 1) for line in file)
            except OSError:
                continue
            if "VmRSS" in fields:
                self.memory.append((time.monotonic() - self.server.begin, fields["Name"].strip(),
                                    int(fields["VmRSS"].split()[0])))

    def wait(self, seconds, condition=lambda: False):
        """Looks again and again; False: it has not come."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end or self.server.process.poll() is not None:
                return False
            self.look_at_memory()
            self.is_over.wait(0.5)
        return True

    def progresses(self):
        """A function that says whether events have been acknowledged since now."""
        before = len(self.acknowledged)
        return lambda: len(self.acknowledged) > before

    def play(self):
        for caller in self.callers:
            caller.start()
        end = time.monotonic() + self.options.hours * 3600 * SCALE
        while time.monotonic() < end and self.server.process.poll() is None:
            if not self.wait(self.options.patience, self.progresses()):
                self.fail("start", "nothing is acknowledged")
                break
            self.wait(self.random.uniform(*CALM))
            self.server.kill(self.random.choice(KILLED))
        self.load_is_over.set()
        if not self.wait(self.options.patience, lambda: not self.unsettled()):
            lost = self.unsettled()
            some = [(name, self.sent[name]["data"]["kind"], [d.count for d in self.deliveries[name]])
                    for name in sorted(lost)[:3]]
            self.fail("lost", f"{len(lost)} events are not settled; id, kind and counts of the first: {some}")
        self.is_over.set()

    def check(self):
        for caller in self.callers:
            caller.join(self.options.patience)
        self.check_letters()
        self.check_memory()
        self.check_load()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--hours", type=float, default=0.5, help="of compressed time")
    options = event_loop.common_options(parser, rate=200, patience=90)
    return event_loop.play(Run, options, "namespace_loop", f"namespace, seed {options.seed}, {options.hours} hours", 1)


if __name__ == "__main__":
    sys.exit(main())
