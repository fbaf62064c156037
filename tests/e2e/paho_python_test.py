#!/usr/bin/python3
"""Eclipse Paho's Python client (python3-paho-mqtt 1.6) against the broker: both versions, every
QoS, wills, retained messages, shared subscriptions, persistent sessions, TLS.

Each test starts a broker of its own; waiting is for the client's callbacks, never for time.

    BIN=build/dev/bin tests/e2e/paho_python_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import os
import ssl
import sys
import tempfile
import threading
import time

try:
    import paho.mqtt.client as mqtt
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
    from paho.mqtt.subscribeoptions import SubscribeOptions
except ImportError:
    print("left out: python3-paho-mqtt is not installed (apt-get install python3-paho-mqtt)")
    sys.exit(77)

from net_test import Broker, free_port, make_certificate, run_tests, tcp

V3, V5 = mqtt.MQTTv311, mqtt.MQTTv5
PATIENCE = 30  # seconds until a condition that never comes true fails its test


def properties(kind, **values):
    made = Properties(kind)
    for name, value in values.items():
        setattr(made, name, value)
    return made


class Client:
    """A Paho client whose network loop runs in its own thread, and what it was told."""

    def __init__(self, name, version=V5, clean=True, expiry=0, tls=None, will=None):
        self.changed = threading.Condition()
        self.messages, self.acknowledged, self.granted = [], set(), {}
        self.connections, self.ends = [], 0
        self.version, self.clean, self.expiry = version, clean, expiry
        how = {} if version == V5 else {"clean_session": clean}
        self.paho = mqtt.Client(name, protocol=version, **how)
        if tls:
            self.paho.tls_set_context(tls)
        if will:
            self.paho.will_set(**will)
        self.paho.on_connect = lambda c, u, flags, code, *_: self._note(
            self.connections.append, (int(getattr(code, "value", code)), flags["session present"]))
        self.paho.on_message = lambda c, u, message: self._note(self.messages.append, message)
        self.paho.on_publish = lambda c, u, number: self._note(self.acknowledged.add, number)
        self.paho.on_subscribe = lambda c, u, number, codes, *_: self._note(
            self.granted.__setitem__, number, codes)
        self.paho.on_unsubscribe = lambda c, u, number, *_: self._note(
            self.granted.__setitem__, number, [])
        self.paho.on_disconnect = lambda *_: self._note(self._ended)

    def _ended(self):
        self.ends += 1

    def _note(self, change, *values):
        with self.changed:
            change(*values)
            self.changed.notify_all()

    def wait(self, condition, what):
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE), \
                f"{what}: {self.connections} {self.texts()} {self.granted} {self.ends}"
        return self

    def connect(self, port, present=None):
        count = len(self.connections) + 1
        if self.version == V5:
            self.paho.connect("127.0.0.1", port, clean_start=self.clean, properties=properties(
                PacketTypes.CONNECT, SessionExpiryInterval=self.expiry))
        else:
            self.paho.connect("127.0.0.1", port)
        self.paho.loop_start()
        self.wait(lambda: len(self.connections) >= count, "no CONNACK")
        assert self.connections[-1][0] == 0, self.connections
        assert present is None or bool(self.connections[-1][1]) == present, self.connections
        return self

    def subscribe(self, *filters):
        number = self.paho.subscribe(list(filters))[1]
        self.wait(lambda: number in self.granted, "no SUBACK")
        return [int(getattr(code, "value", code)) for code in self.granted[number]]

    def unsubscribe(self, topic):
        number = self.paho.unsubscribe(topic)[1]
        self.wait(lambda: number in self.granted, "no UNSUBACK")

    def publish(self, topic, payload, qos=0, **more):
        number = self.paho.publish(topic, payload, qos, **more).mid
        self.wait(lambda: number in self.acknowledged, f"{topic} at QoS {qos} not completed")

    def texts(self):
        return [message.payload.decode() for message in self.messages]

    def expect(self, *texts):
        """Waits for as many messages as these, which must be these, in order."""
        self.wait(lambda: len(self.messages) >= len(texts), f"not {texts}")
        assert self.texts() == list(texts), self.texts()
        taken, self.messages = self.messages, []
        return taken

    def disconnect(self):
        count = self.ends + 1
        self.paho.disconnect()
        self.wait(lambda: self.ends >= count, "not disconnected")
        self.paho.loop_stop()

    def drop(self):
        """The connection is lost, without DISCONNECT."""
        self.paho.loop_stop()
        self.paho._sock_close()


def option(version, qos):
    return SubscribeOptions(qos) if version == V5 else qos


def test_every_qos_in_both_versions():
    port = free_port()
    with Broker([tcp(port)]):
        for version in (V3, V5):
            for wanted in (0, 1, 2):
                reader = Client(f"reader-{version}-{wanted}", version).connect(port)
                topic = f"t/{version}/{wanted}"
                assert reader.subscribe((f"{topic}/+", option(version, wanted))) == [wanted]
                for writer_version in (V3, V5):
                    writer = Client("writer", writer_version).connect(port)
                    for qos in (0, 1, 2):
                        writer.publish(f"{topic}/{qos}", "x" * qos, qos)
                        got, = reader.expect("x" * qos)
                        assert (got.topic, got.qos) == (f"{topic}/{qos}", min(qos, wanted))
                        assert not got.retain
                    writer.disconnect()
                reader.unsubscribe(f"{topic}/+")
                reader.disconnect()


def test_many_messages_in_order():
    port = free_port()
    with Broker([tcp(port)]):
        for version in (V3, V5):
            reader = Client("reader", version).connect(port)
            reader.subscribe(("many", option(version, 2)))
            writer = Client("writer", version).connect(port)
            writer.paho.max_inflight_messages_set(100)
            texts = [f"{qos}-{number}" for qos in (1, 2) for number in range(1000)]
            for text in texts:
                writer.paho.publish("many", text, int(text[0]))
            reader.expect(*texts)
            writer.wait(lambda w=writer: len(w.acknowledged) == len(texts), "not all completed")
            writer.disconnect()
            reader.disconnect()


def test_large_message():
    port = free_port()
    payload = os.urandom(1500000)
    with Broker([tcp(port)]):
        reader = Client("reader").connect(port)
        reader.subscribe(("large", option(V5, 2)))
        writer = Client("writer", V3).connect(port)
        writer.publish("large", payload, 2)
        reader.wait(lambda: len(reader.messages) == 1, "nothing came")
        assert reader.messages[0].payload == payload
        writer.disconnect()
        reader.disconnect()


def test_properties_arrive_unaltered():
    port = free_port()
    with Broker([tcp(port)]):
        reader = Client("reader").connect(port)
        number = reader.paho.subscribe("p/#", options=SubscribeOptions(1), properties=properties(
            PacketTypes.SUBSCRIBE, SubscriptionIdentifier=7))[1]
        reader.wait(lambda: number in reader.granted, "no SUBACK")
        writer = Client("writer").connect(port)
        sent = properties(PacketTypes.PUBLISH, PayloadFormatIndicator=1, ContentType="text/plain",
                          ResponseTopic="answers", CorrelationData=b"\1\2",
                          MessageExpiryInterval=100,
                          UserProperty=[("k", "v"), ("k", "w"), ("", "")])
        writer.publish("p/q", "hello", 1, properties=sent)
        got = reader.expect("hello")[0].properties
        for name in ("PayloadFormatIndicator", "ContentType", "ResponseTopic", "CorrelationData",
                     "UserProperty"):
            assert getattr(got, name) == getattr(sent, name), name
        assert got.SubscriptionIdentifier == [7] and 98 <= got.MessageExpiryInterval <= 100
        writer.disconnect()
        reader.disconnect()


def test_retained():
    port = free_port()
    with Broker([tcp(port)]):
        for version in (V3, V5):
            writer = Client("writer", version).connect(port)
            for topic in ("r/a", "r/b"):
                writer.publish(topic, topic, 1, retain=True)
            reader = Client("reader", version).connect(port)
            reader.subscribe(("r/+", option(version, 1)))
            reader.wait(lambda r=reader: len(r.messages) == 2, "two retained messages")
            assert sorted(reader.texts()) == ["r/a", "r/b"]
            assert all(message.retain for message in reader.messages)
            reader.messages.clear()
            writer.publish("r/a", "live", 1, retain=True)
            assert not reader.expect("live")[0].retain
            for topic in ("r/a", "r/b"):
                writer.publish(topic, "", 1, retain=True)
            reader.expect("", "")
            late = Client("late", version).connect(port)
            late.subscribe(("r/+", option(version, 1)), ("end", option(version, 1)))
            writer.publish("end", "end", 1)
            late.expect("end")
            for client in (writer, reader, late):
                client.disconnect()


def test_retain_options():
    port = free_port()
    with Broker([tcp(port)]):
        client = Client("client").connect(port)
        client.publish("a", "kept", 1, retain=True)
        client.subscribe(("a", SubscribeOptions(1, retainHandling=2)))
        client.subscribe(("a", SubscribeOptions(1, retainHandling=1)))
        client.subscribe(("a", SubscribeOptions(1, noLocal=True, retainHandling=2)))
        client.publish("a", "own", 1)
        client.subscribe(("a", SubscribeOptions(1, retainAsPublished=True, retainHandling=0)))
        assert client.expect("kept")[0].retain
        client.publish("a", "published", 1, retain=True)
        assert client.expect("published")[0].retain
        client.disconnect()


def test_wills():
    port = free_port()
    with Broker([tcp(port)]):
        reader = Client("reader").connect(port)
        reader.subscribe(("will/#", option(V5, 2)))
        for version in (V3, V5):
            for qos in (0, 1, 2):
                will = {"topic": f"will/{qos}", "payload": "lost", "qos": qos}
                Client("dying", version, will=will).connect(port).drop()
                assert reader.expect("lost")[0].qos == qos
                Client("polite", version, will=will).connect(port).disconnect()
        delayed = {"topic": "will/late", "payload": "late", "qos": 1, "properties": properties(
            PacketTypes.WILLMESSAGE, WillDelayInterval=1)}
        begin = time.monotonic()
        Client("dying", will=delayed, expiry=60).connect(port).drop()
        reader.expect("late")
        assert time.monotonic() - begin >= 0.9
        reader.disconnect()


def test_shared_subscriptions():
    port = free_port()
    with Broker([tcp(port)], "workers=2"):
        readers = [Client(f"reader-{number}", V5 if number else V3) for number in range(4)]
        for reader in readers:
            reader.connect(port)
            reader.subscribe(("$share/group/s/#", option(reader.version, 1)))
        writer = Client("writer").connect(port)
        texts = [str(number) for number in range(400)]
        for text in texts:
            writer.publish("s/x", text, 1)
        for reader in readers:
            reader.wait(lambda r=reader: len(r.messages) == 100, "a fair share")
        got = [text for reader in readers for text in reader.texts()]
        assert sorted(got) == sorted(texts)
        for client in (*readers, writer):
            client.disconnect()


def test_persistent_sessions():
    port = free_port()
    with Broker([tcp(port)], "workers=2"):
        writer = Client("writer").connect(port)
        for version in (V3, V5):
            name = f"keeper-{version}"
            first = Client(name, version, clean=False, expiry=100).connect(port, present=False)
            first.subscribe((f"{name}/#", option(version, 2)))
            first.disconnect()
            for qos in (0, 1, 2):
                writer.publish(f"{name}/x", f"while away {qos}", qos)
            second = Client(name, version, clean=False, expiry=100).connect(port, present=True)
            second.expect("while away 1", "while away 2")
            second.drop()
            writer.publish(f"{name}/x", "while lost", 2)
            third = Client(name, version, clean=False, expiry=100).connect(port, present=True)
            third.expect("while lost")
            third.disconnect()
            Client(name, version, clean=True).connect(port, present=False).disconnect()
            Client(name, version, clean=False).connect(port, present=False).disconnect()
        writer.disconnect()


def test_takeover():
    port = free_port()
    with Broker([tcp(port)], "workers=2"):
        for version in (V3, V5):
            first = Client("same", version).connect(port)
            first.paho.loop_stop()  # nor does it connect again by itself
            second = Client("same", version).connect(port)
            connection = first.paho.socket()
            connection.settimeout(PATIENCE)
            while connection.recv(100):  # until the server has closed it
                pass
            second.publish("x", "works", 1)
            second.disconnect()


def test_tls():
    port = free_port()
    folder = tempfile.mkdtemp(prefix="paho_test_")
    make_certificate(folder, "authority")
    make_certificate(folder, "server", "authority")
    listener = {"address": f"tls://127.0.0.1:{port}", "allow_anonymous": "true",
                "certificate": f"{folder}/server.pem", "key": f"{folder}/server.key"}
    with Broker([listener], folder=folder):
        context = ssl.create_default_context(cafile=f"{folder}/authority.pem")
        context.check_hostname = False
        for version in (V3, V5):
            client = Client("tls", version, tls=context).connect(port)
            client.subscribe(("t", option(version, 2)))
            client.publish("t", "x" * 300000, 2)
            client.expect("x" * 300000)
            client.disconnect()
        try:
            Client("distrustful", tls=ssl.create_default_context()).connect(port)
            raise AssertionError("a certificate of nobody was accepted")
        except ssl.SSLError:
            pass


if __name__ == "__main__":
    sys.exit(run_tests(globals(), sys.argv[1:]))
