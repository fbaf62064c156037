#!/usr/bin/env python3
"""How clients of an MQTT namespace sign in: by certificate, by JSON Web Token (as a method and as a
password), by webhook; what expires, what is renewed, and how many sessions one may have.

Certificates and signatures are made by openssl, the webhook is Python's. Who the broker takes a
client for shows in what it may publish (access rules with %u).

    BIN=build/dev/bin tests/e2e/sign_in_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import base64
import contextlib
import hmac
import http.server
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import namespace_access_test
from auth_test import AUTH, CONNACK, DISCONNECT, Client, authentication
from net_test import PATIENCE, Broker, free_port, run_tests, text

BIN = os.environ.get("BIN", "build/dev/bin")
NOT_AUTHORIZED, BAD_METHOD, UNAVAILABLE, QUOTA, TAKEN_OVER, EXPIRED, ADMINISTRATIVE = (
    0x87, 0x8C, 0x88, 0x97, 0x8E, 0xA0, 0x98)
WRONG_PASSWORD = 0x86
ISSUER = "https://issuer.example"
CLOCK = 0.05  # seconds: the server has milliseconds, and waits by another clock


# ---------------------------------------------------------------- certificates


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, check=True, capture_output=True).stdout


def make_certificate(folder, name, issuer=None, alternatives=None, subject=None):
    """folder/name.pem and .key, signed by folder/issuer.pem or by itself; without `alternatives` it
    is an authority."""
    path = f"{folder}/{name}"
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            f"{path}.key", "-out", f"{path}.csr", "-subj", subject or f"/CN={name}")
    with open(f"{path}.ext", "w", encoding="utf-8") as extensions:
        extensions.write(f"subjectAltName={alternatives}\n" if alternatives
                         else "basicConstraints=critical,CA:TRUE\n")
    signer = (["-CA", f"{folder}/{issuer}.pem", "-CAkey", f"{folder}/{issuer}.key", "-CAcreateserial"]
              if issuer else ["-signkey", f"{path}.key"])
    openssl("x509", "-req", "-in", f"{path}.csr", "-out", f"{path}.pem", "-days", "2", "-extfile",
            f"{path}.ext", *signer)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def thumbprint(folder, name, kind="sha256"):
    said = openssl("x509", "-in", f"{folder}/{name}.pem", "-noout", "-fingerprint", f"-{kind}")
    return said.decode().strip().split("=")[1].replace(":", "")


def wrap(folder, own=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if own:
        context.load_cert_chain(f"{folder}/{own}.pem", f"{folder}/{own}.key")
    return context.wrap_socket


# ---------------------------------------------------------------- tokens


def encode(data):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(name, seconds=60, **more):
    return {"iss": ISSUER, "sub": name, "aud": "plant", "exp": int(time.time()) + seconds, **more}


def sign(folder, key, said, algorithm="RS256"):
    signed = f"{encode({'alg': algorithm, 'typ': 'JWT'})}.{encode(said)}"
    der = openssl("dgst", "-sha256", "-sign", f"{folder}/{key}.key", data=signed.encode())
    return f"{signed}.{encode(der if algorithm == 'RS256' else from_der(der))}"


def from_der(der):
    """ASN.1's r and s as 32 bytes each."""
    out, at = b"", 2
    for _ in range(2):
        length = der[at + 1]
        out += der[at + 2:at + 2 + length].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + length
    return out


def sign_with_access_key(folder, said):
    with open(f"{folder}/keys", encoding="utf-8") as file:
        key = next(line.split()[1] for line in file if line.startswith("secondary:"))
    signed = f"{encode({'alg': 'HS256', 'typ': 'JWT'})}.{encode(said)}"
    return f"{signed}.{encode(hmac.digest(key.encode(), signed.encode(), 'sha256'))}"


