#!/usr/bin/python3
"""Eclipse Paho's Python client (python3-paho-mqtt) against the broker, both protocol versions.

    BIN=build/dev/bin tests/e2e/paho_python_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import queue
import sys

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from net_test import PATIENCE, Broker, free_port, tcp

VERSIONS = {"3.1.1": paho.MQTTv311, "5": paho.MQTTv5}


class Client:
    """A connected client; what happens to it comes in queues."""

    def __init__(self, port, version, name, keep=False, will=None):
        self.events = {kind: queue.Queue() for kind in ("connect", "message", "ack", "published")}
        is_5 = version == "5"
        self.client = paho.Client(name, protocol=VERSIONS[version],
                                  **({} if is_5 else {"clean_session": not keep}))
        self.client.on_connect = lambda *a: self.events["connect"].put(a)
        self.client.on_message = lambda c, u, message: self.events["message"].put(message)
        self.client.on_subscribe = lambda *a: self.events["ack"].put(a)
        self.client.on_unsubscribe = lambda *a: self.events["ack"].put(a)
        self.client.on_publish = lambda c, u, mid: self.events["published"].put(mid)
        if will:
            self.client.will_set(*will)
        arguments = {}
        if is_5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 1000 if keep else 0
            arguments = {"clean_start": not keep, "properties": properties}
        self.client.connect("127.0.0.1", port, **arguments)
        self.client.loop_start()
        connected = self.wait("connect")
        self.session_present = connected[2]["session present"]
        assert int(connected[3].value if is_5 else connected[3]) == 0

    def wait(self, kind):
        return self.events[kind].get(timeout=PATIENCE)

    def subscribe(self, *arguments, **more):
        self.client.subscribe(*arguments, **more)
        return self.wait("ack")

    def publish(self, *arguments, **more):
        self.client.publish(*arguments, **more).wait_for_publish(PATIENCE)

    def message(self):
        return self.wait("message")

    def nothing(self):
        """No message is there or under way: a message of our own overtakes none."""
        self.subscribe("fence")
        self.publish("fence", b"fence")
        assert self.message().topic == "fence"

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()

    def drop(self):
        """Ends without DISCONNECT."""
        self.client.loop_stop()
        self.client._sock_close()


def test_qos_0_1_2(port, version):
    receiver, sender = Client(port, version, "receiver"), Client(port, version, "sender")
    for granted in (0, 1, 2):
        receiver.subscribe(f"q/{granted}/#", granted)
        for sent in (0, 1, 2):
            payload = f"{sent} to {granted}".encode() * 1000
            sender.publish(f"q/{granted}/{sent}", payload, qos=sent)
            got = receiver.message()
            assert (got.topic, got.payload, got.qos) == \
                (f"q/{granted}/{sent}", payload, min(sent, granted)), got
    receiver.close()
    sender.close()


def test_thousands_in_order(port, version):
    receiver, sender = Client(port, version, "receiver"), Client(port, version, "sender")
    receiver.subscribe("order", 2)
    sender.client.max_inflight_messages_set(100)
    for number in range(3000):
        sender.client.publish("order", str(number), qos=number % 2 + 1)
    # Within one QoS the order holds (MQTT-4.6.0-6).
    numbers = [int(receiver.message().payload) for _ in range(3000)]
    for rest in (0, 1):
        assert [n for n in numbers if n % 2 == rest] == list(range(rest, 3000, 2))
    receiver.close()
    sender.close()


def test_retained(port, version):
    sender = Client(port, version, "sender")
    sender.publish("kept/1", b"one", qos=1, retain=True)
    sender.publish("kept/2", b"two", qos=2, retain=True)
    sender.publish("kept/2", b"", qos=1, retain=True)
    receiver = Client(port, version, "receiver")
    receiver.subscribe("kept/#", 1)
    got = receiver.message()
    assert (got.topic, got.payload, got.retain, got.qos) == ("kept/1", b"one", True, 1)
    receiver.nothing()
    sender.publish("kept/1", b"", retain=True)
    receiver.close()
    sender.close()


def test_will(port, version):
    watcher = Client(port, version, "watcher")
    watcher.subscribe("gone/+", 1)
    Client(port, version, "victim", will=("gone/victim", b"bye", 1)).drop()
    got = watcher.message()
    assert (got.topic, got.payload) == ("gone/victim", b"bye")
    Client(port, version, "polite", will=("gone/polite", b"bye", 1)).close()
    watcher.nothing()
    watcher.close()


def test_session_resumes(port, version):
    first = Client(port, version, "sleeper", keep=True)
    assert not first.session_present
    first.subscribe("later/#", 2)
    first.close()
    sender = Client(port, version, "sender")
    for number in range(50):
        sender.publish("later/x", str(number), qos=number % 3)
    again = Client(port, version, "sleeper", keep=True)
    assert again.session_present
    kept = [number for number in range(50) if number % 3]
    got = [int(again.message().payload) for _ in kept]
    for qos in (1, 2):
        assert [n for n in got if n % 3 == qos] == [n for n in kept if n % 3 == qos]
    again.close()
    Client(port, version, "sleeper").close()  # and it ends
    sender.close()


def test_shared_subscription(port, version):
    members = [Client(port, version, f"member{i}") for i in range(3)]
    for member in members:
        member.subscribe("$share/team/work/#", 1)
    sender = Client(port, version, "sender")
    for number in range(90):
        sender.publish("work/x", str(number), qos=1)
    got = [[int(member.message().payload) for _ in range(30)] for member in members]
    assert sorted(sum(got, [])) == list(range(90)), got
    for client in (*members, sender):
        client.close()


def test_properties(port, version):
    if version != "5":
        return
    receiver, sender = Client(port, version, "receiver"), Client(port, version, "sender")
    receiver.subscribe("p", options=SubscribeOptions(qos=1, retainAsPublished=True))
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = "text/plain"
    properties.ResponseTopic = "answers"
    properties.CorrelationData = b"\x00\x01"
    properties.MessageExpiryInterval = 1000
    properties.PayloadFormatIndicator = 1
    properties.UserProperty = [("b", "2"), ("a", "1"), ("b", "3")]
    sender.publish("p", "text", qos=1, retain=True, properties=properties)
    got = receiver.message()
    assert got.retain and got.properties.ContentType == "text/plain"
    assert got.properties.ResponseTopic == "answers"
    assert got.properties.CorrelationData == b"\x00\x01"
    assert got.properties.UserProperty == [("b", "2"), ("a", "1"), ("b", "3")]
    assert 990 <= got.properties.MessageExpiryInterval <= 1000
    sender.publish("p", b"", retain=True)
    receiver.close()
    sender.close()


def main(names):
    tests = {name: test for name, test in globals().items() if name.startswith("test_")}
    port = free_port()
    passed = 0
    with Broker([tcp(port)], "workers=2"):
        for name in names or tests:
            for version in VERSIONS:
                tests[name](port, version)
                print(f"ok {name} ({version})")
                passed += 1
    print(f"{passed} passed, 0 failed")


if __name__ == "__main__":
    main(sys.argv[1:])
