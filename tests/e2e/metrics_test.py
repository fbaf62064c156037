#!/usr/bin/env python3
"""Metrics and health of two bridge processes and a broker, as Prometheus, a load balancer and an MQTT client see
them.

Each scrape goes through a strict reader of the text format 0.0.4, written from its description and nothing else.
Waiting is always for a condition.

    BIN=build/dev/bin tests/e2e/metrics_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

from front_door_test import CLOSE, REQUEST, TEXT, Browser
from net_test import PATIENCE, free_port, run_tests
from stand_in import token_for, until

BIN = os.path.abspath(os.environ.get("BIN", "build/dev/bin"))
JSON = "json.webpubsub.azure.v1"

# ---------------------------------------------------------------- the format

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"')
VALUE = re.compile(r"(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|\+Inf|-Inf|NaN)\Z")
SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def read_labels(text):
    """Of what stands between the braces, as sorted pairs."""
    labels, at = {}, 0
    while at < len(text):
        match = LABEL.match(text, at)
        assert match, f"bad label in {text!r} at {at}"
        assert match[1] not in labels and not match[1].startswith("__"), match[1]
        labels[match[1]] = re.sub(r'\\[\\"n]', lambda escape: ESCAPES[escape[0]], match[2])
        at = match.end()
        if at < len(text):
            assert text[at] == "," and at + 1 < len(text), f"bad separator in {text!r} at {at}"
            at += 1
    return tuple(sorted(labels.items()))


def check_histogram(name, samples):
    """Buckets ascend and end with +Inf, which is the count."""
    series = {}
    for (sample, labels), value in samples.items():
        if sample.startswith(name + "_"):
            rest = tuple(pair for pair in labels if pair[0] != "le")
            series.setdefault(rest, {}).setdefault(sample[len(name):], []).append((dict(labels).get("le"), value))
    for rest, parts in series.items():
        assert set(parts) == {"_bucket", "_sum", "_count"}, (name, rest, parts)
        bounds = [float(bound.replace("+Inf", "inf")) for bound, _ in parts["_bucket"]]
        counts = [value for _, value in parts["_bucket"]]
        assert bounds == sorted(bounds) and len(set(bounds)) == len(bounds) and bounds[-1] == float("inf"), bounds
        assert counts == sorted(counts) and counts[-1] == parts["_count"][0][1], counts


def read_metrics(text):
    """{(name, labels): number}; fails where the text is not the format."""
    assert text.endswith("\n")
    types, helps, samples, family = {}, set(), {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# "):
            _, word, name, rest = line.split(" ", 3)
            assert NAME.fullmatch(name), line
            if word == "HELP":
                assert name not in helps and name not in types, line
                assert not re.search(r"\\(?![\\n])", rest), line
                helps.add(name)
            else:
                assert word == "TYPE" and name not in types and rest in SUFFIXES, line
                types[name] = rest
            family = name
            continue
        match = NAME.match(line)
        assert match, line
        at = match.end()
        labels = ()
        if line[at] == "{":
            end = line.rindex("}")
            labels, at = read_labels(line[at + 1:end]), end + 1
        assert line[at] == " " and VALUE.match(line[at + 1:]), line
        assert family in types and family in helps, line
        assert match[0] in [family + suffix for suffix in SUFFIXES[types[family]]], f"{line} in {family}"
        assert (match[0], labels) not in samples, line
        samples[match[0], labels] = float(line[at + 1:])
    for name, kind in types.items():
        assert kind != "counter" or name.endswith("_total"), name
        assert name.startswith("pubgrid_"), name
        if kind == "histogram":
            check_histogram(name, samples)
    return samples


def test_the_reader_is_strict():
    head = "# HELP pubgrid_a_total x\n# TYPE pubgrid_a_total counter\n"
    assert read_metrics(head + 'pubgrid_a_total{b="\\"\\\\\\n"} 1\n') == {
        ("pubgrid_a_total", (("b", '"\\\n'),)): 1}
    for bad in ("pubgrid_a_total 1\n", head + "pubgrid_a_total 1", head + 'pubgrid_a_total{b="\\x"} 1\n',
                head + "pubgrid_a_total{b=1} 1\n", head + "pubgrid_a_total  1\n", head + "pubgrid_b_total 1\n",
                head + "pubgrid_a_total 1\npubgrid_a_total 2\n", head + head, head + "pubgrid_a_total one\n",
                head + 'pubgrid_a_total{b="1",} 1\n', head + 'pubgrid_a_total{b="1",b="2"} 1\n',
                head.replace("counter", "gouge") + "pubgrid_a_total 1\n", head + "\npubgrid_a_total 1\n"):
        try:
            read_metrics(bad)
        except (AssertionError, IndexError, ValueError):
            continue
        raise AssertionError(f"{bad!r} was read")


# ---------------------------------------------------------------- programs


class World:
    """A broker and bridge processes, each started by hand, in a folder of its own."""

    def __init__(self, others="deny"):
        self.folder = tempfile.TemporaryDirectory(prefix="metrics_test_")
        self.http, self.open_http, self.mqtt = free_port(), free_port(), free_port()
        self.config = f"{self.folder.name}/pubgrid.yaml"
        self.log = open(f"{self.folder.name}/log", "w")  # closed with the world
        self.processes = {}
        with open(self.config, "w") as file:
            file.write(f"""
