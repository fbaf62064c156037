#!/usr/bin/env python3
"""kill -9 of broker and bridges at random moments while events are published and a webhook fails, hangs and
recovers, again and again, with an oracle.

Publishers post batches over HTTP and repeat each until it is answered by 200, as the SDKs do. Three subscriptions
take the events: `steady`, whose webhook is always well; `flaky`, whose webhook answers 500, 503, 429 with
Retry-After, hangs, breaks connections off and is well, in turns; and `judged`, which takes some of the events,
three attempts each: its webhook takes some, refuses some for good and never takes the others.

What was accepted must be delivered, or be a dead letter with the right reason. Nothing else may come, and it must
come as it was sent. aeg-delivery-count is 0 first and then counts up by one; it may stand still only after a kill,
or when a connection was broken off (HTTP clients send such a request once more).
No attempt comes before its time by the table (spec/eventgrid.md 4.4, times event_grid.retry_scale), and, where
there is no probation and no kill, not long after it.

    tests/crash/event_loop.py [--rounds 8] [--seed N] [--rate 300] [--patience 60]

SPDX-License-Identifier: Apache-2.0
"""
import argparse
import collections
import glob
import http.client
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
# pylint: disable=wrong-import-position
from brokers import SANITIZER
from ports import free_port
from stand_in import StandIn

BIN = os.path.abspath(os.environ.get("BIN", "build/release/bin"))
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
SCALE = 0.1  # event_grid.retry_scale
TIMEOUT = 1  # seconds of a request to `flaky`
TIMEOUTS, TIMEOUT_OTHERS = {"FLAKY": TIMEOUT}, 30
LAST_DATA_RECV = 11  # the place of tcpi_last_data_recv (ms) among the numbers of struct tcp_info
TABLE = (10, 30, 60, 300, 600)  # seconds between attempts
FLAKY_BACKOFF = (10, 20)  # of its own, also in place of the 30 s after 503 (docs/eventgrid.md)
ROUNDING = 0.55  # seconds: delays in the broker are whole ones
LATE = 5  # seconds that an attempt may come after its time, on a machine that is busy
CALM = 12  # seconds before the first kill
UNREST = 4  # seconds after a process has ended or begun, in which sessions find their owners
LOOK = 0.05  # seconds between two looks at the processes and their log
UNREST_LINES = ("connected to the broker", "another bridge process does not answer",
                "another process runs a subscription now")  # of the log
SHOWN = 6  # failures of a kind that are printed
SUBSCRIPTIONS = ("STEADY", "FLAKY", "JUDGED")
KINDS = ("plain",) * 8 + ("good", "bad", "never")  # of events; all but the first are for `judged`
ATTEMPTS = 3  # of `judged`
BROKER, BRIDGE = "pubgrid-broker", "pubgrid-bridge"
KILLED = ((BROKER,), (BRIDGE,), (BRIDGE,), (BROKER, BRIDGE))


