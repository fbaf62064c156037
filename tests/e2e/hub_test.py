#!/usr/bin/env python3
"""The settings of hubs while the server runs: `pubgrid hub` and the REST API against a broker and two
bridge processes. What is set at one counts at both, and survives restarts.

    BIN=build/dev/bin tests/e2e/hub_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

from net_test import PATIENCE, free_port, run_tests
from stand_in import StandIn, until

BIN = os.path.abspath(os.environ.get("BIN", "build/dev/bin"))


class World:
    """A broker and two bridge processes, which share a port, under `pubgrid serve`."""

    def __init__(self, hubs=""):
        self.folder = tempfile.TemporaryDirectory(prefix="hub_test_")
        self.http, self.mqtt = free_port(), free_port()
        self.config = f"{self.folder.name}/pubgrid.yaml"
        self.log = open(f"{self.folder.name}/log", "w")  # closed with the world
        self.process = None
        self.starts = 0
        self.write(hubs)

    def write(self, hubs):
        with open(self.config, "w") as file:
            file.write(f"""
store: {{path: {self.folder.name}/store}}
listeners: ["tcp://127.0.0.1:{self.mqtt}"]
workers: 2
bridge:
  processes: 2
  listeners: ["http://127.0.0.1:{self.http}"]
  public_endpoints: ["https://pubsub.example.com"]
