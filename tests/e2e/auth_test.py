#!/usr/bin/env python3
"""Who may come in and what they may do, through the whole programs: `pubgrid passwd`, the password
file, SCRAM-SHA-256 over MQTT 5, access rules, and their reload.

Raw sockets and the standard library only. Each test starts a broker of its own; waiting is always
for a packet or a line of its log.

    BIN=build/dev/bin tests/e2e/auth_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import base64
import hashlib
import hmac
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import traceback

from net_test import PATIENCE, free_port

BIN = os.environ.get("BIN", "build/dev/bin")
CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP, DISCONNECT, AUTH = 2, 3, 4, 9, 13, 14, 15
METHOD = "SCRAM-SHA-256"


# ---------------------------------------------------------------- programs


def passwd(*arguments, typed=None):
    return subprocess.run([f"{BIN}/pubgrid", "passwd", *arguments], input=typed, text=True,
                          capture_output=True)


class Broker:
    """A broker with the users bob and amy (passwords bob-pw and amy-pw) and a configuration."""

    def __init__(self, text="", users=True):
        self.folder = tempfile.mkdtemp(prefix="auth_test_")
        self.passwords, self.config = f"{self.folder}/passwords", f"{self.folder}/pubgrid.yaml"
        self.port = free_port()
        self.users = users
        if users:
            assert passwd("-b", "-c", self.passwords, "bob", "bob-pw").returncode == 0
            assert passwd("-b", self.passwords, "amy", "amy-pw").returncode == 0
        self.lines, self.changed = [], threading.Condition()
        self.start(text)

    def start(self, text):
        """Until it says that it has started, or ends."""
        self.configure(text)
        command = [f"{BIN}/pubgrid-broker", "-c", self.config, "--set", "workers=2",
                   "--set", f"store.path={self.folder}/store", "--set", "mqtt.sys_interval=0s",
                   "--set", "limits.connect_timeout=120s"]  # many passwords take their time on a slow machine
        self.ended = False
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        with self.changed:
            assert self.changed.wait_for(lambda: self.ended or self.count(" started "), PATIENCE)

    def configure(self, text):
        with open(self.config, "w") as out:
            out.write(f"listeners:\n  - address: tcp://127.0.0.1:{self.port}\n")
            out.write("auth:\n  allow_anonymous: \"no\"\n" if "auth:" not in text else "")
            if self.users:
                out.write(f"  password_file: {self.passwords}\n")
            out.write(text)

    def _read(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line.rstrip())
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def count(self, text):
        return sum(1 for line in self.lines if text in line)

    def wait_for(self, text, count=1):
        with self.changed:
            self.changed.wait_for(lambda: self.ended or self.count(text) >= count, PATIENCE)
            assert self.count(text) >= count, self.lines
        return self

    def reload(self, text=None):
        if text is not None:
            self.configure(text)
        before = self.count(" reloaded ")
        self.process.send_signal(signal.SIGHUP)
        self.wait_for(" reloaded ", before + 1)

    def client(self, name="c", **how):
        return Client(self.port, name, **how)

    def __enter__(self):
        return self.wait_for(" started ")

    def __exit__(self, kind, *_):
        for client in Client.open:
            client.socket.close()
        Client.open.clear()
        self.process.terminate()
        status = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        shutil.rmtree(self.folder)
        if kind or status != 0:
            print("\n".join(self.lines[-30:]))
        assert kind or status == 0, f"the broker's exit status is {status}"


# ---------------------------------------------------------------- packets


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return len(data).to_bytes(2, "big") + data


def variable(number):
    out = b""
    while True:
        number, byte = number >> 7, number & 127
        out += bytes([byte | (128 if number else 0)])
        if not number:
            return out


def read_variable(data):
    value = 0
    for i, byte in enumerate(data):
        value |= (byte & 127) << 7 * i
        if byte < 128:
            return value, data[i + 1:]
    raise AssertionError("a length without an end")


def authentication(data, method=METHOD):
    return b"\x15" + text(method) + (b"\x16" + text(data) if data is not None else b"")


def authentication_data(properties):
    """The Authentication Data of CONNACK's or AUTH's properties; only lengths of the others."""
    sizes = {0x11: 4, 0x13: 2, 0x21: 2, 0x22: 2, 0x24: 1, 0x25: 1, 0x27: 4, 0x28: 1, 0x29: 1, 0x2A: 1}
    length, rest = read_variable(properties)
    rest, data = rest[:length], b""
    while rest:
        size = sizes.get(rest[0]) or 2 + int.from_bytes(rest[1:3], "big")
        if rest[0] == 0x16:
            data = rest[3:1 + size]
        rest = rest[1 + size:]
    return data.decode()


class Client:
    open = []

    def __init__(self, port, name, version=5, user=None, password=None, properties=b"", will=None,
                 wrap=None, clean=2):
        self.version = version
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        if wrap:
            self.socket = wrap(self.socket)
        Client.open.append(self)
        flags = clean | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
        body = text("MQTT") + bytes([version, flags | (4 if will else 0)]) + b"\0\0"
        body += variable(len(properties)) + properties if version == 5 else b""
        body += text(name)
        body += (b"\0" if version == 5 else b"") + text(will) + text("gone") if will else b""
        body += text(user) if user is not None else b""
        body += text(password) if password is not None else b""
        self.send(0x10, body)

    def send(self, first, body):
        self.socket.sendall(bytes([first]) + variable(len(body)) + body)

    def _read(self, length):
        data = b""
        while len(data) < length:
            part = self.socket.recv(length - len(data))
            if not part:
                raise EOFError("the broker closed the connection")
            data += part
        return data

    def receive_any(self):
        """The type and the body of the next packet."""
        first, length, shift = self._read(1)[0], 0, 0
        while True:
            byte = self._read(1)[0]
            length, shift = length | (byte & 127) << shift, shift + 7
            if byte < 128:
                break
        return first >> 4, self._read(length)

    def receive(self, kind):
        """The body of the next packet, which must be of this kind."""
        got, body = self.receive_any()
        assert got == kind, f"packet type {got} instead of {kind}: {body!r}"
        return body

    def reason(self):
        """The reason or return code of CONNACK."""
        return self.receive(CONNACK)[1]

    def hello(self):
        assert self.reason() == 0
        return self

    def has_more(self):
        return bool(select.select([self.socket], [], [], 0)[0])

    def expect_end(self):
        try:
            assert self.socket.recv(1) == b""
        except ConnectionResetError:
            pass

    def subscribe(self, topic, qos=0):
        self.send(0x82, b"\0\1" + (b"\0" if self.version == 5 else b"") + text(topic) + bytes([qos]))
        return self.receive(SUBACK)[-1]

    def publish(self, topic, payload="x", qos=1):
        """The reason code of PUBACK."""
        body = text(topic) + (b"\0\7" if qos else b"") + (b"\0" if self.version == 5 else b"")
        self.send(0x30 | qos << 1, body + payload.encode())
        return (self.receive(PUBACK)[2:] or b"\0")[0] if qos else None

    def next_message(self):
        body = self.receive(PUBLISH)
        length = int.from_bytes(body[:2], "big")
        return body[2:2 + length].decode()

    def sync(self):
        """Twice, so that mail that came before the first one has been read before the second."""
        for _ in range(2):
            self.send(0xC0, b"")
            self.receive(PINGRESP)
        return self

    def auth(self, reason, data, method=METHOD):
        properties = authentication(data, method)
        self.send(0xF0, bytes([reason]) + variable(len(properties)) + properties)


class Scram:
    """The client's side of SCRAM-SHA-256."""

    def __init__(self, user, password):
        self.password = password.encode()
        self.nonce = base64.b64encode(os.urandom(15)).decode()
        self.bare = f"n={user},r={self.nonce}"
        self.first = "n,," + self.bare

    def final(self, challenge):
        fields = dict(part.split("=", 1) for part in challenge.split(","))
        assert fields["r"].startswith(self.nonce) and len(fields["r"]) > len(self.nonce) + 16
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(fields["s"]),
                                     int(fields["i"]))
        message = f"c=biws,r={fields['r']}"
        signed = f"{self.bare},{challenge},{message}".encode()
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        server = base64.b64encode(hmac.digest(server_key, signed, "sha256")).decode()
        self.verifier = f"v={server}"
        return f"{message},p={base64.b64encode(proof).decode()}"


