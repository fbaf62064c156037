#!/usr/bin/env python3
"""The bridge reads the certificates of its https listeners again on SIGHUP.

Raw sockets and the standard library only; no broker is needed for a handshake.

    BIN=build/dev/bin tests/e2e/certificate_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

from net_test import PATIENCE, free_port

BRIDGE = os.path.join(os.environ.get("BIN", "build/dev/bin"), "pubgrid-bridge")
CONFIG = """\
bridge:
  keys: {folder}/keys
  trunk: {folder}/trunk
  listeners:
    - address: https://127.0.0.1:{port}
      certificate: {folder}/{name}.pem
      key: {folder}/{name}.key
"""
EC = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
RSA = ("rsa:2048",)


def make_certificate(folder, name, kind=EC):
    subprocess.run(["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-days", "2", "-subj", f"/CN={name}",
                    "-out", f"{folder}/{name}.pem", "-keyout", f"{folder}/{name}.key"],
                   check=True, stderr=subprocess.DEVNULL)


class Bridge:
    """A running bridge with one https listener and a folder of its own."""

    def __init__(self, folder, name):
        self.folder, self.port, self.lines = folder, free_port(), []
        with open(f"{folder}/keys", "w") as keys:
            keys.write("primary: 0123456789abcdef0123456789abcdef\nsecondary: fedcba9876543210fedcba9876543210\n")
        os.chmod(f"{folder}/keys", 0o600)
        self.configure(name)
        self.process = subprocess.Popen([BRIDGE, "-c", f"{folder}/pubgrid.yaml"], stderr=subprocess.PIPE, text=True)
        self.changed = threading.Condition()
        threading.Thread(target=self.read_log, daemon=True).start()
        self.wait_for_port()

    def configure(self, name):
        with open(f"{self.folder}/pubgrid.yaml", "w") as out:
            out.write(CONFIG.format(folder=self.folder, port=self.port, name=name))

    def read_log(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line)
                self.changed.notify()

    def wait_for_port(self):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.connect().close()  # that it answers says that its loop runs
                return
            except ConnectionRefusedError:
                assert self.process.poll() is None and time.monotonic() < deadline, self.lines

    def reload(self, *awaited):
        """SIGHUP; returns when all the awaited expressions have come in the log."""
        with self.changed:
            self.lines.clear()
            self.process.send_signal(signal.SIGHUP)
            done = self.changed.wait_for(lambda: all(re.search(wanted, "".join(self.lines)) for wanted in awaited),
                                         PATIENCE)
            assert done, (awaited, self.lines)

    def connect(self):
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trust.check_hostname = False
        trust.verify_mode = ssl.CERT_NONE
        return trust.wrap_socket(socket.create_connection(("127.0.0.1", self.port), PATIENCE))

    def shows(self, name):
        with self.connect() as tls, open(f"{self.folder}/{name}.pem") as file:
            return tls.getpeercert(True) == ssl.PEM_cert_to_DER_cert(file.read())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0


def get_page(tls):
    tls.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += tls.recv(65536) or sys.exit("the connection ended")
    return answer.split(b" ")[1]


def test_a_new_certificate_is_shown_after_a_reload():
    with tempfile.TemporaryDirectory() as folder:
        for name, kind in (("first", RSA), ("second", EC), ("third", RSA)):
            make_certificate(folder, name, kind)
        bridge = Bridge(folder, "first")
        assert bridge.shows("first")
        with bridge.connect() as old:
            for name in ("second", "third"):  # of another kind of key each time: none may stay beside it
                for end in ("pem", "key"):
                    os.replace(f"{folder}/{name}.{end}", f"{folder}/first.{end}")
                bridge.reload(" reloaded ")
                assert bridge.shows("first"), name
            assert get_page(old)  # who is there stays
        bridge.stop()


def test_another_file_is_read_after_a_reload():
    with tempfile.TemporaryDirectory() as folder:
        make_certificate(folder, "first")
        make_certificate(folder, "second")
        bridge = Bridge(folder, "first")
        bridge.configure("second")
        bridge.reload(" reloaded ")
        assert bridge.shows("second")
        bridge.stop()


def test_a_bad_certificate_is_not_taken():
    with tempfile.TemporaryDirectory() as folder:
        make_certificate(folder, "first")
        make_certificate(folder, "other")
        bridge = Bridge(folder, "first")
        with open(f"{folder}/first.pem") as file:
            good = file.read()
        with open(f"{folder}/other.pem") as file:
            without_its_key = file.read()
        for bad in ("no certificate\n", good[:200], without_its_key, None):
            if bad is None:
                os.remove(f"{folder}/first.pem")
            else:
                with open(f"{folder}/first.pem", "w") as file:
                    file.write(bad)
            bridge.reload(f'certificate kept file={folder}/first.pem .*reason="[^"]+"', " reloaded ")
            with open(f"{folder}/good.pem", "w") as file:
                file.write(good)
            assert bridge.shows("good"), bad
        bridge.stop()


def main():
    tests = {name: test for name, test in globals().items() if name.startswith("test_")}
    for name in sys.argv[1:] or tests:
        tests[name]()
        print(f"ok {name}")
    print(f"{len(sys.argv[1:] or tests)} passed, 0 failed")


if __name__ == "__main__":
    sys.exit(main())
