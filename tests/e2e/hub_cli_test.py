#!/usr/bin/env python3
"""`pubgrid hub` as the person at the terminal sees it, and what it asks: the server is a stand-in
that checks each token and answers what a test wants. hub_test.py has the real one.

    BIN=build/dev/bin tests/e2e/hub_cli_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import base64
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time

from net_test import BROKER, free_port, run_tests
from stand_in import StandIn, sign

PUBGRID = os.path.abspath(os.path.join(os.path.dirname(BROKER), "pubgrid"))
PRIMARY = "0123456789abcdef0123456789abcdef"
KEYS = f"primary: {PRIMARY}\nsecondary: fedcba9876543210fedcba9876543210\n"


def check_token(header, url):
    kind, _, token = header.partition(" ")
    assert kind == "Bearer", header
    head, claims, signature = token.split(".")
    assert sign(f"{head}.{claims}", PRIMARY) == signature, token
    claims = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert claims["aud"] == url, (claims, url)
    assert time.time() - 5 < claims["iat"] <= time.time() and claims["exp"] - claims["iat"] == 300


class Server(StandIn):
    """Answers requests in order from `answers`, (status, body)."""

    def __init__(self, *answers):
        self.answers, self.requests = list(answers), []
        self.folder = tempfile.TemporaryDirectory(prefix="hub_cli_test_")
        with open(f"{self.folder.name}/keys", "w") as out:
            out.write(KEYS)
        os.chmod(out.name, 0o600)
        super().__init__()

    def answer(self, request):
        check_token(request.headers["authorization"], f"http://{request.headers['host']}{request.path}")
        if request.body:
            assert request.headers["content-type"] == "application/json"
        self.requests.append((request.command, request.path, request.body))
        self.reply(request, *self.answers.pop(0))

    def __exit__(self, *_):
        super().__exit__()
        self.folder.cleanup()

    def command(self, *words):
        return [PUBGRID, "hub", "--keys", f"{self.folder.name}/keys", "--endpoint", self.url, *words]

    def run(self, *words, status=0, given=None):
        done = subprocess.run(self.command(*words), input=given, capture_output=True, text=True,
                              timeout=60, cwd=self.folder.name, check=False)
        assert done.returncode == status, (words, done)
        assert bool(done.stderr) == (status != 0 and "check" not in words), (words, done)
        return done.stdout if status == 0 or "check" in words else done.stderr


def answer(value):
    return 200, json.dumps(value)


SETTINGS = {"eventHandlers": [], "anonymousConnectPolicy": "deny", "recoveryWindowInSeconds": 30}


def test_list():
    hubs = {"value": [
        {"name": "chat", "source": "runTime",
         "settings": {**SETTINGS, "eventHandlers": [{}, {}], "anonymousConnectPolicy": "allow"}},
        {"name": "_default", "source": "configuration", "settings": SETTINGS}]}
    with Server(answer(hubs), answer(hubs), answer([])) as server:
        lines = [line.split() for line in server.run("list").splitlines()]
        assert lines == [["HUB", "SET", "ANONYMOUS", "HANDLERS", "LISTENERS"],
                         ["chat", "at", "run", "time", "allow", "2", "0"],
                         ["_default", "configuration", "deny", "0", "0"]], lines
        assert json.loads(server.run("--json", "list")) == hubs
        assert "is not what this command knows" in server.run("list", status=1)
        assert server.requests == [("GET", "/api/hubs", "")] * 3


def test_show():
    with Server(answer(SETTINGS), answer(SETTINGS)) as server:
        text = server.run("show", "chat")
        assert json.loads(text) == SETTINGS and len(text.splitlines()) > 3, text
        text = server.run("show", "a`[b]", "--json")
        assert json.loads(text) == SETTINGS and len(text.splitlines()) == 1, text
        assert server.requests == [("GET", "/api/hubs/chat", ""), ("GET", "/api/hubs/a%60%5Bb%5D", "")]


def test_set_from_a_file():
    with Server(answer({}), answer({}), answer({"a": 1})) as server:
        with open(f"{server.folder.name}/hub.json", "w") as out:
            out.write('{"wildcards": true}')
        assert server.run("set", "chat", "hub.json") == "Hub chat is set.\n"
        server.run("set", "_default", "-", given="{}")
        assert server.run("set", "chat", "hub.json", "--json") == '{"a": 1}\n'
        assert server.requests == [("PUT", "/api/hubs/chat", '{"wildcards": true}'),
                                   ("PUT", "/api/hubs/_default", "{}"),
                                   ("PUT", "/api/hubs/chat", '{"wildcards": true}')]
        assert "No such file" in server.run("set", "chat", "nowhere.json", status=1)
        assert "too long" in server.run("set", "chat", "-", status=1, given=" " * (2 << 20))


def test_set_some():
    with Server(answer(SETTINGS), answer({})) as server:
        server.run("set", "chat", "recoveryWindowInSeconds=60", "wildcards=true",
                   "anonymousConnectPolicy=allow", "wildcards=false", "x=a=b",
                   "eventHandlers=http://h/{event}")
        method, path, body = server.requests[1]
        assert (method, path) == ("PUT", "/api/hubs/chat")
        assert json.loads(body) == {
            "recoveryWindowInSeconds": 60, "wildcards": False, "anonymousConnectPolicy": "allow",
            "x": "a=b", "eventHandlers": [{
                "urlTemplate": "http://h/{event}", "userEventPattern": "*",
                "systemEvents": ["connect", "connected", "disconnected"]}]}, body
        assert body.count("recoveryWindowInSeconds") == body.count("wildcards") == 1, body


def test_remove():
    with Server((204, ""), (204, "")) as server:
        assert server.run("remove", "chat") == "Hub chat is as configured.\n"
        assert server.run("remove", "chat", "--json") == ""
        assert server.requests == [("DELETE", "/api/hubs/chat", "")] * 2


def delivery(number, **other):
    return {"id": f"{9999999999999 - number:013}", "time": "2026-11-28T09:00:00Z", "event": "connect",
            "url": "http://h/connect", "connectionId": "c1", "status": 204, "latencyMs": 1.25,
            "attempt": 1, "reason": None, **other}


def test_log():
    failure = delivery(2, status=0, attempt=3, reason="timed\nout")
    with Server(answer({"value": [failure, delivery(1)]}), answer({"value": [failure]}),
                answer({"value": []})) as server:
        assert server.run("log", "chat") == (
            "2026-11-28T09:00:00Z 204 1.25ms connect http://h/connect c1\n"
            "2026-11-28T09:00:00Z --- 1.25ms connect http://h/connect c1 attempt 3: timed?out\n")
        assert json.loads(server.run("log", "chat", "--json", "--failures", "-n", "7")) == failure
        assert server.run("log", "chat") == ""
        assert [path for _, path, _ in server.requests] == [
            "/api/hubs/chat/:log?top=20", "/api/hubs/chat/:log?top=7&failures=true",
            "/api/hubs/chat/:log?top=20"]


def test_log_follows():
    one, two, three, four = delivery(10), delivery(20, event="ev"), delivery(19), delivery(30)
    # 5 is older than what was asked for at first; 19 was late.
    with Server(answer({"value": [one]}), answer({"value": [one, delivery(5)]}),
                answer({"value": [two, one, delivery(5)]}),
                answer({"value": [four, two, three, one, delivery(5)]}), (503, "")) as server:
        done = subprocess.run(server.command("log", "chat", "--follow", "--json"), timeout=60,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 1 and "answered 503" in done.stderr, done
        assert [json.loads(line) for line in done.stdout.splitlines()] == [one, two, three, four], done
        assert [path.partition("?")[2] for _, path, _ in server.requests] == ["top=20"] + 4 * ["top=200"]


def test_check():
    bad = {"good": False, "lines": ["handler 1: http://h/{event}", "  refused"]}
    with Server(answer({"good": True, "lines": ["fine"]}), answer(bad), answer(bad)) as server:
        assert server.run("check", "chat") == "fine\n"
        assert server.run("check", "chat", status=1) == "handler 1: http://h/{event}\n  refused\n"
        assert json.loads(server.run("check", "chat", "--json", status=1)) == bad
        assert server.requests == [("POST", "/api/hubs/chat/:check", "")] * 3


def test_what_the_server_refuses():
    with Server((400, '{"code":"Error.BadRequest","message":"wildcards: `wildcards` is true"}'),
                (401, ""), (500, "<html>"), (403, '{"error":{"message":"no"}}')) as server:
        assert "(400): wildcards: `wildcards` is true" in server.run("remove", "chat", status=1)
        assert "Are these its keys?" in server.run("remove", "chat", status=1)
        assert "answered 500" in server.run("remove", "chat", status=1)
        assert "(403): no" in server.run("remove", "chat", status=1)


def test_nobody_is_there():
    with Server() as server:
        server.url = f"http://127.0.0.1:{free_port()}"
        assert "cannot be reached" in server.run("list", status=1)


def test_command_lines_that_are_wrong():
    rows = [([], "say what to do"), (["lst"], "there is no command hub: lst"),
            (["show"], "a hub is needed"), (["show", "9a"], "a hub has no such name: 9a"),
            (["list", "x"], "there is no argument: x"), (["set", "chat"], "say what to set"),
            (["set", "chat", "a=b", "c"], "not: c"), (["set", "chat", "f", "a=b"], "not: a=b"),
            (["set", "chat", "=b"], "a change is NAME=VALUE"),
            (["log", "chat", "-n", "0"], "-n is a number"), (["log", "chat", "-n", "x"], "-n is"),
            (["list", "--endpoint", "ftp://x"], "--endpoint is http://"),
            (["list", "--keys", "/nowhere"], "No such file")]
    with Server(answer({})) as server:
        for words, said in rows:
            assert said in server.run(*words, status=1), words


def test_help():
    text = subprocess.run([PUBGRID, "hub", "--help"], capture_output=True, text=True, timeout=60,
                          check=True).stdout
    for word in ("list", "show HUB", "set HUB FILE", "remove HUB", "log HUB", "check HUB", "--follow"):
        assert word in text, word
    assert all(len(line) <= 100 for line in text.splitlines())


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(run_tests(globals(), sys.argv[1:]))
