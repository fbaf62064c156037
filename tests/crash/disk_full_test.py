#!/usr/bin/env python3
"""The broker when its disk is full, has become read-only, or belongs to another broker already.

Each test has a small file system of its own for the store (tmpfs; a loop device for the one that
becomes read-only), so it needs root; where mount is not permitted all is left out (exit status 77).
Whatever the store cannot keep is refused to MQTT 5 clients with 0x97 (or 0x83); what was
acknowledged with success arrives; who wants nothing durable does not notice.

    BIN=build/asan/bin tests/crash/disk_full_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

import mqtt
from brokers import PUBGRID_COMMAND, Broker

SIZE = 24 << 20
PAYLOAD = 8000
TOO_MANY = 3 * SIZE // PAYLOAD  # so many cannot have been kept
WINDOW = 50
REFUSED_IN_A_ROW = 30  # then it is full
SOON = 20  # seconds in which the broker finds out by itself that it can write again
STATE = "$SYS/broker/store/state"


class Skipped(Exception):
    pass


# ---------------------------------------------------------------- file systems


def command(*words):
    """Runs it; (exit status, output)."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return 127, f"{words[0]} is not installed"
    return done.returncode, (done.stdout + done.stderr).strip()


class FileSystem:
    """Mounted below a new folder, which is the broker's; gone at the end. The kind "folder" is
    nothing of its own."""

    def __init__(self, kind="tmpfs"):
        self.folder = tempfile.mkdtemp(prefix="disk_full_")
        self.store, self.image = f"{self.folder}/store", f"{self.folder}/image"
        os.mkdir(self.store)
        self.kind, self.mounted = kind, False
        if kind == "ext4":
            with open(self.image, "wb") as image:
                image.truncate(64 << 20)
            status, words = command("mkfs.ext4", "-q", "-F", self.image)
            if status:
                self._leave_out(f"mkfs.ext4: {words}")
        if kind != "folder":
            self.mount()

    def mount(self):
        options = ("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs") if self.kind == "tmpfs" else \
            ("-o", "loop,errors=remount-ro", self.image)
        status, words = command("mount", *options, self.store)
        if status:
            self._leave_out(f"mount is not permitted here: {words}")
        self.mounted = True

    def _leave_out(self, why):
        shutil.rmtree(self.folder)
        raise Skipped(why)

    def unmount(self):
        if self.mounted:
            status, words = command("umount", self.store)
            assert status == 0, words
            self.mounted = False

    def make_read_only(self):
        """As a kernel does that has met an error. (A remount would be refused as long as a file is
        open for writing, which the store's is.)"""
        _, device = command("findmnt", "-no", "SOURCE", self.store)
        trigger = f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error"
        try:
            with open(trigger, "w") as file:
                file.write("1")
        except OSError as error:
            raise Skipped(f"{trigger}: {error}") from error

    def repair(self):
        """Unmounted, checked and mounted again."""
        self.unmount()
        status, words = command("fsck.ext4", "-f", "-y", self.image)
        assert status in (0, 1, 2), words
        self.mount()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.unmount()
        shutil.rmtree(self.folder)


class Running(Broker):
    """A broker on a file system, ended with its test, whose failure shows the log."""

    def __init__(self, disk):
        super().__init__("pubgrid", disk.folder, PUBGRID_COMMAND + " --set mqtt.sys_interval=1s")

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind:
            print(self.log_tail())
        self.kill()
        findings = self.sanitizer_findings()
        assert kind or not findings, findings


# ---------------------------------------------------------------- clients


def subscribe_and_leave(broker):
    """The durable session for which the store has to keep messages."""
    with mqtt.Client(broker.port, "durable", 5, False) as client:
        assert client.subscribe("fill/#", 1) == 1


class Filler:
    """An MQTT 5 publisher of durable messages that remembers what became of each."""

    def __init__(self, broker, name="filler"):
        self.client = mqtt.Client(broker.port, name, 5)
        self.sent, self.accepted, self.refused, self.reasons = 0, set(), set(), set()

    def text(self, number):
        return b"%s %d " % (self.client.name.encode(), number)

    def fill(self, most=TOO_MANY, until_refused=REFUSED_IN_A_ROW):
        """Publishes until so many in a row are refused, at most so many; the number that came
        last."""
        flight, in_a_row, end = {}, 0, self.sent + most
        while flight or (self.sent < end and in_a_row < until_refused):
            while self.sent < end and len(flight) < WINDOW and in_a_row < until_refused:
                identifier = self.sent % 1000 + 1
                text = self.text(self.sent)
                payload = text + os.urandom(PAYLOAD - len(text))
                self.client.send(mqtt.publish(5, f"fill/{self.sent % 7}", payload, 1, identifier))
                flight[identifier] = self.sent
                self.sent += 1
            identifier, reason = mqtt.parse_acknowledgement(self.client.expect(mqtt.PUBACK))
            text = self.text(flight.pop(identifier))
            if reason < 0x80:
                self.accepted.add(text)
                in_a_row = 0
            else:
                self.refused.add(text)
                self.reasons.add(reason)
                in_a_row += 1
        return in_a_row

    def publish_one(self):
        """The reason code of one message that is kept in mind too."""
        text = self.text(self.sent)
        self.sent += 1
        reason = self.client.publish("fill/one", text, 1)
        (self.accepted if reason < 0x80 else self.refused).add(text)
        return reason


