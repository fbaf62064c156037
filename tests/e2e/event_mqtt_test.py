#!/usr/bin/python3
"""Event Grid and MQTT clients, by Eclipse Paho's Python client: events of an event topic in the CloudEvents MQTT
binding on `$events/TOPIC`, both ways, with two bridge processes; topics that come with a reload and keys that stay.

    BIN=build/dev/bin tests/e2e/event_mqtt_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile

from paho_python_test import Client, PacketTypes, SubscribeOptions, properties
from net_test import PATIENCE, free_port, run_tests
from stand_in import until

BIN = os.path.abspath(os.environ.get("BIN", "build/dev/bin"))
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
SUBSCRIPTION = """
      eventSubscriptions:
        - name: live
          properties:
            destination: {endpointType: MqttTopic, properties: {topic: "out/{id}"}}
"""


def topic(name):
    return f"""
    - name: {name}
      key1: {KEY}
      properties: {{inputSchema: CloudEventSchemaV1_0}}{SUBSCRIPTION}"""


class Server:
    """A broker and two bridge processes with these event topics; MQTT clients may do what they like."""

    def __init__(self, *topics):
        self.folder = tempfile.TemporaryDirectory(prefix="event_mqtt_test_")
        self.mqtt, self.http = free_port(), free_port()
        self.config = f"{self.folder.name}/pubgrid.yaml"
        self.write(*topics)
        self.start()

    def write(self, *topics):
        with open(self.config, "w") as file:
            file.write(f"""
store: {{path: {self.folder.name}/store}}
listeners: ["tcp://127.0.0.1:{self.mqtt}"]
access:
  - {{publish: ["#", "$events/#"], subscribe: ["#", "$events/#"]}}
bridge: {{processes: 2, listeners: ["http://127.0.0.1:{self.http}"]}}
event_grid:
  topics:{''.join(map(topic, topics))}
""")

    def start(self):
        self.process = subprocess.Popen([f"{BIN}/pubgrid", "serve", "-c", self.config], stderr=subprocess.DEVNULL)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.folder.cleanup()

    def post(self, name, event):
        """The status; 0: nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=PATIENCE)
        try:
            connection.request("POST", f"/topics/{name}/api/events", json.dumps(event),
                               {"aeg-sas-key": KEY, "content-type": "application/cloudevents+json"})
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def publish(self, name, number):
        """At the beginning it may be too early: publishers send again."""
        until(lambda: self.post(name, event(number)) == 200, f"{name} takes no event")


def event(number):
    return {"specversion": "1.0", "id": number, "source": "/s", "type": "t", "datacontenttype": "application/json",
            "data": {"n": number}}


def watch(server, name="watcher"):
    client = Client(name).connect(server.mqtt)
    client.subscribe(("$events/#", SubscribeOptions(1)), ("out/+", SubscribeOptions(1)))
    return client


def identifier(message):
    """Of the event that it is: an attribute in the binding, the end of the topic where it is delivered."""
    attributes = dict(getattr(message.properties, "UserProperty", []))
    return attributes.get("id") or message.topic.rpartition("/")[2]


def seen(client):
    """What came, as often as it did; but for what asked whether the server is ready, which may come late."""
    return sorted(message.topic for message in client.messages if identifier(message) not in ("first", "early"))


def test_events_come_to_mqtt_clients():
    with Server("orders") as server:
        until(lambda: server.post("orders", event("first")) == 200, "not ready")
        client = watch(server)
        server.publish("orders", "a")
        client.wait(lambda: seen(client) == ["$events/orders", "out/a"], "not both")
        copy = next(message for message in client.messages
                    if message.topic.startswith("$") and identifier(message) == "a")
        assert json.loads(copy.payload) == {"n": "a"}
        attributes = dict(copy.properties.UserProperty)
        assert attributes["id"] == "a" and attributes["specversion"] == "1.0", attributes
        assert copy.properties.ContentType == "application/json"
        delivered = next(message for message in client.messages if message.topic == "out/a")
        assert json.loads(delivered.payload) == event("a")
        client.disconnect()


def publish_by_mqtt(client, number):
    attributes = [("specversion", "1.0"), ("id", number), ("source", "/device"), ("type", "t")]
    client.publish("$events/orders", '{"n":1}', 1, properties=properties(
        PacketTypes.PUBLISH, UserProperty=attributes, ContentType="application/json"))


def is_heard(device, client):
    """At the very first start it may be too early: nobody hears it yet."""
    publish_by_mqtt(device, "early")
    return any(message.topic == "out/early" for message in client.messages)


def test_mqtt_clients_publish_events():
    with Server("orders") as server:
        until(lambda: server.post("orders", event("first")) == 200, "not ready")
        early, device = watch(server, "early"), Client("device").connect(server.mqtt)
        until(lambda: is_heard(device, early), "nobody hears events")
        early.disconnect()
        client = watch(server)
        publish_by_mqtt(device, "m")
        client.wait(lambda: seen(client) == ["$events/orders", "out/m"], "not both")
        assert json.loads(next(m for m in client.messages if m.topic == "out/m").payload) == {
            "specversion": "1.0", "id": "m", "source": "/device", "type": "t",
            "datacontenttype": "application/json", "data": {"n": 1}}
        # What is no event has gone by, and no copy has come back as another event.
        device.publish("$events/orders", "no event", 1)
        device.publish("$events/nobody", "no topic", 1)
        for number in range(10):
            server.publish("orders", f"h{number}")
        client.wait(lambda: len([t for t in seen(client) if t.startswith("out/h")]) >= 10, "not all")
        client.wait(lambda: seen(client).count("$events/orders") >= 12, "not all copies")
        device.publish("out/end", "", 1)
        client.wait(lambda: "out/end" in seen(client), "no end")
        assert seen(client) == sorted(["$events/orders"] * 12 + ["$events/nobody", "out/m", "out/end"] +
                                      [f"out/h{number}" for number in range(10)]), seen(client)
        client.disconnect()
        device.disconnect()


def test_topics_come_with_a_reload_and_events_outlive_a_restart():
    with Server("orders") as server:
        server.publish("orders", "a")
        until(lambda: server.post("stock", event("b")) == 404, "stock is there")  # from a process that is ready
        server.write("orders", "stock")
        server.process.send_signal(signal.SIGHUP)
        server.publish("stock", "b")
        server.stop()
        server.start()
        client = watch(server) if server.publish("stock", "c") is None else None
        server.publish("stock", "d")
        client.wait(lambda: "out/d" in seen(client), "not delivered")
        client.disconnect()


if __name__ == "__main__":
    sys.exit(run_tests(globals(), sys.argv[1:]))
