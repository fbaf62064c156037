#!/usr/bin/env python3
"""Who may do what in a namespace of Event Grid: what the file declares, what is changed while the
broker runs, and what outlives a crash of it.

A change is made here as the bridge makes it, by a retained message with a mark; when the broker
tells the mark on `$config/applied`, the change must hold for every client.

    BIN=build/dev/bin tests/e2e/namespace_access_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import signal
import subprocess
import sys
import tempfile

from auth_test import BIN, DISCONNECT, PUBACK, PUBLISH, SUBACK, Client, variable
from net_test import Broker, free_port, run_tests, text

SUCCESS, NO_SUBSCRIBERS, NOT_AUTHORIZED, ADMINISTRATIVE = 0, 0x10, 0x87, 0x98
USERS = "sensor1", "sensor2", "boss", "admin"
CORRELATION_DATA = 9

PLANT = {
    "name": "plant",
    "properties": {"topicSpacesConfiguration": {
        "state": "Enabled", "maximumClientSessionsPerAuthenticationName": 9}},
    "clients": [
        {"name": "s1", "properties": {"authenticationName": "Sensor1", "attributes": {
            "type": "sensor", "areas": ["east", "west"]}}},
        {"name": "boss", "properties": {"attributes": {"floor": 2}}},
    ],
    "clientGroups": [
        {"name": "sensors", "properties": {"query": "attributes.type = 'sensor'"}},
        {"name": "upstairs", "properties": {"query": "attributes.floor >= 2"}},
    ],
    "topicSpaces": [
        {"name": "telemetry", "properties": {"topicTemplates": [
            "areas/${client.attributes.areas}/${client.authenticationName|.v1}/+"]}},
        {"name": "all-areas", "properties": {"topicTemplates": ["areas/#"]}},
        {"name": "commands", "properties": {"topicTemplates": ["commands/${client.authenticationName}/#"]}},
    ],
    "permissionBindings": [
        {"name": "sensors-publish", "properties": {
            "clientGroupName": "sensors", "topicSpaceName": "telemetry", "permission": "Publisher"}},
        {"name": "upstairs-read", "properties": {
            "clientGroupName": "upstairs", "topicSpaceName": "all-areas", "permission": "Subscriber"}},
        {"name": "all-commands", "properties": {
            "clientGroupName": "$all", "topicSpaceName": "commands", "permission": "Subscriber"}},
    ],
}


class Plant:
    """A broker with the namespace `plant`, users with the password `pw`, and an administrator."""

    def __init__(self, folder, namespace=None):
        self.folder, self.port, self.number = folder, free_port(), 0
        for user in USERS:
            create = [] if os.path.exists(f"{folder}/users") else ["-c"]
            subprocess.run([f"{BIN}/pubgrid", "passwd", "-b", *create, f"{folder}/users", user, "pw"], check=True)
        self.namespace = namespace or PLANT

    def text(self):
        return (f"auth:\n  password_file: {self.folder}/users\n"
                'access:\n  - user: admin\n    publish: ["$config/#"]\n'
                '  - user: admin\n    subscribe: ["$config/#"]\n'
                f"event_grid:\n  namespaces: [{json.dumps(self.namespace)}]\n")

    def __enter__(self):
        listener = {"address": f"tcp://127.0.0.1:{self.port}", "allow_anonymous": "true"}
        self.broker = Broker([listener], "workers=2", folder=self.folder, more=self.text()).__enter__()
        self.begin_administration()
        return self

    def __exit__(self, kind, *rest):
        while Client.open:
            Client.open.pop().socket.close()
        self.broker.__exit__(kind, *rest)

    def begin_administration(self):
        self.admin = self.connect("admin").hello()
        self.admin.subscribe("$config/applied")

    def connect(self, user, version=5, **how):
        return Client(self.port, f"{user}-device", version, user=user, password="pw", **how)

    def change(self, place, properties):
        """Of a child. `properties` None: it is deleted."""
        collection, name = place.split("/")
        self.put(f"/{collection.lower()}/{name}",
                 None if properties is None else {"name": name, "properties": properties})

    def put(self, place, said):
        """Of the namespace, or what is below it. Returns when all workers have it in force."""
        self.number += 1
        mark = b"\0\0\0\7" + self.number.to_bytes(4, "big")
        told = bytes([CORRELATION_DATA, 0, len(mark)]) + mark
        payload = b"" if said is None else json.dumps(said).encode()
        self.admin.send(0x33, text(f"$config/eventgrid/namespaces/plant{place}") + b"\0\7" +
                        variable(len(told)) + told + payload)
        packets = {}
        while len(packets) < 2:  # PUBACK says that it is stored, in whichever order
            kind, body = self.admin.receive_any()
            assert kind in (PUBACK, PUBLISH), kind
            packets[kind] = body
        assert packets[PUBLISH].endswith(mark), packets

    def start_again(self):
        """Without warning, and with the same files."""
        self.broker.process.kill()
        self.broker.process.wait()
        while Client.open:
            Client.open.pop().socket.close()
        listener = {"address": f"tcp://127.0.0.1:{self.port}", "allow_anonymous": "true"}
        self.broker = Broker([listener], "workers=2", folder=self.folder, more=self.text()).__enter__()
        self.begin_administration()

    def reload(self):
        before = self.broker.count(" reloaded ")
        with open(self.broker.config, encoding="utf-8") as file:
            listeners = file.read().split("auth:")[0]
        with open(self.broker.config, "w", encoding="utf-8") as file:
            file.write(listeners + self.text())
        self.broker.signal(signal.SIGHUP)
        self.broker.wait_for(" reloaded ", before + 1)


def granted(client, *filters):
    """The codes of SUBACK."""
    body = b"\0\1" + (b"\0" if client.version == 5 else b"")
    client.send(0x82, body + b"".join(text(topic) + b"\1" for topic in filters))
    return list(client.receive(SUBACK)[-len(filters):])


def check_gets(client, topic):
    assert client.next_message() == topic


def check_gets_nothing(client):
    client.sync()


def check_disconnected(client):
    assert client.receive(DISCONNECT)[0] == ADMINISTRATIVE
    client.expect_end()


def with_plant(test):
    def run():
        with tempfile.TemporaryDirectory(prefix="access_test_") as folder:
            with Plant(folder) as plant:
                test(plant)
    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


# ---------------------------------------------------------------- what the file declares


@with_plant
def test_templates_and_groups(plant):
    """One in the group publishes where its attributes and its name say, and nowhere else."""
    boss, sensor = plant.connect("boss").hello(), plant.connect("sensor1").hello()
    assert granted(boss, "areas/#", "#", "commands/boss/+", "commands/sensor1/#") == [
        1, NOT_AUTHORIZED, 1, NOT_AUTHORIZED]
    assert granted(sensor, "commands/Sensor1/go", "areas/east/#") == [1, NOT_AUTHORIZED]
    for area in "east", "west":
        assert sensor.publish(f"areas/{area}/Sensor1.v1/t") == SUCCESS
        check_gets(boss, f"areas/{area}/Sensor1.v1/t")
    assert sensor.publish("areas/north/Sensor1.v1/t") == NOT_AUTHORIZED
    assert sensor.publish("areas/east/sensor1.v1/t") == NOT_AUTHORIZED  # it is spelled otherwise
    other = plant.connect("sensor2").hello()
    assert other.publish("areas/east/sensor2.v1/t") == NOT_AUTHORIZED  # it is in no group but $all
    assert granted(other, "commands/sensor2/#") == [1]
    check_gets_nothing(boss)


@with_plant
def test_3_1_1_is_disconnected(plant):
    sensor = plant.connect("sensor2", version=4).hello()
    assert granted(sensor, "commands/sensor2/#", "areas/#") == [1, 0x80]
    sensor.send(0x32, text("areas/x") + b"\0\7")
    sensor.expect_end()


# ---------------------------------------------------------------- changes


@with_plant
def test_a_permission_is_lost_at_once(plant):
    """What is published after the change was answered does not come any more; and comes again."""
    boss, sensor = plant.connect("boss").hello(), plant.connect("sensor2").hello()
    assert granted(boss, "areas/+/#") == [1]
    plant.change("clients/s2", {"authenticationName": "sensor2", "attributes": {
        "type": "sensor", "areas": "north"}})
    for _ in range(5):
        assert sensor.publish("areas/north/sensor2.v1/t") == SUCCESS
        check_gets(boss, "areas/north/sensor2.v1/t")
        plant.change("clients/boss", {"attributes": {"floor": 1}})
        assert sensor.publish("areas/north/sensor2.v1/lost") == SUCCESS
        check_gets_nothing(boss)
        assert granted(boss, "areas/#") == [NOT_AUTHORIZED]
        plant.change("clients/boss", None)  # what the file declares holds again
    plant.change("permissionBindings/sensors-publish", {
        "clientGroupName": "$all", "topicSpaceName": "commands", "permission": "Publisher"})
    assert sensor.publish("areas/north/sensor2.v1/t") == NOT_AUTHORIZED
    assert sensor.publish("commands/sensor2/t") == NO_SUBSCRIBERS


@with_plant
def test_a_client_is_disabled_and_deleted(plant):
    plant.change("clients/s2", {"authenticationName": "sensor2"})
    sensor, boss = plant.connect("sensor2").hello(), plant.connect("boss").hello()
    plant.change("clients/s2", {"authenticationName": "SENSOR2", "state": "Disabled"})
    check_disconnected(sensor)
    assert plant.connect("sensor2").reason() == NOT_AUTHORIZED
    plant.change("clients/s2", {"authenticationName": "sensor2"})
    sensor = plant.connect("sensor2").hello()
    plant.change("clients/s2", None)
    check_disconnected(sensor)
    check_gets_nothing(boss)


@with_plant
def test_what_was_changed_outlives_a_crash(plant):
    plant.change("topicSpaces/all-areas", {"topicTemplates": ["areas/lobby/#"]})
    plant.change("clients/s2", {"authenticationName": "sensor2", "state": "Disabled"})
    plant.start_again()
    assert plant.connect("sensor2").reason() == NOT_AUTHORIZED
    boss = plant.connect("boss").hello()
    assert granted(boss, "areas/#", "areas/lobby/x") == [NOT_AUTHORIZED, 1]


@with_plant
def test_the_file_is_read_again(plant):
    boss = plant.connect("boss").hello()
    assert granted(boss, "areas/#") == [1]
    plant.change("topicSpaces/all-areas", {"topicTemplates": ["areas/lobby/#"]})
    plant.namespace = json.loads(json.dumps(PLANT))
    plant.namespace["clientGroups"][1]["properties"]["query"] = "attributes.floor > 2"
    plant.namespace["clients"].append({"name": "admin", "properties": {}})
    plant.reload()
    plant.change("clients/admin", {"attributes": {"floor": 3}})  # behind the reload, in every worker
    assert granted(boss, "areas/lobby/x") == [NOT_AUTHORIZED]
    assert granted(plant.admin, "areas/lobby/x", "areas/#") == [1, NOT_AUTHORIZED]


@with_plant
def test_what_is_no_good_changes_nothing(plant):
    """The log says so, and the broker goes on with what it had."""
    boss = plant.connect("boss").hello()
    assert granted(boss, "areas/#") == [1]
    plant.change("topics/orders", {"x": 1})  # nothing that says who may do what
    plant.change("clientGroups/upstairs", {"query": "attributes.floor >"})
    plant.broker.wait_for("setting of a namespace ignored")
    assert granted(boss, "areas/#") == [NOT_AUTHORIZED]  # its group is not there
    plant.change("clientGroups/upstairs", {"query": "attributes.floor = 2"})
    assert granted(boss, "areas/#") == [1]


if __name__ == "__main__":
    sys.exit(run_tests(globals(), sys.argv[1:]))