def fill(filler):
    """Until the store is full."""
    assert filler.fill() >= REFUSED_IN_A_ROW, \
        f"{len(filler.accepted)} messages of {PAYLOAD} bytes are acknowledged, which {SIZE} " \
        f"bytes cannot hold (refused {len(filler.refused)})"
    assert filler.accepted, "not one message was accepted"


class StateWatcher:
    """What the broker says about its store."""

    def __init__(self, broker):
        self.client = mqtt.Client(broker.port, "watcher", 5)
        self.client.subscribe(STATE, 0)

    def wait_for(self, good):
        def now():
            states = [payload for topic, payload, _ in self.client.messages if topic == STATE]
            return bool(states) and good(states[-1].decode())
        assert self.client.wait_for(now, SOON), f"{STATE} is {self.client.messages[-3:]}"


def check_others(broker):
    """Clean sessions exchange messages of every QoS."""
    with mqtt.Client(broker.port, "other-s", 5) as taker, \
            mqtt.Client(broker.port, "other-p") as giver:
        for qos in 0, 1, 2:
            assert taker.subscribe(f"other/{qos}", qos) == qos
            assert giver.publish(f"other/{qos}", b"%d" % qos, qos) == 0
        assert taker.wait_for(lambda: len(taker.messages) == 3, SOON)
        assert [m[1] for m in taker.messages] == [b"0", b"1", b"2"]


def text_of(payload):
    return b" ".join(payload.split(b" ", 2)[:2]) + b" "


def drain(broker, wanted, unclear=frozenset()):
    """The durable session takes what waits for it: exactly that. Returns the client, connected."""
    client = mqtt.Client(broker.port, "durable", 5, False)
    assert client.present, "the session is not there any more"
    got = set()

    def complete():
        while client.messages:
            text = text_of(client.messages.pop(0)[1])
            assert text not in got, f"{text} comes twice"
            got.add(text)
        return wanted <= got

    client.wait_for(complete, SOON)
    client.ping()
    complete()
    assert not wanted - got, f"{len(wanted - got)} of {len(wanted)} acknowledged messages are lost"
    assert not got - wanted - unclear, f"{len(got - wanted - unclear)} came that were refused"
    return client


def wait_until_accepted(filler):
    deadline = time.monotonic() + SOON
    while filler.publish_one() >= 0x80:
        assert time.monotonic() < deadline, f"publishing is still refused after {SOON} s"
        filler.client.ping()


def fill_at_last(filler, count):
    """Without a refusal at the end. On a disk that was just full it may be full once more, until
    what was drained is free."""
    deadline = time.monotonic() + SOON
    while filler.fill(count) != 0:
        assert time.monotonic() < deadline, f"publishing is refused again after {SOON} s"
        filler.client.ping()


def publish_at_qos_2(broker, text):
    """True if it is accepted; the only other answer is that there is no room."""
    with mqtt.Client(broker.port, "exact", 5) as client:
        reason = client.publish("fill/exact", text + os.urandom(PAYLOAD), 2)
    assert reason < 0x80 or reason == 0x97, f"PUBREC with {reason:#x}"
    return reason < 0x80


def new_session(broker):
    """True if a new durable session with a subscription is promised; it may be refused."""
    try:
        with mqtt.Client(broker.port, "new", 5, False) as client:
            return client.reason == 0 and client.subscribe("new/#", 1) == 1
    except mqtt.Gone:
        return False


def publish_3_1_1(broker, text):
    """MQTT 3.1.1 cannot be told why: no PUBACK then, or the end. True if there was one."""
    try:
        client = mqtt.Client(broker.port, "old", timeout=2)
        client.publish("fill/old", text + os.urandom(PAYLOAD), 1)
    except (mqtt.Gone, AssertionError):
        return False
    client.close()
    return True


# ---------------------------------------------------------------- tests


def fill_and_drain(kill):
    with FileSystem() as disk, Running(disk) as broker:
        subscribe_and_leave(broker)
        StateWatcher(broker).wait_for(lambda state: state == "ok")
        filler = Filler(broker)
        fill(filler)
        assert filler.reasons == {0x97}, filler.reasons
        print(f"  {len(filler.accepted)} messages of {PAYLOAD} bytes found room")
        StateWatcher(broker).wait_for(lambda state: state == "full")
        check_others(broker)
        wanted, unclear = set(filler.accepted), {b"old 0 "}
        if publish_3_1_1(broker, b"old 0 "):
            wanted.add(b"old 0 ")
        if publish_at_qos_2(broker, b"exact 0 "):
            wanted.add(b"exact 0 ")
        promised = new_session(broker)
        if kill:
            broker.kill()
            broker.start()
            check_others(broker)
        if promised:
            with mqtt.Client(broker.port, "new", 5, False) as client:
                assert client.present, "a session that was begun on the full disk is gone"
        durable = drain(broker, wanted, unclear)
        again = Filler(broker, "again")
        wait_until_accepted(again)
        StateWatcher(broker).wait_for(lambda state: state == "ok")
        fill_at_last(again, 100)
        taken = set()

        def complete():
            taken.update(text_of(payload) for _, payload, _ in durable.messages)
            return again.accepted <= taken
        assert durable.wait_for(complete), "a message after the full disk is lost"
        durable.close()