def make_issuer(folder, name, kind="rsa:2048"):
    more = ["-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else []
    openssl("req", "-x509", "-newkey", kind, *more, "-nodes", "-keyout", f"{folder}/{name}.key", "-out",
            f"{folder}/{name}.pem", "-subj", f"/CN={name}", "-days", "2")


# ---------------------------------------------------------------- the broker


class Plant:
    """A broker with the namespace `plant`, a TCP and a TLS listener."""

    def __init__(self, folder, authentication_says=None, clients=(), authorities=(), anonymous=False,
                 sessions=100, more="", bridge="", children=None, program=None, **listener):
        if not os.path.exists(f"{folder}/server.pem"):
            make_certificate(folder, "server", alternatives="IP:127.0.0.1")
        self.folder, self.more, self.bridge, self.children = folder, more, bridge, children or {}
        self.port, self.tls = free_port(), free_port()
        self.program = {"program": program} if program else {}
        word = "true" if anonymous else "false"
        self.listeners = [
            {"address": f"tcp://127.0.0.1:{self.port}", "allow_anonymous": word},
            {"address": f"tls://127.0.0.1:{self.tls}", "allow_anonymous": word, "certificate":
             f"{folder}/server.pem", "key": f"{folder}/server.key", **listener},
        ]
        self.authentication, self.clients, self.sessions = authentication_says or {}, clients, sessions
        self.authorities = [{"name": f"ca-{n}", "properties": {"encodedCertificate": read(f"{folder}/{n}.pem")}}
                            for n in authorities]

    def text(self):
        namespace = {
            "name": "plant", "clients": list(self.clients), "caCertificates": self.authorities,
            **self.children,
            "properties": {"topicSpacesConfiguration": {
                "state": "Enabled", "maximumClientSessionsPerAuthenticationName": self.sessions,
                "clientAuthentication": self.authentication}}}
        return (f"bridge:\n  keys: {self.folder}/keys\n" + self.bridge +
                'access:\n  - publish: ["%u/#"]\n  - subscribe: ["%u/#"]\n' + self.more +
                f"event_grid:\n  namespaces: [{json.dumps(namespace)}]\n")

    def __enter__(self):
        self.broker = Broker(self.listeners, "workers=2", more=self.text(), **self.program).__enter__()
        return self

    def __exit__(self, kind, *rest):
        while Client.open:
            Client.open.pop().socket.close()
        self.broker.__exit__(kind, *rest)

    def crash(self):
        """And starts again with the same store."""
        self.broker.process.kill()
        self.broker.process.wait()
        self.broker = Broker(self.listeners, "workers=2", more=self.text(),
                             folder=self.broker.folder).wait_for("started")

    def connect(self, name, **how):
        return Client(self.port, name, **how)

    def over_tls(self, name, own=None, **how):
        return Client(self.tls, name, wrap=wrap(self.folder, own), **how)

    def reload(self):
        before = self.broker.count(" reloaded ")
        self.broker.signal(signal.SIGHUP)
        self.broker.wait_for(" reloaded ", before + 1)


def client(name, scheme=None, *thumbprints, **more):
    said = {"validationScheme": scheme} if scheme else {}
    if thumbprints:
        said["allowedThumbprints"] = thumbprints
    return {"name": f"client-{abs(hash(name))}", "properties": {
        "authenticationName": name, **({"clientCertificateAuthentication": said} if said else {}), **more}}


def check_is(mqtt, name):
    """The broker takes the client for this one, and for no other."""
    mqtt.hello()
    assert mqtt.publish(f"{name}/x") != NOT_AUTHORIZED, name
    assert mqtt.publish("somebody/x") == NOT_AUTHORIZED


def check_refused(mqtt, reason=NOT_AUTHORIZED):
    got = mqtt.reason()
    assert got == reason, f"{got:#x} instead of {reason:#x}"
    mqtt.expect_end()


def check_disconnected(mqtt, reason):
    got = mqtt.receive(DISCONNECT)[0]
    assert got == reason, f"{got:#x} instead of {reason:#x}"
    mqtt.expect_end()


# ---------------------------------------------------------------- certificates


NAMES = "DNS:device.example,URI:urn:device:7,IP:10.1.2.3,email:device@example.com"


def test_certificates_of_clients():
    with tempfile.TemporaryDirectory() as folder:
        make_certificate(folder, "root")
        make_certificate(folder, "middle", issuer="root")
        make_certificate(folder, "device", issuer="middle", alternatives=NAMES)
        make_certificate(folder, "stranger", alternatives=NAMES, subject="/CN=device")
        clients = [client("device"), client("device.example", "DnsMatchesAuthenticationName"),
                   client("urn:device:7", "UriMatchesAuthenticationName"),
                   client("10.1.2.3", "IpMatchesAuthenticationName"),
                   client("device@example.com", "EmailMatchesAuthenticationName"),
                   client("other.example", "DnsMatchesAuthenticationName")]
        with Plant(folder, clients=clients, authorities=["middle"]) as plant:
            for number, name in enumerate(("device", "device.example", "urn:device:7", "10.1.2.3",
                                           "device@example.com")):
                check_is(plant.over_tls(f"a{number}", "device", user=name), name)
            check_is(plant.over_tls("c", "device", user="DEVICE"), "device")
            check_refused(plant.over_tls("d", "device", user="other.example"))
            check_refused(plant.over_tls("e", "device", user="nobody"))
            check_refused(plant.over_tls("f", "device"))
            check_refused(plant.over_tls("g", "stranger", user="device"))
            check_refused(plant.over_tls("h", user="device"))
            check_refused(plant.connect("i", user="device"))
            old = plant.over_tls("j", "stranger", user="device", version=4)
            assert old.reason() == 5


def test_mosquitto_pub_with_a_certificate():
    with tempfile.TemporaryDirectory() as folder:
        make_certificate(folder, "root")
        make_certificate(folder, "device", issuer="root", alternatives="DNS:x")
        with Plant(folder, clients=[client("device")], authorities=["root"]) as plant:
            command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(plant.tls), "--cafile", f"{folder}/server.pem",
                       "--insecure", "--cert", f"{folder}/device.pem", "--key", f"{folder}/device.key",
                       "-u", "device", "-t", "device/x", "-m", "hello", "-q", "1"]
            for version in "mqttv311", "mqttv5":
                subprocess.run([*command, "-V", version], check=True, timeout=PATIENCE)
            refused = subprocess.run([*command, "-u", "other"], capture_output=True, timeout=PATIENCE, check=False)
            assert refused.returncode != 0


