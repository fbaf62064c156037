#!/usr/bin/env python3
"""The bridge's front door with several processes, TLS and many browsers, on the echo bridge (tests/echo).

Raw sockets and the standard library only. With CONNECTIONS=10000 in the environment it also says what an idle
browser costs.

    BIN=build/dev/bin tests/e2e/front_door_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import os
import resource
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import warnings

ECHO = os.path.join(os.environ.get("BIN", "build/dev/bin"), "echo-bridge")
PATIENCE = 60  # seconds until what never comes fails its test
REQUEST = ("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
TEXT, BINARY, CLOSE = 1, 2, 8


class Bridge:
    """A running echo bridge."""

    def __init__(self, *options, port=0):
        self.process = subprocess.Popen([ECHO, *options, str(port)], stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

    def stop(self):
        """Ends it; returns how many browsers it has had."""
        self.process.send_signal(signal.SIGTERM)
        count = int(self.process.stdout.readline())
        assert self.process.wait(PATIENCE) == 0
        return count

    def private_bytes(self):
        with open(f"/proc/{self.process.pid}/smaps_rollup") as rows:
            return sum(int(row.split()[1]) * 1024 for row in rows if row.startswith("Private_Dirty"))


class Browser:
    def __init__(self, port, tls=None, path="/client/hubs/h", source="127.0.0.1"):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0))
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.bytes = b""
        self.socket.sendall(REQUEST.format(path=path).encode())
        head = self.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head

    def more(self):
        data = self.socket.recv(1 << 18)
        assert data, "the connection ended"
        self.bytes += data

    def until(self, end):
        while end not in self.bytes:
            self.more()
        found, _, self.bytes = self.bytes.partition(end)
        return found + end

    def take(self, count):
        while len(self.bytes) < count:
            self.more()
        taken, self.bytes = self.bytes[:count], self.bytes[count:]
        return taken

    def frame(self):
        """The next one: opcode and payload."""
        first, length = self.take(2)
        if length == 126:
            length, = struct.unpack(">H", self.take(2))
        elif length == 127:
            length, = struct.unpack(">Q", self.take(8))
        return first & 15, self.take(length)

    def say(self, opcode, payload):
        length = len(payload)
        head = bytes([0x80 | opcode])
        if length < 126:
            head += bytes([0x80 | length])
        elif length < 65536:
            head += bytes([0x80 | 126]) + struct.pack(">H", length)
        else:
            head += bytes([0x80 | 127]) + struct.pack(">Q", length)
        mask = b"mask"
        covered = int.from_bytes(payload, "big") ^ int.from_bytes((mask * (length // 4 + 1))[:length], "big")
        self.socket.sendall(head + mask + covered.to_bytes(length, "big"))

    def echo(self, opcode, payload):
        self.say(opcode, payload)
        assert self.frame() == (opcode, payload)

    def end(self):
        self.say(CLOSE, struct.pack(">H", 1000))
        assert self.frame() == (CLOSE, struct.pack(">H", 1000))
        self.socket.close()


# ---------------------------------------------------------------- TLS


def certificate(folder):
    """A key and a certificate for localhost; their files."""
    names = [os.path.join(folder, name) for name in ("certificate.pem", "key.pem")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-out", names[0], "-keyout", names[1]], check=True, stderr=subprocess.DEVNULL)
    return names


def test_tls():
    with tempfile.TemporaryDirectory() as folder:
        certificate_file, key_file = certificate(folder)
        bridge = Bridge("--tls", certificate_file, key_file)
        trust = ssl.create_default_context(cafile=certificate_file)
        browser = Browser(bridge.port, trust)
        browser.echo(TEXT, b"over TLS")
        for size in (0, 125, 126, 5000, 65536, 1 << 20):
            browser.echo(BINARY, os.urandom(size))
        browser.say(TEXT, b"flood 500 20000")  # more than the socket takes at once
        for number in range(500):
            opcode, payload = browser.frame()
            assert (opcode, len(payload), payload[:4]) == (BINARY, 20000, struct.pack(">I", number))
        browser.end()
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.load_verify_locations(certificate_file)
        old.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        try:
            Browser(bridge.port, old)
            raise AssertionError("TLS 1.1 was accepted")
        except (ssl.SSLError, ConnectionError):
            pass
        with socket.create_connection(("127.0.0.1", bridge.port), PATIENCE) as plain:
            plain.sendall(REQUEST.format(path="/").encode())  # not TLS at all: dropped
            try:
                while plain.recv(1000):
                    pass
            except ConnectionResetError:
                pass
        assert bridge.stop() == 1


def test_a_certificate_that_is_not_there():
    process = subprocess.run([ECHO, "--tls", "/nowhere/certificate.pem", "/nowhere/key.pem", "0"], timeout=PATIENCE,
                             capture_output=True, check=False)
    assert process.returncode == 1
    assert b"cannot use the certificate" in process.stderr, process.stderr


# ---------------------------------------------------------------- several processes


def test_a_port_is_shared_by_two_processes():
    first = Bridge("--share")
    second = Bridge("--share", port=first.port)
    browsers = [Browser(first.port) for _ in range(64)]
    for number, browser in enumerate(browsers):
        browser.echo(TEXT, b"browser %d" % number)
    for browser in browsers:
        browser.end()
    counts = first.stop(), second.stop()
    assert sum(counts) == 64 and min(counts) > 0, counts


def test_a_port_is_not_shared_unasked():
    first = Bridge()
    process = subprocess.run([ECHO, str(first.port)], timeout=PATIENCE, capture_output=True, check=False)
    assert process.returncode == 1
    assert b"cannot listen" in process.stderr, process.stderr
    assert first.stop() == 0


# ---------------------------------------------------------------- many browsers


def test_many_browsers():
    count = int(os.environ.get("CONNECTIONS", "300"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    bridge = Bridge()
    browsers = [Browser(bridge.port, source=f"127.0.0.{2 + number % 16}") for number in range(100)]
    before = bridge.private_bytes()
    browsers += [Browser(bridge.port, source=f"127.0.0.{2 + number % 16}") for number in range(count)]
    print(f"{(bridge.private_bytes() - before) / count:.0f} bytes of memory an idle browser, {count} of them")
    for browser in browsers[::97]:
        browser.echo(TEXT, b"still there")
    for browser in browsers:
        browser.socket.close()
    assert bridge.stop() == count + 100


def main():
    tests = {name: test for name, test in globals().items() if name.startswith("test_")}
    for name in sys.argv[1:] or tests:
        tests[name]()
        print(f"ok {name}")
    print(f"{len(sys.argv[1:] or tests)} passed, 0 failed")


if __name__ == "__main__":
    sys.exit(main())