def when_it_came(connection):
    """When the last bytes came in, by the kernel: on a machine that is busy that may be seconds before a thread gets to
    read them, and the server's own time-outs count from then."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return time.monotonic() - struct.unpack_from("8B12I", info)[8 + LAST_DATA_RECV] / 1000


def timeout_of(name):
    return TIMEOUTS.get(name, TIMEOUT_OTHERS)


class Attempt:
    """A request that came with an event."""

    __slots__ = ("came", "ended", "sent", "count", "status", "least")

    def __init__(self, count, came):
        self.came, self.ended, self.sent = came, None, None  # None: never answered; from `ended` to `sent` it was written
        self.count, self.status, self.least = count, None, 0

    def is_in_time(self, timeout):
        """Has its answer been in time for sure? Else the server may have taken it for one that has none."""
        return self.sent is not None and self.sent - self.came < timeout / 2

    def failed(self, timeout):
        """When the server has taken it for failed, at the earliest."""
        return self.ended if self.is_in_time(timeout) else self.came


class Webhook(StandIn):
    """The endpoint of all subscriptions: /steady, /flaky, /judged."""

    MODES = ("well", "well", "500", "503", "429", "hang", "break")

    def __init__(self, run):
        self.run, self.mode = run, "well"
        self.lock, self.over = threading.Lock(), threading.Event()
        self.attempts = {name: collections.defaultdict(list) for name in SUBSCRIPTIONS}
        super().__init__()
        self.http.socket.listen(1024)  # an attempt that cannot connect would be one that does not come
        self.http.handle_error = lambda *_: None  # connections of those that were killed

    def answer(self, request):
        name = request.headers["aeg-subscription-name"]
        count = int(request.headers["aeg-delivery-count"])
        events = json.loads(request.body)
        came = when_it_came(request.connection)
        made = [Attempt(count, came) for _ in events]
        with self.lock:
            for event, attempt in zip(events, made):
                self.run.check_event(name, event)
                self.attempts[name][event["id"]].append(attempt)
        status, least = self.decide(name, events)
        if status == "hang":
            self.over.wait(TIMEOUT + 1)
            status = "break"
        if status == "break":
            request.close_connection = True
            request.connection.close()
        else:
            for attempt in made:
                attempt.status, attempt.least, attempt.ended = status, least, time.monotonic()
            self.reply(request, status, headers=[("retry-after", str(least))] if status == 429 else ())
            for attempt in made:
                attempt.sent = time.monotonic()

    def decide(self, name, events):
        """The status, or "hang" or "break", and the seconds that it asks for."""
        if name == "JUDGED":
            kinds = {event["data"]["kind"] for event in events}
            assert len(kinds) == 1, kinds  # one event a request
            return {"good": 200, "bad": 400, "never": 500}[kinds.pop()], 0
        mode = self.mode if name == "FLAKY" else "well"
        if mode in ("hang", "break"):
            return mode, 0
        status = 200 if mode == "well" else int(mode)
        return status, 20 if status == 429 else 0


class Server:
    """`pubgrid serve`, whose children are killed."""

    CONFIG = """
store: {{path: {folder}/store}}
listeners: ["tcp://127.0.0.1:{mqtt}"]
workers: 2
bridge:
  processes: 2
  listeners: ["http://127.0.0.1:{http}"]
event_grid:
  retry_scale: {scale}
  validation: false
  dead_letter_directory: {folder}/dead
  topics:
    - name: orders
      key1: {key}
      eventSubscriptions:
        - name: steady
          properties:
            destination: {{endpointType: WebHook, properties: {{endpointUrl: "{url}/steady", maxEventsPerBatch: 20}}}}
        - name: flaky
          properties:
            destination:
              endpointType: WebHook
              properties: {{endpointUrl: "{url}/flaky", maxEventsPerBatch: 10, requestTimeoutInSeconds: {timeout}}}
            retryPolicy: {{maxDeliveryAttempts: 30, backoffInSeconds: {backoff}}}
            deadLetterDestination: {{endpointType: StorageBlob, properties: {{blobContainerName: letters}}}}
        - name: judged
          properties:
            destination: {{endpointType: WebHook, properties: {{endpointUrl: "{url}/judged"}}}}
            filter: {{advancedFilters: [{{operatorType: StringNotIn, key: data.kind, values: [plain]}}]}}
            retryPolicy: {{maxDeliveryAttempts: {attempts}, probation: false}}
            deadLetterDestination: {{endpointType: StorageBlob, properties: {{blobContainerName: letters}}}}
"""

    def __init__(self, folder, url):
        self.folder, self.http = folder, free_port()
        self.kills, self.begin, self.changes = 0, time.monotonic(), []
        with open(f"{folder}/pubgrid.yaml", "w") as file:
            file.write(self.CONFIG.format(folder=folder, mqtt=free_port(), http=self.http, scale=SCALE, key=KEY,
                                          url=url, timeout=TIMEOUT, backoff=list(FLAKY_BACKOFF), attempts=ATTEMPTS))
        self.log = open(f"{folder}/log", "wb")
        self.process = subprocess.Popen([f"{BIN}/pubgrid", "serve", "-c", f"{folder}/pubgrid.yaml"],
                                        stdin=subprocess.DEVNULL, stderr=self.log)
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        """Notes when processes end and begin, find each other, and take over what another ran: on a machine that is busy
        that is seconds after a kill."""
        before, log = None, open(self.log.name, errors="replace")
        while self.process.poll() is None:
            now, pids, has_moved = time.monotonic(), self.children(), self.has_moved(log)
            if pids != before or has_moved:
                before = pids
                self.changes.append(now - LOOK)
            time.sleep(LOOK)
        log.close()

    @staticmethod
    def has_moved(log):
        """Reads on to the end of the log."""
        return [line for line in log if any(words in line for words in UNREST_LINES)] != []

    def children(self, name=""):
        """Process ids of the children, or of those with that name."""
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
                pids = [int(word) for word in file.read().split()]
        except OSError:
            return []
        return [pid for pid in pids if name in self.command(pid)]

    @staticmethod
    def command(pid):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                return file.read().split("\0")[0]
        except OSError:
            return ""

    def kill(self, names):
        """One process of each name."""
        for name in names:
            pids = self.children(name)
            if pids:
                self.kills += 1
                os.kill(random.choice(pids), signal.SIGKILL)

    def was_unrest(self, begin, end):
        """Was there the end or the begin of a process, or what follows these, in that time?"""
        return any(moment < end and moment + UNREST > begin for moment in self.changes)

    def log_text(self):
        with open(self.log.name, errors="replace") as file:
            return file.read()

    def stop(self):
        """Its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return -signal.SIGKILL
        finally:
            self.log.close()


