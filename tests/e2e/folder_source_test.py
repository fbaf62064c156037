#!/usr/bin/env python3
"""A folder whose files are blobs: what becomes of them reaches a webhook as events, whatever happens to the server.

    BIN=build/dev/bin tests/e2e/folder_source_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from event_test import EventWorld
from hub_test import BIN
from net_test import run_tests
from stand_in import StandIn, until

ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/local"
CREATED, DELETED = "Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobDeleted"
BLOBS = "/blobServices/default/containers/pictures/blobs/"


class Events(StandIn):
    """Keeps all events that come."""

    def __init__(self):
        self.all = []
        super().__init__()
        self.http.handle_error = lambda *_: None  # requests of processes that are killed

    def answer(self, request):
        self.all += json.loads(request.body)
        self.reply(request, 200)

    def told(self):
        """(type, name), in turn."""
        return [(event["eventType"], event["subject"].removeprefix(BLOBS)) for event in list(self.all)]

    def created(self):
        return {name for kind, name in self.told() if kind == CREATED}

    def has(self, kind, name):
        return (kind, name) in self.told()


class FolderWorld(EventWorld):
    """A server with two bridge processes that watches `pictures`, and tells it to a webhook."""

    def __init__(self, hook, more="", topic="pictures"):
        self.data = tempfile.mkdtemp(prefix="folder_source_test_")
        self.pictures = f"{self.data}/pictures"
        os.mkdir(self.pictures)
        subscription = {"name": "all", "properties": {"destination": {"endpointType": "WebHook", "properties": {
            "endpointUrl": hook.url, "maxEventsPerBatch": 100}}}}
        super().__init__(f"""
event_grid:
  validation: false
  system_topics:
    - name: {topic}
      properties: {{source: {ACCOUNT}, topicType: Microsoft.Storage.StorageAccounts}}
      eventSubscriptions: [{json.dumps(subscription)}]
  sources:
    - {{name: pictures, directory: {self.pictures}, container: pictures, systemTopic: pictures{more}}}
""")

    def start(self):
        super().start()
        until(lambda: self.said("info a folder is watched") >= self.starts, "the folder is watched")

    def __exit__(self, *what):
        super().__exit__(*what)
        shutil.rmtree(self.data)

    def said(self, text):
        with open(self.log.name) as log:
            return log.read().count(text)

    def put(self, name, text="x"):
        path = f"{self.pictures}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)

    def bridges(self):
        """Their process ids."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as children:
            return [int(pid) for pid in children.read().split() if self.is_bridge(pid)]

    @staticmethod
    def is_bridge(pid):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as line:
            return line.read().split(b"\0")[0].endswith(b"pubgrid-bridge")
        return False


def test_what_becomes_of_files():
    with Events() as hook, FolderWorld(hook) as world:
        world.put("cat.jpg", "meow")
        until(lambda: hook.has(CREATED, "cat.jpg"), "a file was added")
        event = hook.all[0]
        assert event["topic"] == ACCOUNT and event["metadataVersion"] == "1" and event["dataVersion"] == "", event
        assert event["data"]["url"] == f"file://{world.pictures}/cat.jpg", event
        assert event["data"]["contentType"] == "image/jpeg" and event["data"]["contentLength"] == 4, event
        assert event["data"]["api"] == "PutBlob" and event["data"]["blobType"] == "BlockBlob", event

        world.put("cat.jpg", "meow, meow")
        until(lambda: len(hook.all) == 2, "it was overwritten")
        again = hook.all[1]
        assert again["data"]["contentLength"] == 10 and again["data"]["eTag"] != event["data"]["eTag"], again
        assert again["data"]["sequencer"] > event["data"]["sequencer"] and again["id"] != event["id"], again

        os.rename(f"{world.pictures}/cat.jpg", f"{world.pictures}/dog.jpg")
        until(lambda: hook.has(DELETED, "cat.jpg") and hook.has(CREATED, "dog.jpg"), "it was renamed")
        world.put("2031/may/first day.png")
        until(lambda: hook.has(CREATED, "2031/may/first day.png"), "one was added in new folders")
        assert hook.all[-1]["data"]["url"].endswith("/2031/may/first%20day.png")
        os.rename(f"{world.pictures}/2031", f"{world.pictures}/2032")
        until(lambda: hook.has(DELETED, "2031/may/first day.png") and hook.has(CREATED, "2032/may/first day.png"),
              "a folder was renamed")
        world.put("2032/may/second.png")
        until(lambda: hook.has(CREATED, "2032/may/second.png"), "and is watched by its new name")
        shutil.rmtree(f"{world.pictures}/2032")
        until(lambda: hook.has(DELETED, "2032/may/second.png"), "a folder was removed")
        assert not [event for event in hook.all if event["eventType"] == DELETED and "eTag" in event["data"]]