def test_thumbprints_of_certificates_that_nobody_has_signed():
    with tempfile.TemporaryDirectory() as folder:
        for name in "one", "two", "three":
            make_certificate(folder, name, alternatives="DNS:x")
        clients = [client("sensor", "ThumbprintMatch", thumbprint(folder, "one"),
                          thumbprint(folder, "two", "sha1").lower())]
        with Plant(folder, clients=clients) as plant:
            check_is(plant.over_tls("a", "one", user="sensor"), "sensor")
            check_is(plant.over_tls("b", "two", user="sensor"), "sensor")
            check_refused(plant.over_tls("c", "three", user="sensor"))
            check_refused(plant.over_tls("d", "one", user="other"))


def test_names_out_of_the_certificate():
    with tempfile.TemporaryDirectory() as folder:
        make_certificate(folder, "root")
        make_certificate(folder, "device", issuer="root", alternatives="DNS:device.example")
        make_certificate(folder, "known", issuer="root", alternatives="DNS:x")
        make_certificate(folder, "stranger", alternatives="DNS:device.example")
        sources = {"alternativeAuthenticationNameSources": ["ClientCertificateDns", "ClientCertificateSubject"]}
        with Plant(folder, sources, clients=[client("x", "SubjectMatchesAuthenticationName")],
                   authorities=["root"]) as plant:
            check_is(plant.over_tls("a", "device"), "device.example")
            check_is(plant.over_tls("b", "device", user="device.example"), "device.example")
            check_refused(plant.over_tls("c", "device", user="other"))
            check_refused(plant.over_tls("d", "stranger"))
            check_refused(plant.over_tls("e", "known"))  # a client of that name wants another proof


def test_the_listeners_own_authorities_go_on():
    """A listener that requires certificates keeps to its authorities; one that has some trusts them
    beside those of the namespace."""
    with tempfile.TemporaryDirectory() as folder:
        make_certificate(folder, "root")
        make_certificate(folder, "device", issuer="root", alternatives="DNS:x")
        make_certificate(folder, "stranger", alternatives="DNS:x", subject="/CN=device")
        how = {"ca": f"{folder}/root.pem", "use_certificate_as_user": "true"}
        with Plant(folder, clients=[client("device")], **how) as plant:
            check_is(plant.over_tls("a", "device"), "device")
            check_is(plant.over_tls("b", "device", user="device"), "device")
            check_refused(plant.over_tls("c", "stranger"))
            check_refused(plant.over_tls("d", "stranger", user="device"))
        # A client of that name is known by its own certificate only.
        with Plant(folder, clients=[client("device", "ThumbprintMatch", thumbprint(folder, "stranger"))], **how) as plant:
            check_refused(plant.over_tls("a", "device"))
            check_is(plant.over_tls("b", "stranger", user="device"), "device")
        with Plant(folder, clients=[client("known", "ThumbprintMatch", thumbprint(folder, "stranger"))],
                   require_client_certificate="true", **how) as plant:
            check_is(plant.over_tls("a", "device"), "device")
            with contextlib.suppress(EOFError, OSError):
                plant.over_tls("b", "stranger", user="known").reason()
                raise AssertionError("a certificate that the listener's authorities do not know")
            plant.broker.wait_for("TLS handshake failed")


# ---------------------------------------------------------------- tokens


def by_token(plant, name, token, method="CUSTOM-JWT", **how):
    return plant.connect(name, properties=authentication(token, method), **how)


def custom(folder, *issuers, **more):
    return {"customJwtAuthentication": {
        "tokenIssuer": ISSUER, "issuerCertificates":
        [{"certificateUrl": f"file://{folder}/{name}.pem"} for name in issuers], **more}}


def test_custom_tokens():
    with tempfile.TemporaryDirectory() as folder:
        make_issuer(folder, "issuer")
        make_issuer(folder, "curve", "ec")
        make_issuer(folder, "other")
        with Plant(folder, custom(folder, "issuer", "curve"), clients=[client("Sensor1")],
                   bridge="  public_endpoints: [\"https://mqtt.example\"]\n") as plant:
            check_is(by_token(plant, "a", sign(folder, "issuer", claims("sensor1"))), "Sensor1")
            check_is(by_token(plant, "b", sign(folder, "curve", claims("new"), "ES256")), "new")
            check_is(by_token(plant, "c", sign(folder, "issuer", claims("d", aud=["x", "https://plant.example.com/"]))), "d")
            check_is(by_token(plant, "d", sign(folder, "issuer", claims("d", aud="https://mqtt.example:8443/"))), "d")
            for wrong in (sign(folder, "other", claims("sensor1")), "x", "",
                          sign(folder, "issuer", claims("sensor1", seconds=-1)),
                          sign(folder, "issuer", claims("sensor1", aud="other")),
                          sign(folder, "issuer", claims("sensor1", iss="other")),
                          sign(folder, "issuer", claims("sensor1", nbf=int(time.time()) + 600)),
                          sign(folder, "curve", claims("sensor1"), "RS256"),
                          sign_with_access_key(folder, claims("sensor1"))):
                check_refused(by_token(plant, "e", wrong))
            check_refused(by_token(plant, "e", sign(folder, "issuer", claims("x")), "NO-SUCH"), BAD_METHOD)