class Caller(threading.Thread):
    """Somebody with a connection."""

    TIMEOUT = 10  # seconds until an answer comes

    def __init__(self, run, number):
        super().__init__(daemon=True)
        self.run_, self.number, self.connection = run, number, None
        self.random = random.Random(run.options.seed * 100 + number)

    def post(self, target, body, headers):
        """Status and text; 0: there was no answer."""
        try:
            if not self.connection:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.run_.server.http, timeout=self.TIMEOUT)
            self.connection.request("POST", target, body, headers)
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self.run_.count("no answer")
            self.connection.close()
            self.connection = None
            return 0, b""
        self.run_.count(f"answer {answer.status}")
        if answer.status not in (200, 503):
            self.run_.fail("answer", f"{target}: {answer.status} {text[:300]}")
        return answer.status, text


class Publisher(Caller):
    """Posts batches, each again until it is accepted."""

    def run(self):
        sent = 0
        while not self.run_.load_is_over.is_set():
            batch = [self.event(sent + i) for i in range(self.random.randint(1, 20))]
            sent += len(batch)
            self.run_.sends(batch)
            while self.publish(json.dumps(batch)) != 200:
                self.run_.repeats(batch)
                if self.run_.is_over.wait(0.05):
                    return
            self.run_.accepts(batch)
            self.run_.load_is_over.wait(len(batch) * self.run_.publishers_count / self.run_.options.rate)

    def event(self, number):
        return {"id": f"{self.number}-{number}", "subject": f"/p/{self.number}", "eventType": "made",
                "eventTime": "2024-01-01T00:00:00Z", "dataVersion": "1", "data": self.data(KINDS)}

    def data(self, kinds):
        return {"kind": self.random.choice(kinds), "text": "x" * self.random.choice((0, 10, 200, 5000))}

    def publish(self, body):
        """The status."""
        return self.post("/topics/orders/api/events?api-version=2018-01-01", body,
                         {"content-type": "application/json", "aeg-sas-key": KEY})[0]


class Loop:
    """A server, those who ask it, and what they have seen; `check` is the oracle."""

    def __init__(self, options, server):
        self.options, self.random, self.server = options, random.Random(options.seed), server
        self.counts, self.failures, self.lock = collections.Counter(), collections.Counter(), threading.RLock()
        self.load_is_over, self.is_over = threading.Event(), threading.Event()
        self.sent = {}  # id -> event
        self.repeated = set()  # ids that were published more than once

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def fail(self, kind, words):
        with self.lock:
            self.failures[kind] += 1
            if self.failures[kind] <= SHOWN:
                print(f"FAILED {kind}: seed {self.options.seed}: {words}", flush=True)

    def sends(self, batch):
        with self.lock:
            self.sent.update((event["id"], event) for event in batch)

    def repeats(self, batch):
        with self.lock:
            self.repeated.update(event["id"] for event in batch)

    def finish(self):
        self.load_is_over.set()
        self.is_over.set()
        status = self.server.stop()
        if status:
            self.fail("stop", f"the server ends with status {status} at SIGTERM")
        lines = [line for line in self.server.log_text().splitlines() if any(word in line for word in SANITIZER)]
        if lines:
            self.fail("sanitizer", "\n".join(lines[:5]))