def test_names_that_are_not_told():
    with Events() as hook, FolderWorld(hook, ", ignore: ['.*', '*.part', 'private']") as world:
        world.put("film.mkv.part", "whole")
        world.put(".hidden")
        world.put("private/secret")
        os.symlink("/etc", f"{world.pictures}/etc")
        os.symlink("/etc/passwd", f"{world.pictures}/passwd")
        os.mkfifo(f"{world.pictures}/pipe")
        os.rename(f"{world.pictures}/film.mkv.part", f"{world.pictures}/film.mkv")
        until(lambda: hook.has(CREATED, "film.mkv"), "a rename into place is an addition")
        os.link(f"{world.pictures}/film.mkv", f"{world.pictures}/link.mkv")
        until(lambda: hook.has(CREATED, "link.mkv"), "so is another name")
        assert hook.told() == [(CREATED, "film.mkv"), (CREATED, "link.mkv")], hook.told()


def test_what_happens_while_nobody_looks():
    with Events() as hook, FolderWorld(hook) as world:
        for name in ("kept", "changed", "removed", "in/a/folder"):
            world.put(name)
        until(lambda: len(hook.all) == 4, "all are told")
        world.stop()
        hook.all.clear()
        world.put("changed", "another")
        world.put("added/here")
        os.remove(f"{world.pictures}/removed")
        shutil.rmtree(f"{world.pictures}/in")
        world.start()
        until(lambda: len(hook.all) >= 4, "what has changed is told")
        assert sorted(hook.told()) == [(CREATED, "added/here"), (CREATED, "changed"), (DELETED, "in/a/folder"),
                                       (DELETED, "removed")], hook.told()


def test_what_is_there_at_first():
    for more, expected in (("", []), (", tellExisting: true", ["old"])):
        with Events() as hook:
            world = FolderWorld(hook, more)
            world.put("old")
            os.utime(f"{world.pictures}/old", (1, 1))
            with world:
                world.put("new")
                until(lambda: hook.has(CREATED, "new"), "what comes later is told")
                assert sorted(hook.created()) == ["new", *expected], hook.told()


def test_killed_while_files_come():
    """Whoever watches is killed again and again, and nothing is lost."""
    with Events() as hook, FolderWorld(hook) as world:
        stop = threading.Event()
        names = []

        def fill():
            while not stop.is_set():
                names.append(f"{len(names) % 7}/{len(names)}.txt")
                world.put(names[-1])
                time.sleep(0.002)  # a pace, not a wait

        filling = threading.Thread(target=fill)
        filling.start()
        for _ in range(6):
            seen = len(hook.created())
            for pid in world.bridges():
                os.kill(pid, signal.SIGKILL)
            until(lambda: len(hook.created()) > seen + 50, "more is told after a kill")  # pylint: disable=W0640
        stop.set()
        filling.join()
        until(lambda: hook.created() == set(names), "all are told")
        ids = {}
        for event in list(hook.all):
            ids.setdefault(event["subject"], set()).add(event["id"])
        repeated = [subject for subject, of in ids.items() if len(of) > 1]
        assert not repeated, f"told again with another id: {repeated}"
        print(f"{len(names)} files, {len(hook.all)} events")


class Churn(threading.Thread):
    """Files and folders that come, change, move and go at random; what is there at the end is `sizes`."""

    def __init__(self, root, seed):
        super().__init__()
        self.root, self.random, self.steps = root, random.Random(seed), 0
        self.is_over = threading.Event()

    def folder(self):
        return os.path.join(self.root, *(self.random.choice("abc") for _ in range(self.random.randrange(4))))

    def write(self):
        os.makedirs(folder := self.folder(), exist_ok=True)
        with open(f"{folder}/{self.random.randrange(8)}", self.random.choice("wa")) as file:
            file.write("x" * self.random.randrange(100))

    def place(self):
        os.makedirs(folder := self.folder(), exist_ok=True)
        with open(f"{folder}/new.part", "w") as file:
            file.write("x" * self.random.randrange(100))
        os.rename(file.name, f"{folder}/{self.random.randrange(8)}")

    def remove(self):
        os.remove(f"{self.folder()}/{self.random.randrange(8)}")

    def move(self):
        os.rename(self.folder(), self.folder())

    def remove_folder(self):
        if (folder := self.folder()) != self.root:
            shutil.rmtree(folder)

    def run(self):
        moves = [self.write] * 12 + [self.place] * 4 + [self.remove] * 4 + [self.move, self.remove_folder]
        while not self.is_over.is_set():
            with contextlib.suppress(OSError):  # there is no such file, or it is in the way
                self.random.choice(moves)()
            self.steps += 1
            time.sleep(0.001)  # a pace, not a wait

    def sizes(self):
        return {os.path.relpath(path, self.root): os.path.getsize(path)
                for folder, _, names in os.walk(self.root) for path in (f"{folder}/{name}" for name in names)
                if not path.endswith(".part")}