def test_full_and_drained():
    fill_and_drain(False)


def test_full_killed_and_drained():
    fill_and_drain(True)


def test_filled_by_another_file():
    with FileSystem() as disk, Running(disk) as broker:
        subscribe_and_leave(broker)
        filler = Filler(broker)
        assert filler.fill(50) == 0, filler.reasons
        with open(f"{disk.store}/something-else", "wb", buffering=0) as other:
            try:
                while True:
                    other.write(bytes(4096))
            except OSError:
                pass  # full
        fill(filler)
        assert filler.reasons <= {0x97, 0x83}, filler.reasons
        StateWatcher(broker).wait_for(lambda state: state != "ok")
        check_others(broker)
        os.unlink(f"{disk.store}/something-else")
        wait_until_accepted(filler)
        StateWatcher(broker).wait_for(lambda state: state == "ok")
        assert filler.fill(50) == 0
        drain(broker, filler.accepted).close()


def test_read_only():
    with FileSystem("ext4") as disk, Running(disk) as broker:
        subscribe_and_leave(broker)
        filler = Filler(broker)
        assert filler.fill(50) == 0, filler.reasons
        disk.make_read_only()
        assert filler.fill(50, 50) == 50, "durable messages are accepted on a read-only disk"
        assert filler.reasons <= {0x97, 0x83}, filler.reasons
        StateWatcher(broker).wait_for(lambda state: state != "ok")
        check_others(broker)
        broker.kill()
        disk.repair()
        broker.start()
        drain(broker, filler.accepted).close()
        broker.kill()  # or its file system could not be unmounted


def contents(folder):
    """Bytes and time of change of each file; of a lock file, that it is there."""
    found = {}
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        found[name] = None
        if os.path.isfile(path) and "lock" not in name:
            with open(path, "rb") as file:
                found[name] = hashlib.sha256(file.read()).hexdigest(), os.stat(path).st_mtime_ns
    return found


class Second(Broker):
    """Another broker on the store of the first."""

    def __init__(self, disk):
        command = PUBGRID_COMMAND.replace("{dir}", disk.folder) + " --set mqtt.sys_interval=1s"
        super().__init__("pubgrid", f"{disk.folder}/second", command)


def test_a_store_in_use():
    with FileSystem("folder") as disk, Running(disk) as broker:
        subscribe_and_leave(broker)
        filler = Filler(broker)
        assert filler.fill(50) == 0, filler.reasons
        before = contents(disk.store)
        assert before, "the store has no file"
        second = Second(disk).start()
        try:
            words = second.log_tail()
            assert f"process {broker.process.pid}" in words, f"does not name the process: {words}"
            assert f"{disk.folder}/store" in words, f"does not name the folder: {words}"
            StateWatcher(second).wait_for(lambda state: state == "unavailable")
            check_others(second)
            with mqtt.Client(second.port, "retainer", 5) as client:
                reason = client.publish("r", b"x", 1, retain=True)
                assert reason == 0x83, f"PUBACK with {reason:#x}"
            assert not new_session(second), "a session that nobody keeps is promised"
            assert contents(disk.store) == before, "the second broker has changed a file"
            assert filler.publish_one() < 0x80
            # Once the first one has ended, the second takes over what is in the store.
            broker.kill()
            take_over(second, filler.accepted)
        finally:
            second.kill()
        assert not second.sanitizer_findings(), second.sanitizer_findings()


def take_over(broker, wanted):
    deadline = time.monotonic() + SOON
    while True:
        try:
            return drain(broker, wanted).close()
        except (mqtt.Gone, OSError, AssertionError):
            assert time.monotonic() < deadline, f"it has not taken over: {broker.log_tail()}"


def main():
    tests = {name[5:]: test for name, test in globals().items() if name.startswith("test_")}
    wanted, failed, skipped = sys.argv[1:] or list(tests), 0, 0
    for name in wanted:
        try:
            tests[name]()
            print(f"ok {name}", flush=True)
        except Skipped as why:
            print(f"left out {name}: {why}", flush=True)
            skipped += 1
        except Exception as error:  # the next test still counts
            traceback.print_exception(error)
            print(f"not ok {name}", flush=True)
            failed += 1
    if skipped == len(wanted):
        return 77
    print(f"{len(wanted) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