class Run(Loop):
    publishers_count = 3

    def __init__(self, options, folder):
        self.webhook = Webhook(self)
        super().__init__(options, Server(folder, self.webhook.url))
        self.accepted = {}  # id -> event
        self.letters = {name: {} for name in SUBSCRIPTIONS}  # id -> dead letters
        self.publishers = [Publisher(self, number) for number in range(self.publishers_count)]

    def accepts(self, batch):
        with self.lock:
            self.accepted.update((event["id"], event) for event in batch)

    def check_event(self, name, event):
        """One that comes must be one that was sent."""
        sent = self.sent.get(event.get("id"), {})
        same = all(event.get(key) == value for key, value in sent.items())
        if not sent or not same or event.get("metadataVersion") != "1":
            self.fail("foreign", f"{name} gets {str(event)[:300]}")
        if name not in SUBSCRIPTIONS or (name == "JUDGED" and event["data"]["kind"] == "plain"):
            self.fail("foreign", f"{name} gets what its filter does not take: {event['id']}")

    # ------------------------------------------------------------ the rounds

    def wait(self, condition, patience=None):
        """Looks again and again; False: it has not come."""
        end = time.monotonic() + (patience or self.options.patience)
        while not condition():
            if time.monotonic() > end or self.server.process.poll() is not None:
                return False
            self.is_over.wait(0.05)
        return True

    def accepts_more(self):
        """A function that says whether events have been accepted since now."""
        with self.lock:
            before = len(self.accepted)
        return lambda: len(self.accepted) > before + self.publishers_count

    def change_mode(self):
        """The webhook is in another mode, for a while."""
        self.webhook.mode = self.random.choice(Webhook.MODES)
        self.is_over.wait(self.random.uniform(0.1, 0.8))

    def play(self):
        for publisher in self.publishers:
            publisher.start()
        while time.monotonic() < self.server.begin + CALM:
            self.change_mode()
        for number in range(self.options.rounds + 1):
            if not self.wait(self.accepts_more()):
                self.fail("start", f"nothing is accepted in round {number}")
                break
            for _ in range(3):
                self.change_mode()
            if number < self.options.rounds:
                self.server.kill(self.random.choice(KILLED))
        self.webhook.mode = "well"
        self.load_is_over.set()
        for publisher in self.publishers:
            publisher.join(self.options.patience)
        if not self.wait(lambda: not any(self.unsettled(name) for name in SUBSCRIPTIONS)):
            self.tell_unsettled()
        self.webhook.over.set()
        self.is_over.set()

    # ------------------------------------------------------------ the oracle

    def read_letters(self):
        """What the files of dead letters say; a file that is there is whole."""
        for name in SUBSCRIPTIONS:
            found = collections.defaultdict(list)
            for path in glob.glob(f"{self.server.folder}/dead/letters/{name}/**/*.json", recursive=True):
                with open(path) as file:
                    for event in json.load(file):
                        found[event["id"]].append(event)
            self.letters[name] = found

    def is_settled(self, name, event):
        attempts = self.webhook.attempts[name].get(event["id"], [])
        return any(attempt.status == 200 for attempt in attempts) or event["id"] in self.letters[name]

    def unsettled(self, name):
        self.read_letters()
        with self.lock:
            events = list(self.accepted.values())
        return [event for event in events if (name != "JUDGED" or event["data"]["kind"] != "plain") and
                not self.is_settled(name, event)]

    def tell_unsettled(self):
        for name in SUBSCRIPTIONS:
            lost = self.unsettled(name)
            some = [(event["id"], event["data"]["kind"],
                     [(a.count, a.status) for a in self.webhook.attempts[name].get(event["id"], [])])
                    for event in lost[:3]]
            if lost:
                self.fail("lost", f"{name} does not get {len(lost)} events that were accepted; id, kind and attempts "
                          f"(count, status) of the first: {some}")

    def due(self, name, attempt):
        """Seconds from this attempt to the next one, at least."""
        table = FLAKY_BACKOFF if name == "FLAKY" else TABLE
        step = table[min(attempt.count, len(table) - 1)]
        return SCALE * (max(step, attempt.least) if attempt.is_in_time(timeout_of(name)) else step)

    def check_attempts(self, name, identifier, attempts):
        if attempts[0].count != 0 and not self.server.was_unrest(0, attempts[0].came):
            self.fail("count", f"{name}, {identifier}: begins with aeg-delivery-count {attempts[0].count}")
        # Published again, or repeated in unrest: both copies have their own attempts from then on.
        has_twin = identifier in self.repeated
        for before, after in zip(attempts, attempts[1:]):
            has_twin = has_twin or self.server.was_unrest(before.came, after.came) and after.count <= before.count
            if has_twin:
                self.count("repeated")
            elif not self.server.was_unrest(before.came, after.came):
                self.check_next(name, identifier, before, after)

    def check_next(self, name, identifier, before, after):
        """An attempt and the next one, with nothing between that would excuse them."""
        pause, due = after.came - before.failed(timeout_of(name)), self.due(name, before)
        facts = f"{name}, {identifier}: attempt {after.count} {pause:.2f} s after {before.count} ({before.status})"
        # A request to which a kept connection gives no answer is sent once more.
        if after.count == before.count and before.status is None:
            return
        self.count("delays checked")
        if after.count != before.count + 1:
            self.fail("count", facts)
        elif pause < due - ROUNDING:
            self.fail("early", f"{facts}, due after {due:.1f} s")
        elif name == "JUDGED" and pause > due * 1.1 + ROUNDING + LATE:
            self.fail("late", f"{facts}, due after {due:.1f} s")

    def check_letter(self, name, letter, attempts):
        """Reason, count and outcome of a dead letter."""
        kind = letter["data"]["kind"]
        wanted = {("JUDGED", "bad"): ("UndeliverableDueToBadRequest", "BadRequest", 1),
                  ("JUDGED", "never"): ("MaxDeliveryAttemptsExceeded", "Aborted", ATTEMPTS)}.get((name, kind))
        found = letter.get("deadLetterReason"), letter.get("lastDeliveryOutcome"), letter.get("deliveryAttempts")
        if found != wanted:
            self.fail("dead letter", f"{name}, {letter['id']} ({kind}): {found}, not {wanted}")
        if len(attempts) < letter.get("deliveryAttempts", 0):
            self.fail("dead letter", f"{name}, {letter['id']}: only {len(attempts)} attempts came")

    def check(self):
        for name in SUBSCRIPTIONS:
            for identifier, attempts in self.webhook.attempts[name].items():
                self.counts[f"{name.lower()} attempts"] += len(attempts)
                self.check_attempts(name, identifier, attempts)
            for identifier, letters in self.letters[name].items():
                self.counts[f"{name.lower()} dead letters"] += len(letters)
                for letter in letters:
                    self.check_letter(name, letter, self.webhook.attempts[name].get(identifier, []))
        self.check_load()

    def check_load(self):
        """Has the test been one?"""
        for what in ("judged dead letters", "steady attempts", "flaky attempts", "delays checked"):
            if not self.counts[what]:
                self.fail("load", f"there were no {what}")
        if not any(a.count > 0 for some in self.webhook.attempts["FLAKY"].values() for a in some):
            self.fail("load", "nothing was tried again")

    def finish(self):
        super().finish()
        self.webhook.__exit__()


