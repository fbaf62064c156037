#!/usr/bin/env python3
"""Logging in as the listeners see it: which addresses let anonymous clients in, certificates as
users, many logins at once, and what a wrong configuration or password file does at the start.
auth_test.py has the passwords, SCRAM and the access rules.

    BIN=build/dev/bin tests/e2e/login_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import os
import ssl
import subprocess
import sys
import tempfile
import time

import net_test
from net_test import BROKER, Broker, Client, free_port, local, packet, run_tests, text

PUBGRID = os.path.join(os.path.dirname(BROKER), "pubgrid")
NOT_AUTHORIZED, BAD_PASSWORD = 0x87, 0x86

# ---------------------------------------------------------------- packets


def connect(name, user=None, password=None, version=5):
    flags = 2 | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    body = text("MQTT") + bytes([version, flags, 0, 0]) + (b"\0" if version == 5 else b"")
    for field in (name, user, password):
        body += text(field) if field is not None else b""
    return packet(0x10, body)


def read_packet(client):
    first, length, shift = client.read(1), 0, 0
    assert first, "the connection ended"
    while True:
        byte = client.read(1)[0]
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return first[0], client.read(length)


def expect_reason(reason, client, *args, **how):
    client.send(connect(*args, **how))
    first, body = read_packet(client)
    assert first == 0x20 and body[1] == reason, f"{body[1]:#x} instead of {reason:#x} for {args}"
    if reason:
        client.expect_end()
    return client


def publish(client, topic):
    """The reason code in PUBACK."""
    client.send(packet(0x32, text(topic) + b"\0\7\0x"))
    first, body = read_packet(client)
    assert first == 0x40, first
    return body[2] if len(body) > 2 else 0


class Users:
    """A folder with a password file of bob, and brokers that use it."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="login_test_")
        self.file = os.path.join(self.folder, "passwords")
        subprocess.run([PUBGRID, "passwd", "-c", "-b", self.file, "bob", "secret"], check=True)
        return self

    def __exit__(self, *_):
        subprocess.run(["rm", "-rf", self.folder], check=True)

    def broker(self, port, *sets):
        listener = {"address": f"tcp://127.0.0.1:{port}", "allow_anonymous": "false"}
        return Broker([listener], f"auth.password_file={self.file}", *sets)


# ---------------------------------------------------------------- anonymous


def test_anonymous_by_address():
    ports = [free_port(address="0.0.0.0") for _ in range(4)]
    listeners = [
        {"address": f"tcp://127.0.0.1:{ports[0]}"},
        {"address": f"tcp://0.0.0.0:{ports[1]}"},
        {"address": f"tcp://0.0.0.0:{ports[2]}", "allow_anonymous": "true"},
        {"address": f"tcp://127.0.0.1:{ports[3]}", "allow_anonymous": "false"},
    ]
    with Broker(listeners):
        for port, good in zip(ports, (True, False, True, False)):
            expect_reason(0 if good else NOT_AUTHORIZED, Client(local(port)), "a")
            expect_reason(0 if good else 5, Client(local(port)), "a", version=4)
            # Nobody has a password here, so a user name proves nothing.
            expect_reason(0 if good else NOT_AUTHORIZED, Client(local(port)), "a", "bob", "secret")


def test_anonymous_by_option():
    for word, good in (("yes", True), ("no", False)):
        port = free_port(address="0.0.0.0")
        with Broker([{"address": f"tcp://0.0.0.0:{port}"}], f"auth.allow_anonymous={word}"):
            expect_reason(0 if good else NOT_AUTHORIZED, Client(local(port)), "a")


# ---------------------------------------------------------------- many at once


def test_many_come_back_at_once():
    """One slow hash a user, not one a connection."""
    port, count = free_port(), 300
    with Users() as users, users.broker(port):
        begin = time.monotonic()
        clients = [Client(local(port)) for _ in range(count)]
        for number, client in enumerate(clients):
            client.send(connect(f"c{number}", "bob", "secret", version=4))
        for client in clients:
            client.expect(net_test.CONNACK)
        print(f"  {count} clients in {time.monotonic() - begin:.2f} s")


def test_others_go_on_while_a_hash_is_computed():
    port = free_port()
    with Users() as users, users.broker(port, "workers=1"):
        quick = expect_reason(0, Client(local(port)), "quick", "bob", "secret")
        waiting = [Client(local(port)) for _ in range(8)]
        for number, client in enumerate(waiting):
            client.send(connect(f"w{number}", "eve", "guess"))
        begin = time.monotonic()
        for _ in range(50):
            quick.ping()
        pings = time.monotonic() - begin
        for client in waiting:
            assert read_packet(client)[1][1] == BAD_PASSWORD
        total = time.monotonic() - begin
        assert pings < total / 2, f"50 pings took {pings:.2f} of {total:.2f} s"


def test_clients_leave_while_their_passwords_are_checked():
    port = free_port()
    with Users() as users, users.broker(port):
        for number in range(8):
            client = Client(local(port))
            client.send(connect(f"c{number}", "bob", "wrong"))
            client.close()
        expect_reason(0, Client(local(port)), "a", "bob", "secret")


# ---------------------------------------------------------------- certificates


def test_certificate_as_user():
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        net_test.make_certificate(folder, "ca")
        net_test.make_certificate(folder, "localhost", issuer="ca")
        net_test.make_certificate(folder, "bob", issuer="ca")
        listener = {
            "address": f"tls://127.0.0.1:{port}", "certificate": f"{folder}/localhost.pem",
            "key": f"{folder}/localhost.key", "ca": f"{folder}/ca.pem",
            "use_certificate_as_user": "true", "allow_anonymous": "false",
        }
        context = ssl.create_default_context(cafile=f"{folder}/ca.pem")
        context.check_hostname = False
        with Broker([listener], more="access:\n  - publish: [\"%u/#\"]\n"):
            without = Client(local(port), wrap=context.wrap_socket)
            expect_reason(NOT_AUTHORIZED, without, "a")
            context.load_cert_chain(f"{folder}/bob.pem", f"{folder}/bob.key")
            client = Client(local(port), wrap=context.wrap_socket)
            expect_reason(0, client, "a", "somebody", "else")
            assert publish(client, "bob/x") != NOT_AUTHORIZED
            assert publish(client, "somebody/x") == NOT_AUTHORIZED


# ---------------------------------------------------------------- the start


def run(*arguments):
    return subprocess.run([BROKER, *arguments], capture_output=True, text=True, check=False)


def test_password_file_that_cannot_be_used():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "passwords")
        wanted = "--set", f"auth.password_file={path}", "--set", f"store.path={folder}/store"
        done = run(*wanted)
        assert done.returncode == 1 and path in done.stderr, done
        with open(path, "w", encoding="utf-8") as out:
            out.write("bob:plain\n")
        done = run(*wanted)
        assert done.returncode == 1 and f"{path}:1: " in done.stderr, done


def test_check_config():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "pubgrid.yaml")
        for content, status, said in (
                ("workers: 2\n", 0, f"{path}: ok\n"),
                ("workers: 2\nmqt:\n  receive_maximum: 1\n", 2, f"{path}:2: "),
                ("mqtt:\n  receive_maximum: 0\n", 2, f"{path}:2: "),
                ("listeners: [\n", 2, f"{path}:2: ")):
            with open(path, "w", encoding="utf-8") as out:
                out.write(content)
            done = run("-c", path, "--check-config")
            assert done.returncode == status, done
            assert (done.stderr if status else done.stdout).startswith(said), done


if __name__ == "__main__":
    sys.exit(run_tests(globals(), sys.argv[1:]))