def scram_connect(broker, user, password, name="s"):
    """The client and its exchange, after client-final was sent."""
    scram = Scram(user, password)
    client = broker.client(name, properties=authentication(scram.first))
    answer = client.receive(AUTH)
    assert answer[0] == 0x18
    client.auth(0x18, scram.final(authentication_data(answer[1:])))
    return client, scram


# ---------------------------------------------------------------- tests


def test_anonymous():
    with Broker() as broker:
        assert broker.client().reason() == 0x87
        assert broker.client(version=4).reason() == 5
    with Broker("auth: {allow_anonymous: \"yes\"}\n", users=False) as broker:
        broker.client().hello()
        broker.client("d", user="anybody", password="no matter").hello()
        broker.client("e", user="anybody", version=4).hello()
    with Broker(users=False) as broker:
        assert broker.client("d", user="anybody", password="no matter").reason() == 0x87


def test_passwords():
    with Broker() as broker:
        for version, refused in (5, (0x86,)), (4, (4, 5)):
            broker.client(version=version, user="bob", password="bob-pw").hello()
            for user, password in (("bob", "wrong"), ("bob", ""), ("bob", None), ("eve", "bob-pw"),
                                   ("", "bob-pw"), ("bob", "amy-pw"), ("BOB", "bob-pw")):
                client = broker.client(version=version, user=user, password=password)
                assert client.reason() in refused, (user, password)
                client.expect_end()
        assert not any("bob-pw" in line for line in broker.lines)