def common_options(parser, rate, patience):
    """Those that all loops have, and the parser's; a seed is there."""
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--rate", type=float, default=rate, help="events a second, together")
    parser.add_argument("--patience", type=float, default=patience, metavar="SECONDS",
                        help="without what is waited for")
    parser.add_argument("--keep-folder", action="store_true", help="of a run that failed")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1000000)
    return options


def play(make_run, options, name, words, passed):
    """Plays and checks a loop; has something failed? passed: so many tests have, if not."""
    random.seed(options.seed)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"{name}_") as folder:
        run = make_run(options, folder)
        print(words, flush=True)
        try:
            run.play()
            run.check()
        finally:
            run.finish()
            if run.failures:
                print(run.server.log_text()[-3000:])
                if options.keep_folder:
                    os.rename(folder, f"{folder}.kept")
                    os.mkdir(folder)
                    print(f"the server's folder is {folder}.kept")
    print(", ".join(f"{key} {value}" for key, value in sorted(run.counts.items())))
    print(f"{len(run.accepted)} events accepted, {run.server.kills} kills in {time.monotonic() - begin:.0f} s")
    if run.failures:
        print("failures: " + ", ".join(f"{k} {v}" for k, v in run.failures.most_common()))
    failed = sum(run.failures.values())
    print(f"{passed if not failed else 0} passed, {failed} failed")
    return failed > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=8, help="kills; 0: a run without any")
    options = common_options(parser, rate=300, patience=60)
    return play(Run, options, "event_loop", f"events, seed {options.seed}, {options.rounds} rounds", options.rounds + 1)


if __name__ == "__main__":
    sys.exit(main())