def test_a_token_as_password():
    """MQTT 3.1.1 has no methods."""
    with tempfile.TemporaryDirectory() as folder:
        make_issuer(folder, "issuer")
        with Plant(folder, custom(folder, "issuer")) as plant:
            token = sign(folder, "issuer", claims("sensor1"))
            check_is(plant.connect("a", user="any", password=token), "sensor1")
            old = plant.connect("b", user="any", password=token, version=4)
            assert old.hello().subscribe("sensor1/#") == 0
            assert plant.connect("c", user="any", password=token[:-4], version=4).reason() == 5
            subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(plant.port), "-u", "any", "-P", token,
                            "-t", "sensor1/x", "-m", "hello", "-q", "1"], check=True, timeout=PATIENCE)
            assert old.next_message() == "sensor1/x"


def test_a_token_ends_the_connection_when_it_expires():
    with tempfile.TemporaryDirectory() as folder:
        make_issuer(folder, "issuer")
        with Plant(folder, custom(folder, "issuer")) as plant:
            renewed = sign(folder, "issuer", claims("s"))
            ends = int(time.time()) + 4
            token = sign(folder, "issuer", claims("s", exp=ends))
            new = by_token(plant, "a", token).hello()
            old = plant.connect("b", user="any", password=token, version=4).hello()
            kept = by_token(plant, "c", token).hello()
            kept.auth(0x19, renewed, "CUSTOM-JWT")
            assert kept.receive(AUTH)[:1] in (b"", b"\0")
            check_disconnected(new, EXPIRED)
            old.expect_end()
            ended = time.time()
            assert ends - CLOCK < ended < ends + 20, ended - ends
            check_is_alive(kept)


def check_is_alive(mqtt):
    mqtt.sync()


def test_who_signs_in_again():
    with tempfile.TemporaryDirectory() as folder:
        make_issuer(folder, "issuer")
        with Plant(folder, custom(folder, "issuer")) as plant:
            token = sign(folder, "issuer", claims("s"))
            for again, expected in ((sign(folder, "issuer", claims("t")), NOT_AUTHORIZED), ("x", NOT_AUTHORIZED),
                                    (sign(folder, "issuer", claims("s", seconds=-1)), NOT_AUTHORIZED)):
                mqtt = by_token(plant, "a", token).hello()
                mqtt.auth(0x19, again, "CUSTOM-JWT")
                check_disconnected(mqtt, expected)


def test_issuer_certificates_are_read_again():
    with tempfile.TemporaryDirectory() as folder:
        make_issuer(folder, "issuer")
        make_issuer(folder, "next")
        with Plant(folder, custom(folder, "issuer")) as plant:
            old, new = (sign(folder, name, claims("s")) for name in ("issuer", "next"))
            by_token(plant, "a", old).hello()
            check_refused(by_token(plant, "b", new))
            os.replace(f"{folder}/next.pem", f"{folder}/issuer.pem")
            plant.reload()
            by_token(plant, "b", new).hello()
            check_refused(by_token(plant, "a", old))
            os.remove(f"{folder}/issuer.pem")
            plant.reload()
            plant.broker.wait_for("issuer certificate cannot be used")
            check_refused(by_token(plant, "b", new), BAD_METHOD)


def test_tokens_of_the_server():
    with tempfile.TemporaryDirectory() as folder:
        with Plant(folder) as plant:
            said = {"oid": "object-1", "sub": "x", "aud": "https://eventgrid.azure.net/", "exp": int(time.time()) + 60}
            token = sign_with_access_key(folder, said)
            check_is(by_token(plant, "a", token, "OAUTH2-JWT"), "object-1")
            made = subprocess.run([f"{BIN}/pubgrid", "token", "--client", "carol", "--keys",
                                   f"{folder}/keys"], check=True, capture_output=True, text=True)
            check_is(by_token(plant, "e", made.stdout.strip(), "OAUTH2-JWT"), "carol")
            check_refused(by_token(plant, "b", token, "CUSTOM-JWT"), BAD_METHOD)
            check_refused(by_token(plant, "c", sign_with_access_key(folder, {**said, "aud": "http://x/client/hubs/h"}),
                                   "OAUTH2-JWT"))
            check_refused(by_token(plant, "d", sign_with_access_key(folder, {**said, "exp": 1}), "OAUTH2-JWT"))


# ---------------------------------------------------------------- the webhook