def test_many_logins_at_once():
    with Broker() as broker:
        clients = [broker.client(f"c{i}", user="bob", password="bob-pw" if i % 2 else "wrong")
                   for i in range(20)]
        assert [c.reason() for c in clients] == [0 if i % 2 else 0x86 for i in range(20)]
        # Proven once, a password costs no hash any more: it overtakes those that are being checked.
        waiting = [broker.client(f"w{i}", user="amy", password="wrong") for i in range(10)]
        broker.client("fast", user="bob", password="bob-pw").hello()
        assert not select.select([waiting[-1].socket], [], [], 0)[0]


def test_passwd_command():
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/passwords"
        assert passwd(path, "bob", typed="a\na\n").returncode == 1  # there is no file yet
        assert passwd("-c", path, "bob", typed="a\nb\n").returncode == 1  # they differ
        assert not os.path.exists(path)
        assert passwd("-c", path, "bob", typed="secret\nsecret\n").returncode == 0
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        with open(path) as file:
            first = file.read()
        assert first.startswith("bob:$scrypt$ln=15,r=8,p=1$") and ":$scram-sha-256$i=" in first
        assert "secret" not in first
        with open(path, "a") as file:
            file.write("# a comment\n")
        os.chmod(path, 0o646)
        assert passwd("-b", path, "amy", "x").returncode == 0
        assert passwd("-b", path, "bob", "other").returncode == 0
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o640
        with open(path) as file:
            lines = file.read().splitlines()
        assert sorted(line.split(":")[0] for line in lines) == ["# a comment", "amy", "bob"]
        assert first.strip() not in lines
        assert passwd("-D", path, "bob").returncode == 0
        assert passwd("-D", path, "bob").returncode == 1
        for wrong in ("a:b", "", "#x", "a\nb"):
            assert passwd("-b", path, wrong, "x").returncode == 1, wrong
        assert passwd().returncode == 1 and passwd("-b", path, "bob").returncode == 1
        assert os.listdir(folder) == ["passwords"]