store: {{path: {self.folder.name}/store}}
listeners: ["tcp://127.0.0.1:{self.mqtt}"]
workers: 2
auth: {{allow_anonymous: "yes"}}
mqtt: {{sys_interval: 1s}}
bridge:
  processes: 2
  listeners: ["http://127.0.0.1:{self.http}", "http://0.0.0.0:{self.open_http}"]
hubs:
  - {{name: _default, anonymous_connect_policy: {others}}}
  - {{name: chat, anonymous_connect_policy: allow}}
""")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.log.close()
        if kind:
            with open(self.log.name) as log:
                print(log.read()[-4000:])
        self.folder.cleanup()

    def start(self, name, *arguments):
        self.processes[name] = subprocess.Popen([f"{BIN}/pubgrid-{name.split()[0]}", "-c", self.config, *arguments],
                                                stderr=self.log)

    def start_bridge(self, index):
        self.start(f"bridge {index}", "--index", str(index))

    def kill(self, name):
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def get(self, path, port=None, method="GET"):
        """Status, headers and body; each time on a new connection, so by either process."""
        request = urllib.request.Request(f"http://127.0.0.1:{port or self.http}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def rest(self, method, path):
        """A request of the REST API, signed; its status."""
        url = f"http://127.0.0.1:{self.http}{path}"
        token = token_for(url, f"{self.folder.name}/store")
        request = urllib.request.Request(url, method=method, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status

    def scrape(self):
        status, headers, body = self.get("/metrics")
        assert status == 200 and headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8", headers
        return read_metrics(body)

    def both_ready(self):
        with contextlib.suppress(OSError):
            return processes_of(self.scrape()) == {"0", "1"} and self.get("/readyz")[0] == 200
        return False


def processes_of(samples):
    return {dict(labels)["process"] for name, labels in samples if name == "pubgrid_bridge_uptime_seconds"}


def total(samples, name, **wanted):
    """Over all processes."""
    return sum(value for (sample, labels), value in samples.items()
               if sample == "pubgrid_bridge_" + name and wanted.items() <= dict(labels).items())


class JsonBrowser(Browser):
    """With a subprotocol; `connected` has come."""

    def __init__(self, port, path="/client/hubs/Chat"):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.bytes = b""
        self.socket.sendall(REQUEST.format(path=path).replace(
            "\r\n\r\n", f"\r\nSec-WebSocket-Protocol: {JSON}\r\n\r\n").encode())
        head = self.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        self.connected = self.frame()[1]
        assert json.loads(self.connected)["event"] == "connected"

    def close_code(self):
        opcode, payload = self.frame()
        assert opcode == CLOSE
        return struct.unpack(">H", payload[:2])[0]


# ---------------------------------------------------------------- tests


def test_every_scrape_shows_all():
    ping, pong, count = b'{"type":"ping"}', b'{"type":"pong"}', 10
    with World() as world:
        world.start("broker")
        world.start_bridge(0)
        world.start_bridge(1)
        until(world.both_ready, "both processes in one scrape")
        browsers = [JsonBrowser(world.http) for _ in range(count)]
        for browser in browsers:
            browser.say(TEXT, ping)
            assert browser.frame() == (TEXT, pong)
        browsers[0].say(TEXT, b"{")
        assert browsers[0].close_code() == 1007
        browsers[0].say(CLOSE, struct.pack(">H", 1007))
        browsers[1].end()
        status, _, body = world.get("/client/hubs/chat")
        assert status == 400, body
        denied = socket.create_connection(("127.0.0.1", world.http), PATIENCE)
        denied.sendall(REQUEST.format(path="/client/hubs/closed").encode())
        assert denied.recv(1000).startswith(b"HTTP/1.1 401 ")
        denied.close()
        of_hub = {"hub": "chat", "subprotocol": JSON}
        wanted = {
            "connections": count - 2,
            "connections_total": count,
            "received_messages_total": count + 1,
            "received_bytes_total": count * len(ping) + 1,
            "sent_messages_total": 2 * count,
            "sent_bytes_total": count * len(pong) + sum(len(browser.connected) for browser in browsers),
        }

        def is_told(samples):
            return (all(total(samples, name, **of_hub) == value for name, value in wanted.items()) and
                    total(samples, "closed_total", category="BadRequest", **of_hub) == 1 and
                    total(samples, "closed_total", category="Normal", **of_hub) == 1 and
                    total(samples, "refused_upgrades_total", status="401") == 1 and
                    processes_of(samples) == {"0", "1"})
        for _ in range(10):  # whichever process answers
            until(lambda: is_told(world.scrape()), f"{wanted} in {world.scrape()}")
        samples = world.scrape()
        assert samples["pubgrid_broker_connected_clients", ()] >= count - 2
        assert samples["pubgrid_broker_store_state", (("state", "ok"),)] == 1
        for browser in browsers[2:]:
            browser.socket.close()
        until(lambda: total(world.scrape(), "connections") == 0, "all have gone")


def test_sys_topics_say_the_same():
    with World() as world:
        world.start("broker")
        world.start_bridge(0)
        until(lambda: can(lambda: world.get("/readyz")[0] == 200), "ready")
        browser = JsonBrowser(world.http)
        listener = subprocess.run(
            [f"{BIN}/pubgrid", "sub", "-h", "127.0.0.1", "-p", str(world.mqtt), "-v", "-C", "1", "-W", str(PATIENCE),
             "-t", f"$SYS/bridge/0/connections/chat/{JSON}"], stdout=subprocess.PIPE, check=True)
        assert listener.stdout.decode() == f"$SYS/bridge/0/connections/chat/{JSON} 1\n", listener.stdout
        browser.end()


def can(action):
    with contextlib.suppress(OSError):
        return action()
    return False


def test_more_hubs_than_are_told_apart():
    with World(others="allow") as world:
        world.start("broker")
        world.start_bridge(0)
        until(lambda: can(lambda: world.get("/readyz")[0] == 200), "ready")
        for index in range(1020):
            Browser(world.http, path=f"/client/hubs/hub{index}").socket.close()
        until(lambda: total(world.scrape(), "connections") == 0, "all have gone")
        samples = world.scrape()
        hubs = {dict(labels)["hub"] for name, labels in samples if name == "pubgrid_bridge_connections"}
        assert len(hubs) == 1001 and "_other" in hubs, len(hubs)
        assert total(samples, "connections_total") == 1020
        assert total(samples, "connections_total", hub="_other") == 20
        assert total(samples, "closed_total", category="Normal") == 1020


def test_what_the_server_does():
    with World() as world:
        world.start("broker")
        world.start_bridge(0)
        world.start_bridge(1)
        until(world.both_ready, "both processes in one scrape")
        browser = JsonBrowser(world.http)
        connection = json.loads(browser.connected)["connectionId"]
        assert world.rest("GET", "/api/hubs/chat/groups/g/connections?api-version=2024-12-01") == 200
        assert world.rest("DELETE", f"/api/hubs/chat/connections/{connection}?reason=bye") == 204
        assert json.loads(browser.frame()[1])["event"] == "disconnected"
        assert browser.close_code() == 1000
        browser.say(CLOSE, struct.pack(">H", 1000))

        def is_told():
            samples = world.scrape()
            return (total(samples, "rest_requests_total", operation="list", status="200") == 1 and
                    total(samples, "rest_requests_total", operation="close", status="204") == 1 and
                    total(samples, "asks_total", outcome="answered") == 2 and
                    total(samples, "asks_total", outcome="failed") == 0 and
                    total(samples, "closed_total", hub="chat", category="ClosedByAppServer") == 1)
        until(is_told, "the server's requests are counted")


def test_a_process_that_is_gone_is_not_shown():
    with World() as world:
        world.start("broker")
        world.start_bridge(0)
        world.start_bridge(1)
        until(world.both_ready, "both processes in one scrape")
        browsers = [JsonBrowser(world.http) for _ in range(10)]
        until(lambda: total(world.scrape(), "connections", hub="chat") == 10, "all are counted")
        world.kill("bridge 1")
        until(lambda: processes_of(world.scrape()) == {"0"}, "the dead process is left out")
        world.start_bridge(1)
        until(world.both_ready, "it is there again")
        # What its predecessor has told is cleared: of the ten, those that are left are in process 0.
        left = total(world.scrape(), "connections", hub="chat", process="0")
        until(lambda: total(world.scrape(), "connections", hub="chat") == left and world.both_ready(),
              "nothing is left of the predecessor")
        for browser in browsers:
            browser.socket.close()


def test_health():
    with World() as world:
        world.start_bridge(0)
        until(lambda: can(lambda: world.get("/healthz")[0] == 200), "the process is alive")
        for path in ("/readyz", "/api/health", "/api/health?api-version=2024-12-01"):
            status, headers, body = world.get(path)
            assert (status, json.loads(body)["error"]["code"]) == (503, "ServiceUnavailable"), body
            assert headers["content-type"].startswith("application/json")
            status, headers, body = world.get(path, method="HEAD")
            assert (status, body) == (503, "")
        assert total(world.scrape(), "ready") == 0
        world.start("broker")
        until(lambda: world.get("/readyz")[0] == 200, "ready")
        for path in ("/healthz", "/readyz", "/api/health"):
            assert world.get(path)[0] == world.get(path, method="HEAD")[0] == 200
        assert world.get("/api/hubs/chat/groups/g/connections")[0] == 401
        samples = world.scrape()
        assert total(samples, "ready") == 1
        assert total(samples, "rest_requests_total", operation="health", status="200") == 2
        assert total(samples, "rest_requests_total", status="401") == 1
        assert total(samples, "rest_request_seconds_count", operation="health") == 6  # four before the broker came
        assert total(samples, "webhook_running_requests") == 0
        world.kill("broker")
        until(lambda: world.get("/readyz")[0] == 503, "not ready any more")
        assert world.get("/healthz")[0] == 200


def test_who_may_see_it():
    with World() as world:
        world.start_bridge(0)
        until(lambda: can(lambda: world.get("/metrics")[0] == 200), "there on a loopback address")
        assert world.get("/metrics", port=world.open_http)[0] == 404
        assert world.get("/", port=world.open_http)[0] == 404 and world.get("/")[0] == 200  # the page likewise
        assert world.get("/healthz", port=world.open_http)[0] == 200
    with World() as world:
        world.start("bridge 0", "--index", "0", "--set", "bridge.metrics=no")
        until(lambda: can(lambda: world.get("/metrics")[0] == 404), "nowhere")
    with World() as world:
        world.start("bridge 0", "--index", "0", "--set", "bridge.metrics=yes")
        until(lambda: can(lambda: world.get("/metrics", port=world.open_http)[0] == 200), "everywhere")


if __name__ == "__main__":
    sys.exit(run_tests(globals(), sys.argv[1:]))
