#!/usr/bin/env python3
"""The REST API of a running server, with and without TLS: requests on one connection, what is in their URLs and
headers, bodies of any size, and connections that become something else.

Raw sockets and the standard library only; what each operation does is shown by tests/sdk.

    BIN=build/dev/bin tests/e2e/rest_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import base64
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time

from front_door_test import REQUEST, TEXT, Browser, certificate
from net_test import PATIENCE, free_port, run_tests
from stand_in import token_for

BIN = os.path.abspath(os.environ.get("BIN", "build/dev/bin"))
JSON = "json.webpubsub.azure.v1"


class Server:
    """A broker and a bridge with one listener of each kind, in a folder of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="rest_test_")
        self.ports = {None: free_port(), "tls": free_port()}
        certificate_file, key_file = certificate(self.folder.name)
        self.trust = ssl.create_default_context(cafile=certificate_file)
        config = f"{self.folder.name}/pubgrid.yaml"
        with open(config, "w") as file:
            file.write(f"""
store: {{path: {self.folder.name}/store}}
listeners: ["tcp://127.0.0.1:{free_port()}"]
bridge:
  listeners:
    - address: http://127.0.0.1:{self.ports[None]}
    - {{address: "https://127.0.0.1:{self.ports['tls']}", certificate: {certificate_file}, key: {key_file}}}
hubs:
  - {{name: chat, anonymous_connect_policy: allow}}
""")
        self.process = subprocess.Popen([f"{BIN}/pubgrid", "serve", "-c", config], stderr=subprocess.DEVNULL)

    def __enter__(self):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                Client(self).connection.socket.close()
                return self
            except (OSError, AssertionError):
                pass
            assert time.monotonic() < deadline

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0
        self.folder.cleanup()

    def token(self, audience):
        return token_for(audience, f"{self.folder.name}/store")


class Connection(Browser):
    """Of HTTP, by the browser's means of reading."""

    def __init__(self, server, kind):
        self.server, self.host = server, f"localhost:{server.ports[kind]}"
        self.socket = socket.create_connection(("127.0.0.1", server.ports[kind]), PATIENCE)
        if kind:
            self.socket = server.trust.wrap_socket(self.socket, server_hostname="localhost")
        self.bytes = b""

    def request(self, method, target, body=None, **headers):
        token = self.server.token(f"https://{self.host}{target}")
        head = [f"{method} {target} HTTP/1.1", f"Host: {self.host}", f"Authorization: Bearer {token}"]
        head += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if body is not None and "Transfer_Encoding" not in headers:
            head.append(f"Content-Length: {len(body)}")
        return "\r\n".join(head + ["", ""]).encode() + (body or b"")

    def answer(self, has_content=True):
        """Status, headers and content."""
        first, *lines = self.until(b"\r\n\r\n").decode().strip().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return int(first.split()[1]), headers, self.take(int(headers.get("content-length", 0)) if has_content else 0)

    def call(self, method, target, body=None, **headers):
        self.socket.sendall(self.request(method, target, body, **headers))
        return self.answer(method != "HEAD")


def each_kind(test):
    def run():
        with Server() as server:
            for kind in server.ports:
                test(server, kind)
    run.__name__ = test.__name__
    return run


class Client:
    """A browser with the JSON subprotocol in hub chat."""

    def __init__(self, server, kind=None):
        head = REQUEST.format(path="/client/hubs/chat").replace("\r\n\r\n", f"\r\nSec-WebSocket-Protocol: {JSON}\r\n\r\n")
        self.connection = Connection(server, kind)
        self.connection.socket.sendall(head.encode())
        head = self.connection.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head + self.connection.bytes
        self.id = self.next()["connectionId"]

    def next(self):
        opcode, payload = self.connection.frame()
        assert opcode == TEXT
        return json.loads(payload)