hubs:
  - {{name: news, recovery_window: 7s}}
{hubs}
""")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        self.stop()
        self.log.close()
        if kind:
            with open(self.log.name) as log:
                print(log.read()[-4000:])
        self.folder.cleanup()

    def start(self):
        self.starts += 1
        self.process = subprocess.Popen([f"{BIN}/pubgrid", "serve", "-c", self.config],
                                        stderr=self.log)
        until(self.is_ready, "the server starts")

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE)
            self.process = None

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def has_both(self):
        """Both processes are there: connections may come to either."""
        with open(self.log.name) as log:
            return log.read().count("info connected to the broker") >= 2 * self.starts

    def is_ready(self):
        with contextlib.suppress(OSError):
            return self.has_both() and all(self.ask_one("/client/hubs/none") == 401 for _ in range(20))
        return False

    def ask_one(self, path):
        """The status that an upgrade gets from one of the processes, whichever takes it."""
        with socket.create_connection(("127.0.0.1", self.http), PATIENCE) as one:
            one.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.http}\r\nConnection: Upgrade\r\n"
                        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
            return int(one.recv(4096).split()[1])

    def lets_in(self, hub):
        """True: all processes let a client without token in; False: none does; else None."""
        asked = {self.ask_one(f"/client/hubs/{hub}") for _ in range(20)}
        return {(101,): True, (401,): False}.get(tuple(asked))

    def run(self, *words, status=0, given=None):
        done = subprocess.run([f"{BIN}/pubgrid", "hub", *words, "-c", self.config], input=given,
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == status, (words, done)
        return done.stdout if status == 0 or words[0] == "check" else done.stderr

    def settings(self, hub):
        return json.loads(self.run("show", hub))

    def list(self):
        return {hub["name"]: hub for hub in json.loads(self.run("list", "--json"))["value"]}

    def all_say(self, hub, name, value):
        until(lambda: all(self.settings(hub)[name] == value for _ in range(6)),
              f"{name} of {hub} is {value}")


def test_set_at_one_seen_at_both():
    with World() as world:
        assert world.lets_in("chat") is False
        world.run("set", "chat", "anonymousConnectPolicy=allow", "recoveryWindowInSeconds=60")
        until(lambda: world.lets_in("chat"), "all processes know")
        assert world.lets_in("other") is False
        hubs = world.list()
        assert hubs["chat"]["source"] == "runTime" and hubs["news"]["source"] == "configuration"
        assert list(hubs) == ["news", "chat", "_default"], hubs
        assert world.settings("chat")["recoveryWindowInSeconds"] == 60
        world.run("set", "chat", "wildcards=true")
        assert world.settings("chat")["anonymousConnectPolicy"] == "allow"
        world.run("remove", "chat")
        until(lambda: world.lets_in("chat") is False, "all processes know that it is removed")
        assert "chat" not in world.list()


def test_the_default_hub():
    with World() as world:
        world.run("set", "_default", "-", given='{"anonymousConnectPolicy":"allow"}')
        until(lambda: world.lets_in("whatever"), "all hubs let clients in")
        assert world.lets_in("news") is False
        world.run("remove", "_default")
        until(lambda: world.lets_in("whatever") is False, "as before")


def test_what_is_set_goes_before_the_file():
    with World() as world:
        assert world.settings("news")["recoveryWindowInSeconds"] == 7
        world.run("set", "news", "recoveryWindowInSeconds=70")
        world.all_say("news", "recoveryWindowInSeconds", 70)
        world.write("  - {name: more, recovery_window: 8s}\n")
        world.reload()
        world.all_say("more", "recoveryWindowInSeconds", 8)
        world.all_say("news", "recoveryWindowInSeconds", 70)
        world.run("remove", "news")
        world.all_say("news", "recoveryWindowInSeconds", 7)


def test_it_survives_restarts():
    with World() as world:
        world.run("set", "chat", "anonymousConnectPolicy=allow")
        world.run("set", "gone", "anonymousConnectPolicy=allow")
        world.run("remove", "gone")
        world.stop()
        world.start()
        assert world.lets_in("chat") is True
        assert world.lets_in("gone") is False
        assert "gone" not in world.list()


def test_a_server_without_settings_yet_lets_nobody_in():
    """A bridge whose broker is away does not know what is set."""
    with World() as world:
        world.stop()
        bridge = subprocess.Popen([f"{BIN}/pubgrid-bridge", "-c", world.config], stderr=world.log)
        try:
            def answers():
                with contextlib.suppress(OSError):
                    return world.ask_one("/client/hubs/chat")
                return None
            until(answers, "the bridge answers")
            assert answers() == 503
            assert "503" in world.run("set", "chat", "wildcards=true", status=1)
        finally:
            bridge.kill()
            bridge.wait()


def test_what_is_refused():
    with World() as world:
        rows = [("recoveryWindow=1", "write `recoveryWindowInSeconds` instead"),
                ("recoveryWindowInSeconds=0", "between 1s and 1d"),
                ("eventHandlers=http://{hub}/", "in the path and in the query only")]
        for change, said in rows:
            assert said in world.run("set", "chat", change, status=1), change
        assert "chat" not in world.list()
        assert "(401)" in world.run("list", "--endpoint", f"http://localhost:{world.http}/",
                                    "--keys", other_keys(world), status=1)


def other_keys(world):
    path = f"{world.folder.name}/other"
    with open(path, "w") as out:
        out.write(f"primary: {'x' * 32}\nsecondary: {'y' * 32}\n")
    os.chmod(path, 0o600)
    return path


def test_without_a_token():
    with World() as world:
        for method, path in (("GET", ""), ("GET", "/chat"), ("PUT", "/chat"), ("DELETE", "/chat"),
                             ("GET", "/chat/:log"), ("POST", "/chat/:check")):
            request = urllib.request.Request(f"http://127.0.0.1:{world.http}/api/hubs{path}",
                                             method=method)
            try:
                urllib.request.urlopen(request, timeout=PATIENCE)
                raise AssertionError(path)
            except urllib.error.HTTPError as error:
                assert error.code == 401, (path, error.code)


def test_mqtt_clients_cannot_set_hubs():
    with World() as world:
        done = subprocess.run([f"{BIN}/pubgrid", "pub", "-h", "127.0.0.1", "-p", str(world.mqtt), "-q", "1", "-r",
                               "-t", "$config/hubs/chat", "-m", '{"anonymousConnectPolicy":"allow"}'],
                              capture_output=True, text=True, timeout=60, check=False)
        assert not done.stderr, done

        def is_refused():
            with open(world.log.name) as log:
                return 'publish refused' in log.read()
        until(is_refused, "the broker refuses it")
        assert "chat" not in world.list()


class Webhook(StandIn):
    """Takes events; `status` is what it answers to them."""

    def __init__(self, allowed="*"):
        self.status, self.allowed = 204, allowed
        super().__init__()

    def answer(self, request):
        if request.command == "OPTIONS":
            self.reply(request, 200, headers=[("WebHook-Allowed-Origin", self.allowed)])
        else:
            assert request.command == "POST"
            self.reply(request, self.status)


def handler(webhook, **other):
    return json.dumps({"anonymousConnectPolicy": "allow", "eventHandlers": [
        {"urlTemplate": webhook.url + "/{event}", "systemEvents": ["connect"], **other}]})


def test_handlers_and_their_log():
    with World() as world, Webhook() as webhook:
        world.run("set", "chat", "-", given=handler(webhook, attempts=1))
        until(lambda: world.lets_in("chat"), "all processes know")
        webhook.status = 403
        assert world.ask_one("/client/hubs/chat") == 403
        entries = [json.loads(line) for line in world.run("log", "chat", "--json", "-n", "200").splitlines()]
        assert {entry["process"] for entry in entries} == {0, 1}, entries
        assert len({entry["id"] for entry in entries}) == len(entries) >= 21
        assert [entry["time"] for entry in entries] == sorted(entry["time"] for entry in entries)
        refused = [entry["event"] for entry in entries if entry["status"] == 403]
        assert refused == ["connect"], entries  # not the last one: each process has a clock of its own
        failed = world.run("log", "chat", "--failures").splitlines()
        assert len(failed) == 1 and " 403 " in failed[0] and "/connect" in failed[0], failed
        assert len(world.run("log", "chat", "-n", "3").splitlines()) == 3
        assert world.run("log", "other") == ""


def test_the_log_is_followed():
    with World() as world, Webhook() as webhook:
        world.run("set", "chat", "-", given=handler(webhook))
        until(lambda: world.lets_in("chat"), "all processes know")
        with subprocess.Popen([f"{BIN}/pubgrid", "hub", "log", "chat", "--follow", "--failures", "-c",
                               world.config], stdout=subprocess.PIPE, text=True) as follower:
            try:
                webhook.status = 401
                assert world.ask_one("/client/hubs/chat") == 401
                assert " 401 " in follower.stdout.readline()
                webhook.status = 410
                assert world.ask_one("/client/hubs/chat") == 410
                assert " 410 " in follower.stdout.readline()
            finally:
                follower.kill()


def test_listeners_hear_of_events():
    with World() as world:
        listener = {"anonymousConnectPolicy": "allow", "eventListeners": [
            {"topic": "log/{hub}/{event}", "systemEvents": ["connected"]}]}
        world.run("set", "chat", "-", given=json.dumps(listener))
        until(lambda: world.lets_in("chat"), "all processes know")
        with subprocess.Popen([f"{BIN}/pubgrid", "sub", "-h", "127.0.0.1", "-p", str(world.mqtt), "-V", "5",
                               "-t", "log/#", "-q", "1", "-d", "-F", "%t %p %P"], stdout=subprocess.PIPE, text=True) as reader:
            try:
                while "SUBACK" not in reader.stdout.readline():
                    pass
                assert world.ask_one("/client/hubs/chat") == 101
                for line in reader.stdout:
                    if line.startswith("log/"):
                        break
                assert line.startswith("log/chat/connected {}"), line
                assert "azure.webpubsub.sys.connected" in line, line
            finally:
                reader.kill()


def test_check():
    with World() as world, Webhook() as good, Webhook("elsewhere.example.com") as bad:
        world.run("set", "chat", f"eventHandlers={good.url}/{{event}}")
        world.all_say("chat", "anonymousConnectPolicy", "deny")
        until(lambda: good.url in world.run("check", "chat", status=0), "all processes know")
        world.run("set", "chat", f"eventHandlers={bad.url}/{{event}}")
        until(lambda: all(world.settings("chat")["eventHandlers"][0]["urlTemplate"].startswith(bad.url)
                          for _ in range(6)), "all processes know")
        text = world.run("check", "chat", status=1)
        assert bad.url in text and "elsewhere.example.com" in text, text
        world.run("set", "chat", "eventHandlers=http://127.0.0.1:1/")
        until(lambda: all(":1/" in world.settings("chat")["eventHandlers"][0]["urlTemplate"]
                          for _ in range(6)), "all processes know")
        assert json.loads(world.run("check", "chat", "--json", status=1))["good"] is False
        assert "no event handlers" in world.run("check", "other")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(run_tests(globals(), sys.argv[1:]))