def test_whatever_happens_the_last_events_say_what_is_there():
    """Under churn and kills: of each blob the event with the greatest sequencer is what it has come to."""
    seed = int(os.environ.get("SEED", time.time()))
    with Events() as hook, FolderWorld(hook) as world:
        def known():
            last = {}
            for event in list(hook.all):
                data, name = event["data"], event["subject"].removeprefix(BLOBS)
                if name not in last or last[name][0] <= data["sequencer"]:
                    last[name] = (data["sequencer"], data.get("contentLength"))
            return {name: length for name, (_, length) in last.items() if length is not None}

        churn = Churn(world.pictures, seed)
        churn.start()
        for _ in range(4):
            steps, seen = churn.steps, len(hook.all)
            until(lambda: churn.steps > steps + 700 and len(hook.all) > seen + 50, "much happens")  # pylint: disable=W0640
            for pid in world.bridges():
                os.kill(pid, signal.SIGKILL)
        churn.is_over.set()
        churn.join()
        try:
            until(lambda: known() == churn.sizes(), "what is known is what is there")
        except AssertionError:
            print(f"seed {seed}: told {set(known().items()) - set(churn.sizes().items())}, "
                  f"there {set(churn.sizes().items()) - set(known().items())}")
            raise
        print(f"{churn.steps} steps, {len(hook.all)} events, {len(churn.sizes())} files")


def test_ten_thousand_files():
    with Events() as hook, FolderWorld(hook) as world:
        begin = time.monotonic()
        for i in range(10000):
            world.put(f"{i % 100}/{i}.bin")
        until(lambda: len(hook.created()) == 10000, "all are told")
        print(f"{time.monotonic() - begin:.1f} s")
        hook.all.clear()
        shutil.rmtree(f"{world.pictures}/7")
        until(lambda: len(hook.told()) == 100, "so is that a hundred are gone")
        assert {kind for kind, _ in hook.told()} == {DELETED}
        world.stop()
        hook.all.clear()
        world.put("0/one more.bin")
        world.start()
        until(lambda: hook.told() == [(CREATED, "0/one more.bin")], "and it is known what was told")


def test_a_folder_that_goes_away():
    with Events() as hook, FolderWorld(hook) as world:
        world.put("a")
        world.put("b")
        until(lambda: len(hook.created()) == 2, "both are told")
        os.rename(world.pictures, f"{world.data}/elsewhere")
        until(lambda: world.said("error a folder cannot be watched") > 0, "that is said")
        os.rename(f"{world.data}/elsewhere", f"{world.data}/back")
        os.remove(f"{world.data}/back/b")
        os.rename(f"{world.data}/back", world.pictures)
        until(lambda: hook.has(DELETED, "b"), "when it is back, what has changed is told")
        world.put("c")
        until(lambda: hook.has(CREATED, "c"), "and it is watched again")
        assert len(hook.all) == 4 and world.said("info a folder can be watched again") == 1, hook.told()


def test_the_topic_may_come_later():
    with Events() as hook, FolderWorld(hook, topic="other") as world:
        world.put("early")
        until(lambda: world.said("a folder's system topic is not there"), "that is said")
        world.event("system-topic", "create", "pictures", "--source-resource-id", f"{ACCOUNT}2", "--topic-type",
                    "Microsoft.Storage.StorageAccounts")
        world.event("subscription", "create", "systemTopics/pictures", "late", "--endpoint", hook.url)
        world.put("late")
        until(lambda: hook.has(CREATED, "late"), "then events are told")
        assert world.said("a folder's system topic is not there") == 1


def test_mistakes_have_their_line():
    with tempfile.TemporaryDirectory() as folder:
        config = f"{folder}/pubgrid.yaml"
        with open(config, "w") as file:
            file.write("""event_grid:
  sources:
    - {name: pictures, directory: pictures, container: Pictures, systemTopic: pictures}
    - name: pictures
      directory: /srv
      container: pictures
      systemTopic: pictures
      url: ftp://x
      rescanInSeconds: 100000
      ignored: []
    - {name: good, directory: /srv, container: pictures, systemTopic: pictures}
    - {name: Good, directory: /srv, container: pictures, systemTopic: pictures}
""")
        done = subprocess.run([f"{BIN}/pubgrid", "serve", "--check-config", "-c", config], capture_output=True,
                              text=True, timeout=60, check=False)
    assert done.returncode != 0
    for line in ("3: `event_grid.sources.0.directory`: is the absolute path of a folder",
                 "3: `event_grid.sources.0.container`: has 3 to 63 lower-case letters",
                 "8: `event_grid.sources.1.url`: begins with https://", "9: `event_grid.sources.1.rescanInSeconds`: ",
                 "10: `event_grid.sources.1.ignored`: ", "12: `event_grid.sources.3.name`: stands here already"):
        assert f"pubgrid.yaml:{line}" in done.stderr, (line, done.stderr)


if __name__ == "__main__":
    sys.exit(run_tests(globals(), sys.argv[1:]))