@each_kind
def test_one_connection_for_many_requests(server, kind):
    client, connection = Client(server, kind), Connection(server, kind)
    for number in range(20):
        assert connection.call("POST", "/api/hubs/chat/:send?api-version=2024-12-01", b"%d" % number,
                               Content_Type="application/json", X_WebPubSub_Metadata_Trace="t1")[0] == 202
        message = client.next()
        assert (message["from"], message["data"], message["metadata"]) == ("server", number, {"trace": "t1"}), message
    group = "/api/hubs/chat/groups/a%2Fb%20%C3%BC/connections"
    assert connection.call("PUT", f"{group}/{client.id}")[0] == 200
    assert json.loads(connection.call("GET", group)[2]) == {"value": [{"connectionId": client.id}]}
    assert connection.call("HEAD", "/api/hubs/chat/groups/a%2Fb%20%C3%BC")[0] == 200
    assert connection.call("HEAD", "/api/hubs/chat/groups/a")[0] == 404
    assert json.loads(connection.call("GET", "/api/hubs/chat/:count")[2])["connections"] >= 1


@each_kind
def test_long_lists_have_pages(server, kind):
    clients, connection = [Client(server) for _ in range(5)], Connection(server, kind)
    found, link = [], "/api/hubs/chat/connections?maxpagesize=2&top=4"
    while link:
        page = json.loads(connection.call("GET", link)[2])
        found += [row["connectionId"] for row in page["value"]]
        scheme = "https" if kind else "http"
        assert page.get("nextLink", f"{scheme}://{connection.host}/api/").startswith(f"{scheme}://{connection.host}/api/")
        link = page.get("nextLink", "").removeprefix(f"{scheme}://{connection.host}")
    assert len(found) == len(set(found)) == 4
    for client in clients:
        client.connection.socket.close()


@each_kind
def test_bodies_of_any_size(server, kind):
    client, connection = Client(server, kind), Connection(server, kind)
    for size in (0, 1, 16383, 16384, 100000, 1 << 20):
        assert connection.call("POST", f"/api/hubs/chat/connections/{client.id}/:send", b"x" * size,
                               Content_Type="text/plain")[0] == 202
        assert client.next()["data"] == "x" * size
    chunks = b"".join(b"%x\r\n%s\r\n" % (1000, b"y" * 1000) for _ in range(200)) + b"0\r\n\r\n"
    assert connection.call("POST", "/api/hubs/chat/:send", chunks, Content_Type="text/plain",
                           Transfer_Encoding="chunked")[0] == 202
    assert client.next()["data"] == "y" * 200000
    status, headers, _ = connection.call("POST", "/api/hubs/chat/:send", b"z" * ((1 << 20) + 1))
    assert (status, headers["connection"]) == (413, "close")


@each_kind
def test_pipelined_requests(server, kind):
    client, connection = Client(server, kind), Connection(server, kind)
    connection.socket.sendall(b"".join(connection.request("POST", "/api/hubs/chat/:send", b"%d" % number)
                                       for number in range(100)))
    for _ in range(100):
        assert connection.answer()[0] == 202
    assert sorted(int(base64.b64decode(client.next()["data"])) for _ in range(100)) == list(range(100))


@each_kind
def test_a_connection_becomes_something_else(server, kind):
    connection = Connection(server, kind)
    assert connection.call("POST", "/api/hubs/chat/:send", b"x")[0] == 202
    status, headers, _ = connection.call("GET", "/healthz")
    assert status == 200 and "connection" not in headers
    status, _, content = connection.call("GET", "/api/hubs/chat/:count")
    assert status == 200 and content
    connection.socket.sendall(REQUEST.format(path="/client/hubs/chat").encode())
    assert connection.until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")


@each_kind
def test_who_has_no_token_gets_nothing(server, kind):
    connection = Connection(server, kind)
    connection.socket.sendall(b"POST /api/hubs/chat/:send HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    status, headers, _ = connection.answer()
    assert (status, headers["www-authenticate"]) == (401, "bearer")
    assert connection.call("POST", "/api/hubs/chat/:send", b"")[0] == 202


if __name__ == "__main__":
    sys.exit(run_tests(globals(), sys.argv[1:]))
