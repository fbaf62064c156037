#!/usr/bin/env python3
"""The broker as its peers' network sees it: odd clients, transports, certificates, limits, the end.

Raw sockets and the standard library only, so that every byte and every pause is ours. Each test
starts a broker and has ports of its own; waiting is always for a line of its log or for bytes.

    BIN=build/dev/bin tests/e2e/net_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import os
import resource
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from ports import free_port

BROKER = os.path.join(os.environ.get("BIN", "build/dev/bin"), "pubgrid-broker")
SANITIZED = "asan" in BROKER or "tsan" in BROKER or b"__asan_" in open(BROKER, "rb").read() \
    if os.path.exists(BROKER) else False
PATIENCE = 60  # seconds until a condition that never comes true fails its test
CONNECTIONS = 19000


# ---------------------------------------------------------------- the broker


class Broker:
    """A broker with these listeners (dicts of the configuration's keys), `--set` options, and
    `more` text of its configuration."""

    def __init__(self, listeners, *sets, folder=None, files=None, environment=None, more="",
                 program=(BROKER,)):
        self.folder = folder or tempfile.mkdtemp(prefix="net_test_")
        self.config = os.path.join(self.folder, "pubgrid.yaml")
        with open(self.config, "w") as out:
            out.write("listeners:\n")
            for listener in listeners:
                lines = [f"{key}: {value}" for key, value in listener.items()]
                out.write("  - " + "\n    ".join(lines) + "\n")
            out.write(more)
        command = [*program, "-c", self.config]
        for setting in (f"store.path={self.folder}/store", "mqtt.sys_interval=0s", *sets):
            command += ["--set", setting]

        def limit():
            if files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, preexec_fn=limit,
                                        env={**os.environ, **(environment or {})})
        self.lines, self.changed = [], threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line.decode(errors="replace").rstrip())
                self.changed.notify_all()
        with self.changed:
            self.lines.append(None)
            self.changed.notify_all()

    def wait_for(self, text, count=1):
        """Until the log has `text` in `count` lines; fails if the broker ends before."""
        def seen():
            hits = sum(1 for line in self.lines if line and text in line)
            return hits >= count or None in self.lines
        with self.changed:
            assert self.changed.wait_for(seen, PATIENCE), f"no {text!r} in {self.lines}"
            assert None not in self.lines, f"the broker ended: {self.lines}"
        return self

    def count(self, text):
        with self.changed:
            return sum(1 for line in self.lines if line and text in line)

    def memory(self):
        """Resident bytes."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(l.split()[1]) * 1024 for l in status if l.startswith("VmRSS"))

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        self.signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0, self.lines
        self.reader.join(PATIENCE)

    def __enter__(self):
        return self.wait_for("started")

    def __exit__(self, kind, *_):
        while Client.open:
            Client.open.pop().close()
        if kind is None:
            self.stop()
        else:
            print("\n".join(line or "" for line in self.lines[-30:]))
            self.process.kill()
            self.process.wait()
        subprocess.run(["rm", "-rf", self.folder], check=True)


def tcp(port, address="127.0.0.1", **more):
    return {"address": f"tcp://{address}:{port}", "allow_anonymous": "true", **more}


# ---------------------------------------------------------------- packets


def text(value):
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def packet(first, body):
    length, encoded = len(body), b""
    while True:
        length, byte = length >> 7, length & 127
        encoded += bytes([byte | (128 if length else 0)])
        if not length:
            return bytes([first]) + encoded + body


def connect_packet(name, version=4, keep_alive=0, will=None, login=None):
    flags = 2 | (4 if will else 0) | (0xC0 if login else 0)
    body = text("MQTT") + bytes([version, flags]) + keep_alive.to_bytes(2, "big")
    body += b"\0" if version == 5 else b""
    body += text(name)
    for pair in (will, login):
        body += text(pair[0]) + text(pair[1]) if pair else b""
    return packet(0x10, body)


def publish_packet(topic, payload):
    return packet(0x30, text(topic) + payload)


SUBSCRIBE = packet(0x82, b"\0\1" + text("t") + b"\0")
SUBACK = b"\x90\3\0\1\0"
PINGREQ, PINGRESP = b"\xc0\0", b"\xd0\0"
CONNACK = b"\x20\2\0\0"


class Client:
    """A socket with the bytes of one MQTT 3.1.1 client."""

    open = []  # closed at the end of a test, before the broker stops: it waits for their ends

    def __init__(self, where, family=socket.AF_INET, wrap=None, **how):
        self.socket = socket.socket(family)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(where)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if wrap:
            self.socket = wrap(self.socket)
        self.how = how
        Client.open.append(self)

    def hello(self, name):
        self.send(connect_packet(name, **self.how))
        self.expect(CONNACK)
        return self

    def send(self, data):
        self.socket.sendall(data)

    def read(self, length):
        data = b""
        while len(data) < length:
            part = self.socket.recv(length - len(data))
            if not part:
                break
            data += part
        return data

    def expect(self, data):
        got = self.read(len(data))
        assert got == data, f"{got[:200]!r} ({len(got)} bytes) instead of {data[:200]!r} " \
            f"({len(data)} bytes)"
        return self

    def expect_end(self):
        try:
            assert self.socket.recv(1) == b""
        except ConnectionResetError:
            pass

    def ping(self):
        self.send(PINGREQ)
        return self.expect(PINGRESP)

    def close(self):
        self.socket.close()


def local(port):
    return ("127.0.0.1", port)


# ---------------------------------------------------------------- odd clients


def test_one_byte_at_a_time():
    port = free_port()
    with Broker([tcp(port)]):
        other = Client(local(port)).hello("other")
        slow = Client(local(port))
        for byte in connect_packet("slow") + SUBSCRIBE + publish_packet("t", b"x" * 300):
            slow.send(bytes([byte]))
            other.ping()
        slow.expect(CONNACK + SUBACK + publish_packet("t", b"x" * 300))


def test_garbage_is_closed_and_logged_once_a_second():
    port = free_port()
    with Broker([tcp(port)]) as broker:
        begin = time.monotonic()
        for number in range(300):
            client = Client(local(port))
            client.send(bytes([0x10, 0xff, 0xff, 0xff, 0xff]) if number % 2 else os.urandom(64))
            client.socket.shutdown(socket.SHUT_WR)
            client.expect_end()
            client.close()
        Client(local(port)).hello("after").ping()
        allowed = 2 * (time.monotonic() - begin + 2)
        assert broker.count("protocol error") <= allowed, broker.lines


def test_a_client_that_never_reads_under_a_flood():
    port = free_port()
    with Broker([tcp(port)], "session.queue_bytes_maximum=4MiB") as broker:
        deaf = Client(local(port)).hello("deaf")
        deaf.send(SUBSCRIBE)
        deaf.expect(SUBACK)
        flood = Client(local(port)).hello("flood")
        other = Client(local(port)).hello("other")
        before = broker.memory()
        message = publish_packet("t", b"x" * 10000)
        for _ in range(10000):  # 100 MB
            flood.send(message)
        flood.ping()
        other.ping()
        broker.wait_for("queue full")
        grown = broker.memory() - before
        print(f"  a flood of 100 MB took {grown / 1e6:.1f} MB")
        assert SANITIZED or grown < 20e6


def test_a_client_that_asks_and_never_reads_is_not_read_from():
    port = free_port()
    with Broker([tcp(port)]) as broker:
        asker = Client(local(port)).hello("asker")
        other = Client(local(port)).hello("other")
        before = broker.memory()
        asker.socket.settimeout(0)
        sent = 0
        asking = SUBSCRIBE * 4000
        deadline = time.monotonic() + PATIENCE
        while not broker.count("client does not read"):
            assert time.monotonic() < deadline
            try:
                sent += asker.socket.send(asking[sent % len(SUBSCRIBE):])
            except BlockingIOError:
                other.ping()
        other.ping()
        grown = broker.memory() - before
        print(f"  {sent / 1e6:.1f} MB of SUBSCRIBEs took {grown / 1e6:.1f} MB")
        assert SANITIZED or grown < 30e6
        # And when it reads again, every one gets its answer.
        asker.socket.settimeout(PATIENCE)
        rest = SUBSCRIBE[sent % len(SUBSCRIBE):] + PINGREQ
        sender = threading.Thread(target=asker.send, args=(rest,))
        sender.start()
        for _ in range(sent // len(SUBSCRIBE) // 1000):
            asker.expect(SUBACK * 1000)
        asker.expect(SUBACK * (sent // len(SUBSCRIBE) % 1000 + 1) + PINGRESP)
        sender.join()


def test_silence_ends_by_time_outs():
    port = free_port()
    with Broker([tcp(port)], "limits.connect_timeout=200ms") as broker:
        watcher = Client(local(port)).hello("watcher")
        watcher.send(SUBSCRIBE)
        watcher.expect(SUBACK)
        mute = Client(local(port))  # never sends a CONNECT
        gone = Client(local(port), keep_alive=1, will=("t", "gone")).hello("gone")
        mute.expect_end()
        watcher.expect(publish_packet("t", b"gone"))
        gone.expect_end()
        broker.wait_for("not connected in time").wait_for("keep alive time-out")


def test_a_reset_is_a_lost_connection():
    port = free_port()
    with Broker([tcp(port)]):
        watcher = Client(local(port)).hello("watcher")
        watcher.send(SUBSCRIBE)
        watcher.expect(SUBACK)
        lost = Client(local(port), will=("t", "reset")).hello("lost")
        lost.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        lost.close()
        watcher.expect(publish_packet("t", b"reset"))


# ---------------------------------------------------------------- while a password is checked


def with_passwords(port, count):
    """A broker with the users user-0, user-1, ..., whose passwords are their names."""
    folder = tempfile.mkdtemp(prefix="net_test_")
    tool = os.path.join(os.path.dirname(BROKER), "pubgrid")
    for number in range(count):
        name = f"user-{number}"
        subprocess.run([tool, "passwd", "-b", *(["-c"] if number == 0 else []),
                        f"{folder}/passwords", name, name], check=True, capture_output=True)
    return Broker([tcp(port)], f"auth.password_file={folder}/passwords", folder=folder)


def test_what_was_sent_before_a_hang_up_counts():
    port = free_port()
    with with_passwords(port, 3):
        watcher = Client(local(port), login=("user-0", "user-0")).hello("watcher")
        watcher.send(SUBSCRIBE)
        watcher.expect(SUBACK)
        for number in (1, 2):
            brief = Client(local(port))
            brief.send(connect_packet("brief", login=(f"user-{number}", f"user-{number}"))
                       + publish_packet("t", b"brief") + (b"\xe0\0" if number == 1 else b""))
            brief.close()
            watcher.expect(publish_packet("t", b"brief"))


def test_a_stop_does_not_wait_for_passwords():
    port = free_port()
    with with_passwords(port, 1) as broker:
        waiting = []
        for number in range(200):
            client = Client(local(port))
            client.send(connect_packet(f"wrong-{number}", login=("user-0", "wrong")) + PINGREQ * 99)
            if number % 3 == 0:
                client.close()
            else:
                waiting.append(client)
        begin = time.monotonic()
        broker.signal(signal.SIGHUP)
        broker.wait_for("reloaded")
        broker.signal(signal.SIGTERM)
        for client in waiting:
            client.expect_end()
            client.close()
        assert broker.process.wait(PATIENCE) == 0
        print(f"  stopped after {time.monotonic() - begin:.1f} s")
        broker.stop = lambda: None


# ---------------------------------------------------------------- transports


def make_certificate(folder, name, issuer=None):
    """folder/name.pem and .key, signed by folder/issuer.pem or by itself."""
    path = os.path.join(folder, name)
    subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", f"{path}.key", "-out", f"{path}.csr", "-subj",
                    f"/CN={name}"], check=True, capture_output=True)
    command = ["openssl", "x509", "-req", "-in", f"{path}.csr", "-out", f"{path}.pem", "-days", "2"]
    if issuer:
        command += ["-CA", f"{folder}/{issuer}.pem", "-CAkey", f"{folder}/{issuer}.key",
                    "-CAcreateserial"]
    else:
        command += ["-signkey", f"{path}.key"]
        with open(f"{path}.ext", "w") as extensions:
            extensions.write("basicConstraints=critical,CA:TRUE\n")
        command += ["-extfile", f"{path}.ext"]
    subprocess.run(command, check=True, capture_output=True)


def tls_wrap(folder, own=None, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(f"{folder}/authority.pem")
    if version:
        context.maximum_version = version
    if own:
        context.load_cert_chain(f"{folder}/{own}.pem", f"{folder}/{own}.key")
    return context.wrap_socket


def certificate_name(client):
    """The Common Name that the broker shows."""
    return dict(field[0] for field in client.socket.getpeercert()["subject"])["commonName"]


def copy(folder, source, target):
    for end in ("pem", "key"):
        subprocess.run(["cp", f"{folder}/{source}.{end}", f"{folder}/{target}.{end}"], check=True)


def test_tls_client_certificates_and_reload():
    folder = tempfile.mkdtemp(prefix="net_test_")
    for name, issuer in (("authority", None), ("one", "authority"), ("two", "authority"),
                         ("device", "authority"), ("stranger", None)):
        make_certificate(folder, name, issuer)
    copy(folder, "one", "server")
    port = free_port()
    listener = {"address": f"tls://127.0.0.1:{port}", "allow_anonymous": "true",
                "certificate": f"{folder}/server.pem", "key": f"{folder}/server.key",
                "ca": f"{folder}/authority.pem", "require_client_certificate": "true"}
    with Broker([listener], folder=folder) as broker:
        device = Client(local(port), wrap=tls_wrap(folder, "device")).hello("device")
        assert certificate_name(device) == "one"
        older = Client(local(port), wrap=tls_wrap(folder, "device", ssl.TLSVersion.TLSv1_2))
        older.hello("older").ping()

        for own in (None, "stranger"):
            try:
                refused = Client(local(port), wrap=tls_wrap(folder, own))
                refused.hello("refused")
                raise AssertionError("let in without a good certificate")
            except (ssl.SSLError, OSError, AssertionError) as error:
                assert "let in" not in str(error), error
        broker.wait_for("TLS handshake failed")

        # A message of many records, both ways; one after the other, since Python's TLS sockets are
        # not for two threads at once.
        device.send(SUBSCRIBE)
        device.expect(SUBACK)
        large = publish_packet("t", os.urandom(700000))
        device.send(large)
        device.expect(large)

        copy(folder, "two", "server")
        broker.signal(signal.SIGHUP)
        broker.wait_for("reloaded")
        device.ping()  # what is connected stays
        after = Client(local(port), wrap=tls_wrap(folder, "device")).hello("after")
        assert certificate_name(after) == "two"

        with open(f"{folder}/server.pem", "w") as broken:
            broken.write("not a certificate\n")
        broker.signal(signal.SIGHUP)
        broker.wait_for("certificates kept").wait_for("reloaded", 2)
        still = Client(local(port), wrap=tls_wrap(folder, "device")).hello("still")
        assert certificate_name(still) == "two"


def test_unix_socket():
    folder = tempfile.mkdtemp(prefix="net_test_")
    path = f"{folder}/broker.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(path)
    stale.close()  # the file stays, as after a crash
    with Broker([{"address": f"unix://{path}", "mode": '"0600"'}], folder=folder):
        assert os.stat(path).st_mode & 0o777 == 0o600
        Client(path, socket.AF_UNIX).hello("unix").ping()
    assert not os.path.exists(path)


def test_ipv6_beside_ipv4():
    if not os.path.exists("/proc/net/if_inet6"):
        print("  left out: no IPv6 here")
        return
    port = free_port(socket.AF_INET6, "::1")
    with Broker([tcp(port, "[::1]"), tcp(port)]):
        Client(("::1", port), socket.AF_INET6).hello("six").ping()
        Client(local(port)).hello("four").ping()


# ---------------------------------------------------------------- start and end


def test_address_in_use():
    port = free_port()
    with Broker([tcp(port)]) as first:
        second = Broker([tcp(port)])
        assert second.process.wait(PATIENCE) == 1
        second.reader.join(PATIENCE)
        said = [line for line in second.lines if line and "cannot listen" in line]
        assert len(said) == 1 and f"127.0.0.1:{port}" in said[0] and "in use" in said[0], said
        Client(local(port)).hello("still").ping()
        assert first.process.poll() is None


def test_graceful_stop():
    port = free_port()
    with Broker([tcp(port)]) as broker:
        five = Client(local(port))
        five.send(connect_packet("five", version=5))
        assert five.read(2)[0] == 0x20
        four = Client(local(port), will=("t", "w")).hello("four")
        silent = Client(local(port))
        broker.signal(signal.SIGTERM)
        rest = five.read(1000)
        assert b"\xe0" in rest and rest[rest.index(b"\xe0") + 2] == 0x8B, rest
        four.expect_end()
        silent.expect_end()
        for client in (five, four, silent):
            client.close()
        assert broker.process.wait(PATIENCE) == 0
        broker.stop = lambda: None


def test_service_manager():
    port = free_port()
    folder = tempfile.mkdtemp(prefix="net_test_")
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.settimeout(PATIENCE)
    manager.bind(f"{folder}/notify")

    def wait_for(state):
        while manager.recv(4096).split(b"\n")[0] != state:
            pass

    environment = {"NOTIFY_SOCKET": f"{folder}/notify", "WATCHDOG_USEC": "100000"}
    with Broker([tcp(port)], folder=folder, environment=environment) as broker:
        wait_for(b"READY=1")
        wait_for(b"WATCHDOG=1")
        wait_for(b"WATCHDOG=1")
        broker.signal(signal.SIGHUP)
        wait_for(b"RELOADING=1")
        wait_for(b"READY=1")
        with open(broker.config, "a") as config:
            config.write("nonsense: 1\n")
        broker.signal(signal.SIGHUP)
        broker.wait_for("configuration kept")
        wait_for(b"READY=1")
        Client(local(port)).hello("still").ping().close()
        broker.stop()
        wait_for(b"STOPPING=1")
        broker.stop = lambda: None


def test_wrong_usage():
    for arguments in (["--nonsense"], ["more"], ["--set", "nonsense=1"], ["-c", "/nowhere.yaml"]):
        ended = subprocess.run([BROKER, *arguments], capture_output=True, timeout=PATIENCE,
                               check=False)
        assert ended.returncode == 2 and ended.stderr, (arguments, ended)
    for arguments in (["--help"], ["--version"], ["--check-config"], ["--print-config"]):
        ended = subprocess.run([BROKER, *arguments], capture_output=True, timeout=PATIENCE,
                               check=False)
        assert ended.returncode == 0 and ended.stdout, (arguments, ended)


def test_descriptors_run_out():
    port = free_port()
    with Broker([tcp(port)], "workers=1", files=60) as broker:
        clients = []
        for number in range(100):
            client = Client(local(port))
            try:
                client.hello(f"many-{number}")
            except (AssertionError, OSError):
                break
            clients.append(client)
        assert 30 < len(clients) < 60, len(clients)
        broker.wait_for("no file descriptor is left")
        clients[0].ping()
        clients.pop().close()
        for _ in range(1000):  # until the broker has seen the close, and its pause is over
            client = Client(local(port))
            client.send(connect_packet("late"))
            try:
                if client.read(4) == CONNACK:
                    return
            except OSError:
                pass
            client.close()
        raise AssertionError("no connection is accepted any more")


def test_many_connections():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    count = min(CONNECTIONS, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    port = free_port()
    with Broker([tcp(port)]) as broker:
        broker.wait_for("open files")
        before = broker.memory()
        begin = time.monotonic()
        clients = []
        for number in range(count):
            client = socket.socket()
            client.settimeout(PATIENCE)
            client.bind((f"127.0.0.{2 + number % 100}", 0))
            client.connect(("127.0.0.1", port))
            client.sendall(connect_packet(f"hold-{number}"))
            clients.append(client)
        for client in clients:
            assert client.recv(4) == CONNACK
        took = time.monotonic() - begin
        each = (broker.memory() - before) / count
        print(f"  {count} connections in {took:.1f} s, {each:.0f} bytes each")
        for client in clients:
            client.sendall(PINGREQ)
        for client in clients:
            assert client.recv(2) == PINGRESP
        assert SANITIZED or each < 2048
        for client in clients:
            client.close()


def run_tests(functions, names):
    """Runs the `test_` functions of a script's globals(), or those that are named, one after the
    other; the first that fails ends it. The exit status. The other scripts call it too."""
    tests = {name: run for name, run in functions.items() if name.startswith("test_")}
    if not os.path.exists(BROKER):
        print(f"there is no {BROKER}; build it, or set BIN to its folder")
        return 1
    for name in names or tests:
        begin = time.monotonic()
        tests[name]()
        print(f"ok {name} ({time.monotonic() - begin:.1f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(run_tests(globals(), sys.argv[1:]))