def test_mosquitto_pub_logs_in():
    if not shutil.which("mosquitto_pub"):
        return
    with Broker() as broker:
        command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port), "-t", "a", "-m", "x", "-q", "1"]
        watcher = broker.client("w", user="bob", password="bob-pw").hello()
        assert watcher.subscribe("#") == 0
        for version in "mqttv311", "mqttv5":
            more = ["-V", version, "-u", "amy"]
            assert subprocess.run([*command, *more, "-P", "amy-pw"], timeout=PATIENCE).returncode == 0
            assert watcher.next_message() == "a"
            refused = subprocess.run([*command, *more, "-P", "no"], timeout=PATIENCE,
                                     capture_output=True)
            assert refused.returncode != 0


def test_scram():
    with Broker() as broker:
        client, scram = scram_connect(broker, "bob", "bob-pw")
        connack = client.receive(CONNACK)
        assert connack[1] == 0
        assert authentication_data(connack[2:]) == scram.verifier
        client.sync()
        for user, password in ("bob", "wrong"), ("eve", "bob-pw"):
            client, _ = scram_connect(broker, user, password)
            assert client.reason() in (0x86, 0x87)
            client.expect_end()


def test_scram_gone_wrong():
    with Broker() as broker:
        unknown = broker.client(properties=authentication("x", "PLAIN"))
        assert unknown.reason() == 0x8C
        for first in None, "", "p=tls-unique,,n=bob,r=abc", "n,,n=bob", "n,,m=x,n=bob,r=abc":
            client = broker.client(properties=authentication(first))
            assert client.reason() in (0x82, 0x87), first
        scram = Scram("bob", "bob-pw")
        client = broker.client(properties=authentication(scram.first))
        client.receive(AUTH)
        client.auth(0x18, "c=biws,r=abc,p=AAAA")
        assert client.reason() in (0x86, 0x87)
        other = broker.client(properties=authentication(scram.first))
        other.receive(AUTH)
        other.auth(0x18, "x", method="OTHER")
        assert other.reason() == 0x82
        broker.client("gone", properties=authentication(scram.first)).receive(AUTH)


def test_scram_switched_off():
    with Broker("  scram: false\n") as broker:
        client = broker.client(properties=authentication(Scram("bob", "bob-pw").first))
        assert client.reason() == 0x8C


def test_reauthentication():
    with Broker() as broker:
        client, _ = scram_connect(broker, "bob", "bob-pw")
        client.hello()
        again = Scram("bob", "bob-pw")
        client.auth(0x19, again.first)
        client.auth(0x18, again.final(authentication_data(client.receive(AUTH)[1:])))
        answer = client.receive(AUTH)
        assert answer[0] == 0 and authentication_data(answer[1:]) == again.verifier
        client.sync()
        for user, password in ("amy", "amy-pw"), ("bob", "wrong"):
            client, _ = scram_connect(broker, "bob", "bob-pw")
            client.hello()
            other = Scram(user, password)
            client.auth(0x19, other.first)
            client.auth(0x18, other.final(authentication_data(client.receive(AUTH)[1:])))
            assert client.receive(DISCONNECT)[0] == 0x87


def test_unknown_users_look_like_known_ones():
    with Broker() as broker:
        def challenge(user):
            client = broker.client(properties=authentication(f"n,,n={user},r=abc"))
            fields = dict(part.split("=", 1)
                          for part in authentication_data(client.receive(AUTH)[1:]).split(","))
            return fields["s"], fields["i"]
        bob, eve = challenge("bob"), challenge("eve")
        assert eve == challenge("eve") != challenge("eva")
        assert bob[1] == eve[1] and len(bob[0]) == len(eve[0])


RULES = """
groups:
  - name: staff
    users: [amy]
access:
  - publish: ["up/%u/%c"]
    subscribe: ["down/%u/#"]
  - group: staff
    publish: ["#"]
    subscribe: ["#"]
  - deny: true
    publish: ["up/secret"]
    subscribe: ["down/bob/secret"]
"""