class Webhook(http.server.ThreadingHTTPServer):
    """Lets in who says `please`; else does what the user name says."""

    daemon_threads = True

    def __init__(self):
        self.asked, self.release = [], threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def says(self):
        return {"webhookAuthentication": {"endpointUrl": f"http://127.0.0.1:{self.server_port}/mqtt?code=1"}}

    def handle_error(self, request, client_address):
        """A broker that goes away, or does not trust us, is no news."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release.set()
        self.shutdown()
        self.server_close()


def allow(**more):
    return 200, {"decision": "allow", **more}


def in_seconds(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, asked):
        user = asked.get("userName", "")
        if asked.get("authenticationMethod"):
            return allow(clientAuthenticationName=base64.b64decode(asked["authenticationData"]).decode())
        if user == "brief":
            return allow(expiration=in_seconds(4))
        if user.startswith("sensor-"):
            return allow(attributes={"type": "sensor", "floor": int(user[7:])})
        if user == "renamed":
            return allow(clientAuthenticationName="another", attributes={"room": "345"})
        if user == "certified":
            return allow() if "BEGIN CERTIFICATE" in asked.get("clientCertificate", "") else (400, {"decision": "deny"})
        if user == "hangs":
            self.server.release.wait(PATIENCE)
        broken = {"oops": (200, "no JSON"), "late": allow(expiration="2001-01-01T00:00:00Z"), "fails": (500, {})}
        if user in broken:
            return broken[user]
        return allow() if asked.get("password") == base64.b64encode(b"please").decode() else (
            400, {"decision": "deny", "errorReason": "say the word"})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        status, said = self.answer(asked)
        body = (said if isinstance(said, str) else json.dumps(said)).encode()
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_):
        pass


def user_property(name, value):
    return b"\x26" + text(name) + text(value)


def test_a_webhook_decides():
    with tempfile.TemporaryDirectory() as folder, Webhook() as webhook:
        make_certificate(folder, "own", alternatives="DNS:x")
        with Plant(folder, webhook.says) as plant:
            check_is(plant.connect("a", user="bob", password="please", properties=user_property("k", "v")), "bob")
            assert webhook.asked[-1] == {"clientId": "a", "userName": "bob", "password": "cGxlYXNl",
                                         "userProperties": [{"name": "k", "value": "v"}]}, webhook.asked[-1]
            plant.connect("b", user="bob", password="please", version=4).hello()
            check_refused(plant.connect("c", user="bob", password="now"))
            assert plant.connect("d", user="bob", version=4).reason() == 5
            check_is(plant.connect("e", user="renamed"), "another")
            check_is(plant.over_tls("f", "own", user="certified"), "certified")
            check_refused(plant.connect("g", user="certified"))
            check_refused(plant.connect("h"))  # nobody has a name
            check_is(plant.connect("i", properties=authentication("carol", "MINE")), "carol")
            check_refused(plant.connect("j", user="oops"))
            check_refused(plant.connect("k", user="late"))
            check_refused(plant.connect("l", user="fails"), UNAVAILABLE)
            plant.broker.wait_for("webhook lets nobody in")
            assert not any("cGxlYXNl" in (line or "") or "please" in (line or "") for line in plant.broker.lines)


def test_who_the_webhook_has_let_in_for_a_while():
    with tempfile.TemporaryDirectory() as folder, Webhook() as webhook:
        with Plant(folder, webhook.says) as plant:
            mqtt = plant.connect("a", user="brief").hello()
            check_disconnected(mqtt, EXPIRED)
            again = plant.connect("b", properties=authentication("carol", "MINE")).hello()
            for name, reason in ("carol", None), ("dave", NOT_AUTHORIZED):
                again.auth(0x19, name, "MINE")
                if reason:
                    check_disconnected(again, reason)
                else:
                    assert again.receive(AUTH)[:1] in (b"", b"\0")


QUICK = 4  # seconds; the broker waits 5 for an answer
TRIES = 4  # on a machine that is busy elsewhere, even what waits for nothing may take as long


def is_let_in_beside_hanging(plant, webhook, here):
    """Is somebody let in while others wait for an answer that does not come?"""
    wanted = len(webhook.asked) + 20
    hanging = [plant.connect(f"h{i}", user="hangs") for i in range(20)]
    while len(webhook.asked) < wanted:
        here.sync()
    plant.connect("next", user="bob", password="please").hello()
    here.sync()
    still_hang = not any(mqtt.has_more() for mqtt in hanging)
    for mqtt in hanging:
        check_refused(mqtt, UNAVAILABLE)
    return still_hang


def test_a_webhook_that_hangs_delays_nobody():
    with tempfile.TemporaryDirectory() as folder, Webhook() as webhook:
        with Plant(folder, webhook.says) as plant:
            here = plant.connect("here", user="bob", password="please").hello()
            assert any(is_let_in_beside_hanging(plant, webhook, here) for _ in range(TRIES))


def seconds_to_stop(folder, webhook):
    """While the webhook hangs."""
    with Plant(folder, webhook.says) as plant:
        asked = len(webhook.asked)
        plant.connect("h", user="hangs")
        while len(webhook.asked) == asked:
            plant.connect("x").receive(CONNACK)
        begin = time.monotonic()
    return time.monotonic() - begin


def test_a_stop_does_not_wait_for_the_webhook():
    with tempfile.TemporaryDirectory() as folder, Webhook() as webhook:
        assert any(seconds_to_stop(folder, webhook) < QUICK for _ in range(TRIES))


def test_a_webhook_over_tls():
    with tempfile.TemporaryDirectory() as folder, Webhook() as webhook:
        make_certificate(folder, "root")
        make_certificate(folder, "hook", issuer="root", alternatives="IP:127.0.0.1")
        make_certificate(folder, "other")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/hook.pem", f"{folder}/hook.key")
        webhook.socket = context.wrap_socket(webhook.socket, server_side=True,
                                             do_handshake_on_connect=False)
        says = {"webhookAuthentication": {"endpointUrl": f"https://127.0.0.1:{webhook.server_port}/"}}
        for authority, reason in ("root", 0), ("other", UNAVAILABLE):
            with Plant(folder, says, bridge=f"  webhook_ca: {folder}/{authority}.pem\n") as plant:
                got = plant.connect("a", user="bob", password="please").reason()
                assert got == reason, f"{got:#x} instead of {reason:#x}"


def test_nobody_answers():
    with tempfile.TemporaryDirectory() as folder:
        says = {"webhookAuthentication": {"endpointUrl": f"http://127.0.0.1:{free_port()}/"}}
        with Plant(folder, says) as plant:
            check_refused(plant.connect("a", user="bob", password="please"), UNAVAILABLE)
            assert plant.connect("b", user="bob", version=4).reason() == 3


# ---------------------------------------------------------------- attributes


FLOORS = {
    "clientGroups": [{"name": "sensors", "properties": {"query": "attributes.type = 'sensor'"}}],
    "topicSpaces": [{"name": "floor", "properties": {
        "topicTemplates": ["floors/${client.attributes.floor}/#"]}}],
    "permissionBindings": [{"name": f"floor-{permission.lower()}", "properties": {
        "clientGroupName": "sensors", "topicSpaceName": "floor", "permission": permission}}
        for permission in ("Publisher", "Subscriber")],
}


def check_floor(mqtt, floor):
    """The client may do what the attributes say that came with its sign-in."""
    mqtt.hello()
    assert mqtt.subscribe(f"floors/{floor}/#") == 0
    assert mqtt.subscribe("floors/9/#") == NOT_AUTHORIZED
    assert mqtt.publish("floors/9/x") == NOT_AUTHORIZED


def test_attributes_of_a_token_count():
    with tempfile.TemporaryDirectory() as folder:
        make_issuer(folder, "issuer")
        with Plant(folder, custom(folder, "issuer"), children=FLOORS) as plant:
            token = sign(folder, "issuer", claims("s", type="sensor", floor=3))
            check_floor(by_token(plant, "a", token), 3)
            other = by_token(plant, "b", sign(folder, "issuer", claims("t", type="lamp", floor=3)))
            assert other.hello().subscribe("floors/3/#") == NOT_AUTHORIZED
            moved = by_token(plant, "c", token).hello()
            assert moved.subscribe("floors/3/#") == 0
            moved.auth(0x19, sign(folder, "issuer", claims("s", type="sensor", floor=4)), "CUSTOM-JWT")
            moved.receive(AUTH)
            assert moved.subscribe("floors/4/#") == 0
            assert moved.publish("floors/3/x") == NOT_AUTHORIZED


def test_attributes_survive_a_crash():
    """A session that waits for its client goes on getting what it may."""
    with tempfile.TemporaryDirectory() as folder:
        make_issuer(folder, "issuer")
        with Plant(folder, custom(folder, "issuer"), children=FLOORS) as plant:
            token = sign(folder, "issuer", claims("s", type="sensor", floor=3))
            kept = b"\x11" + (1000).to_bytes(4, "big")
            away = plant.connect("away", properties=authentication(token, "CUSTOM-JWT") + kept).hello()
            assert away.subscribe("floors/3/#", 1) in (0, 1)
            plant.crash()
            writer = by_token(plant, "writer", token).hello()
            assert writer.publish("floors/3/x") == 0
            back = plant.connect("away", properties=authentication(token, "CUSTOM-JWT") + kept, clean=0)
            assert back.receive(CONNACK)[:2] == b"\1\0"
            assert back.next_message() == "floors/3/x"


def test_attributes_of_the_webhook_count():
    with tempfile.TemporaryDirectory() as folder, Webhook() as webhook:
        with Plant(folder, webhook.says, children=FLOORS) as plant:
            check_floor(plant.connect("a", user="sensor-5"), 5)


# ---------------------------------------------------------------- changes while it runs


class LivePlant(namespace_access_test.Plant):
    """With an administrator, who changes it, and a TLS listener."""

    def __init__(self, folder):
        make_certificate(folder, "server", alternatives="IP:127.0.0.1")
        super().__init__(folder, {"name": "plant", "properties": self.properties({})})
        self.tls = free_port()

    @staticmethod
    def properties(authentication_says):
        return {"topicSpacesConfiguration": {"state": "Enabled", "clientAuthentication": authentication_says,
                                             "maximumClientSessionsPerAuthenticationName": 9}}

    def __enter__(self):
        listeners = [{"address": f"tcp://127.0.0.1:{self.port}"},
                     {"address": f"tls://127.0.0.1:{self.tls}", "certificate": f"{self.folder}/server.pem",
                      "key": f"{self.folder}/server.key", "allow_anonymous": "false"}]
        self.broker = Broker(listeners, "workers=2", folder=self.folder, more=self.text()).__enter__()
        self.begin_administration()
        return self

    def over_tls(self, name, own, **how):
        return Client(self.tls, name, wrap=wrap(self.folder, own), **how)

    def by_token(self, name, token):
        return Client(self.port, name, properties=authentication(token, "CUSTOM-JWT"))

    def allow(self, says):
        self.put("", {"name": "plant", "resource": {"properties": self.properties(says)}})


def test_certificates_that_become_known():
    """Whose does not fit is asked for a password next."""
    with tempfile.TemporaryDirectory() as folder:
        make_certificate(folder, "own", alternatives="DNS:x")
        make_certificate(folder, "root")
        make_certificate(folder, "device", issuer="root", alternatives="DNS:x")
        with LivePlant(folder) as plant:
            check_refused(plant.over_tls("a", "own", user="sensor"), WRONG_PASSWORD)
            plant.change("clients/sensor", {"clientCertificateAuthentication": {
                "validationScheme": "ThumbprintMatch", "allowedThumbprints": [thumbprint(folder, "own")]}})
            here = plant.over_tls("a", "own", user="sensor").hello()
            plant.change("clients/sensor", None)
            assert here.receive(DISCONNECT)[0] in (NOT_AUTHORIZED, ADMINISTRATIVE)
            check_refused(plant.over_tls("a", "own", user="sensor"), WRONG_PASSWORD)
            plant.change("clients/device", {})
            check_refused(plant.over_tls("b", "device", user="device"), WRONG_PASSWORD)
            plant.change("cacertificates/root", {"encodedCertificate": read(f"{folder}/root.pem")})
            here = plant.over_tls("b", "device", user="device").hello()
            plant.change("cacertificates/root", None)
            assert here.receive(DISCONNECT)[0] == ADMINISTRATIVE
            check_refused(plant.over_tls("b", "device", user="device"), WRONG_PASSWORD)


def test_issuers_and_webhooks_that_become_known():
    with tempfile.TemporaryDirectory() as folder, Webhook() as webhook:
        make_issuer(folder, "issuer")
        with LivePlant(folder) as plant:
            token = sign(folder, "issuer", claims("sensor"))
            check_refused(plant.by_token("a", token), BAD_METHOD)
            plant.allow({"customJwtAuthentication": {"tokenIssuer": ISSUER, "issuerCertificates": [
                {"encodedCertificate": read(f"{folder}/issuer.pem")}]}})
            here = plant.by_token("a", token).hello()
            plant.allow(webhook.says)
            assert here.receive(DISCONNECT)[0] == ADMINISTRATIVE
            here = plant.by_token("b", "carol").hello()
            assert webhook.asked[-1]["authenticationMethod"] == "CUSTOM-JWT"
            plant.allow({})
            check_refused(plant.by_token("c", "carol"), BAD_METHOD)
            check_is_alive(here)


def test_what_a_sign_in_rests_on_is_taken_away():
    """Who has signed in by something else stays."""
    with tempfile.TemporaryDirectory() as folder:
        for name in "issuer", "next":
            make_issuer(folder, name)
        for name in "one", "two":
            make_certificate(folder, name, alternatives="DNS:x")
        pems = [{"encodedCertificate": read(f"{folder}/{name}.pem")} for name in ("issuer", "next")]
        prints = {name: thumbprint(folder, name) for name in ("one", "two")}
        with LivePlant(folder) as plant:
            def know(*names):
                plant.change("clients/sensor", {"clientCertificateAuthentication": {
                    "validationScheme": "ThumbprintMatch", "allowedThumbprints": [prints[n] for n in names]}})
            plant.allow({"customJwtAuthentication": {"tokenIssuer": ISSUER, "issuerCertificates": pems}})
            tokens = [plant.by_token(name, sign(folder, name, claims("lamp"))).hello()
                      for name in ("issuer", "next")]
            know("one", "two")
            devices = [plant.over_tls(name, name, user="sensor").hello() for name in ("one", "two")]
            know("two")
            assert devices[0].receive(DISCONNECT)[0] == ADMINISTRATIVE
            plant.allow({"customJwtAuthentication": {"tokenIssuer": ISSUER, "issuerCertificates": pems[1:]}})
            assert tokens[0].receive(DISCONNECT)[0] == ADMINISTRATIVE
            check_is_alive(tokens[1])
            check_is_alive(devices[1])


# ---------------------------------------------------------------- sessions, and ways together


def test_sessions_of_a_name():
    with tempfile.TemporaryDirectory() as folder:
        make_issuer(folder, "issuer")
        with Plant(folder, custom(folder, "issuer"), clients=[client("Bob")], sessions=2) as plant:
            token = sign(folder, "issuer", claims("bob"))
            kept = b"\x11" + (1000).to_bytes(4, "big")
            first = plant.connect("a", properties=authentication(token, "CUSTOM-JWT") + kept).hello()
            first.send(0xE0, b"")
            first.expect_end()
            second = by_token(plant, "b", token).hello()
            check_refused(by_token(plant, "c", token), QUOTA)
            check_refused(by_token(plant, "d", sign(folder, "issuer", claims("BOB"))), QUOTA)
            by_token(plant, "e", sign(folder, "issuer", claims("amy"))).hello()
            check_refused(by_token(plant, "b", sign(folder, "issuer", claims("amy"))))
            third = by_token(plant, "b", token).hello()
            check_disconnected(second, TAKEN_OVER)
            check_is_alive(third)


MQTTJS = """
    import mqtt from 'mqtt'
    import fs from 'node:fs'
    console.log('loaded')
    const url = process.argv[1]
    const token = fs.readFileSync(0, 'utf8')
    const client = mqtt.connect(url, {protocolVersion: 5, reconnectPeriod: 0, properties: {
        authenticationMethod: 'CUSTOM-JWT', authenticationData: Buffer.from(token)}})
    client.on('error', (error) => { console.error(error); process.exit(1) })
    client.on('disconnect', (packet) => { console.log(packet.reasonCode); process.exit(0) })
    client.on('connect', () => client.publish('sensor/x', 'hello', {qos: 1}))"""


def test_mqttjs_signs_in_by_a_token():
    """Over TCP and, by the bridge, over WebSocket: until the token expires."""
    here = os.path.dirname(os.path.abspath(__file__))
    if not shutil.which("node") or not os.path.isdir(f"{here}/node_modules/mqtt"):
        return
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        make_issuer(folder, "issuer")
        web = f"  processes: 1\n  listeners: [\"http://127.0.0.1:{port}\"]\n"
        with Plant(folder, custom(folder, "issuer"), bridge=web, program=(f"{BIN}/pubgrid", "serve")) as plant:
            plant.broker.wait_for("trunk opened")
            watcher = by_token(plant, "w", sign(folder, "issuer", claims("sensor"))).hello()
            assert watcher.subscribe("sensor/#") == 0
            for url in f"mqtt://127.0.0.1:{plant.port}", f"ws://127.0.0.1:{port}/mqtt":
                with subprocess.Popen(["node", "--input-type=module", "-e", MQTTJS, url], cwd=here, text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE) as node:
                    assert node.stdout.readline() == "loaded\n"  # that takes as long as a token lasts, at times
                    said, _ = node.communicate(sign(folder, "issuer", claims("sensor", seconds=4)), PATIENCE)
                assert watcher.next_message() == "sensor/x"
                assert said == f"{EXPIRED}\n", said


def test_sessions_end_after_some_hours():
    with tempfile.TemporaryDirectory() as folder:
        make_issuer(folder, "issuer")
        with Plant(folder, custom(folder, "issuer")) as plant:
            token = sign(folder, "issuer", claims("bob"))
            asked = b"\x11" + (0xFFFFFFFF).to_bytes(4, "big")
            said = plant.connect("a", properties=authentication(token, "CUSTOM-JWT") + asked).receive(CONNACK)
            assert said[1] == 0 and b"\x11" + (3600).to_bytes(4, "big") in said, said


def test_ways_in_their_order():
    with tempfile.TemporaryDirectory() as folder, Webhook() as webhook:
        make_certificate(folder, "root")
        make_certificate(folder, "device", issuer="root", alternatives="DNS:x")
        make_issuer(folder, "issuer")
        subprocess.run([f"{BIN}/pubgrid", "passwd", "-b", "-c",
                        f"{folder}/passwords", "bob", "bob-pw"], check=True, capture_output=True)
        says = {**custom(folder, "issuer"), **webhook.says}
        with Plant(folder, says, clients=[client("device")], authorities=["root"],
                   more=f"auth:\n  password_file: {folder}/passwords\n") as plant:
            token = sign(folder, "issuer", claims("sensor"))
            check_is(plant.over_tls("a", "device", user="device", properties=authentication(token, "CUSTOM-JWT")), "sensor")
            check_is(plant.over_tls("b", "device", user="device", password=token), "device")
            check_is(plant.connect("c", user="bob", password=token), "sensor")
            check_is(plant.connect("d", user="bob", password="bob-pw"), "bob")
            assert not webhook.asked
            check_refused(plant.connect("e", user="bob", password="please"), WRONG_PASSWORD)
            assert not webhook.asked
            check_is(plant.connect("f", user="amy", password="please"), "amy")
            assert len(webhook.asked) == 1


def test_clients_that_are_disabled():
    with tempfile.TemporaryDirectory() as folder:
        make_issuer(folder, "issuer")
        clients = [client("on"), client("off", state="Disabled")]
        with Plant(folder, custom(folder, "issuer"), clients=clients) as plant:
            check_is(by_token(plant, "a", sign(folder, "issuer", claims("on"))), "on")
            check_refused(by_token(plant, "b", sign(folder, "issuer", claims("OFF"))))


def test_groups_of_the_configuration():
    """Whatever the spelling: the password file's user is the namespace's client."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([f"{BIN}/pubgrid", "passwd", "-b", "-c", f"{folder}/passwords", "bob", "bob-pw"],
                       check=True, capture_output=True)
        more = (f"  - {{group: staff, publish: [staff/#]}}\nauth:\n  password_file: {folder}/passwords\n"
                "groups:\n  - {name: staff, users: [bob]}\n")
        with Plant(folder, clients=[client("Bob")], more=more) as plant:
            mqtt = plant.connect("a", user="bob", password="bob-pw")
            check_is(mqtt, "Bob")
            assert mqtt.publish("staff/x") != NOT_AUTHORIZED


def test_nobody_in_particular():
    with tempfile.TemporaryDirectory() as folder:
        with Plant(folder, clients=[client("device")], anonymous=True) as plant:
            plant.connect("a").hello()
            plant.connect("b", user="stranger").hello()
            check_refused(plant.connect("c", user="Device"))


if __name__ == "__main__":
    sys.exit(run_tests(globals(), sys.argv[1:]))