def test_access_rules():
    with Broker(RULES) as broker:
        bob = broker.client("b1", user="bob", password="bob-pw").hello()
        amy = broker.client("a1", user="amy", password="amy-pw").hello()
        assert bob.publish("up/bob/b1") in (0, 0x10)
        for topic in "up/bob/b2", "up/amy/b1", "up/secret", "other", "$SYS/x":
            assert bob.publish(topic) == 0x87, topic
        assert bob.subscribe("down/amy/#") == 0x87
        assert bob.subscribe("down/bob/secret") == 0x87
        assert bob.subscribe("#") == 0
        for topic in "other", "down/amy/x", "down/bob/secret", "down/bob/x":
            assert amy.publish(topic) in (0, 0x10), topic
        assert bob.next_message() == "down/bob/x"
        assert amy.publish("up/secret") == 0x87
        will = broker.client("b3", user="bob", password="bob-pw", will="up/amy/b3")
        assert will.reason() == 0x87


def test_names_that_are_filters():
    with Broker(RULES) as broker:
        assert passwd("-b", broker.passwords, "+", "plus").returncode == 0
        broker.reload()
        plus = broker.client("#", user="+", password="plus").hello()
        assert plus.subscribe("down/+/#") == 0x87
        assert plus.publish("up/bob/b1") == 0x87


def test_reload_of_passwords():
    with Broker() as broker:
        broker.client(user="bob", password="bob-pw").hello()
        assert passwd("-b", broker.passwords, "bob", "new").returncode == 0
        assert passwd("-D", broker.passwords, "amy").returncode == 0
        broker.client(user="bob", password="bob-pw").hello()  # not read yet
        broker.reload()
        assert broker.client(user="bob", password="bob-pw").reason() == 0x86
        assert broker.client(user="amy", password="amy-pw").reason() == 0x86
        broker.client(user="bob", password="new").hello()
        with open(broker.passwords, "a") as file:
            file.write("eve:secret\n")
        broker.reload()
        broker.wait_for("users kept")
        assert any(f"{broker.passwords}:2" in line for line in broker.lines)
        broker.client(user="bob", password="new").hello()


def test_reload_of_rules():
    with Broker() as broker:
        bob = broker.client("b1", user="bob", password="bob-pw").hello()
        amy = broker.client("a1", user="amy", password="amy-pw").hello()
        assert bob.subscribe("news/#") == 0
        assert amy.publish("news/1") == 0 and bob.next_message() == "news/1"
        broker.reload("access:\n  - publish: [\"#\"]\n  - subscribe: [news/open]\n")
        bob.sync()
        amy.sync()
        assert amy.publish("news/2") in (0, 0x10)
        assert amy.publish("news/open") == 0
        assert bob.next_message() == "news/open"


def test_configuration_with_mistakes_is_kept_out():
    with Broker() as broker:
        broker.configure("mqtt:\n  recieve_maximum: 1\n")
        broker.process.send_signal(signal.SIGHUP)
        broker.wait_for("configuration kept")
        assert any("write `receive_maximum` instead" in line for line in broker.lines)
        broker.client(user="bob", password="bob-pw").hello()
    with tempfile.TemporaryDirectory() as folder:
        for name, content, said in (("pubgrid.yaml", "worker: 1\n", ":1: "),
                                    ("pubgrid.yaml", "auth: {password_file: /nowhere}\n",
                                     "/nowhere: cannot be read")):
            with open(f"{folder}/{name}", "w") as file:
                file.write(content)
            done = subprocess.run([f"{BIN}/pubgrid-broker", "-c", f"{folder}/{name}", "--set",
                                   f"listeners=unix:{folder}/s", "--set",
                                   f"store.path={folder}/store"], capture_output=True, text=True,
                                  timeout=PATIENCE)
            assert done.returncode in (1, 2) and said in done.stderr, done.stderr


def main():
    tests = {name[5:]: run for name, run in globals().items() if name.startswith("test_")}
    wanted, failed = sys.argv[1:] or list(tests), 0
    for name in wanted:
        try:
            tests[name]()
            print(f"ok {name}", flush=True)
        except Exception as error:  # the next test still counts
            traceback.print_exception(error)
            print(f"not ok {name}", flush=True)
            failed += 1
    print(f"{len(wanted) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
