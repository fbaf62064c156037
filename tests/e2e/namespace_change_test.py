#!/usr/bin/env python3
"""What MQTT devices of a namespace notice of its management: changes by `pubgrid namespace` and by Azure Resource
Manager's paths, against a broker with two workers and two bridge processes, with clients of raw bytes.

    BIN=build/dev/bin tests/e2e/namespace_change_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import subprocess
import sys

from auth_test import BIN, Client
from namespace_access_test import (NOT_AUTHORIZED, NO_SUBSCRIBERS, SUCCESS, check_disconnected, check_gets, check_gets_nothing,
                                   granted)
from namespace_test import NamespaceWorld
from net_test import run_tests
from stand_in import token_for

ROUNDS = 10
PLANT = ("/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/namespaces/plant/{}"
         "?api-version=2024-06-01-preview")


class Devices(NamespaceWorld):
    """The namespace `plant`: sensors publish below their area, whoever is on floor 2 reads all of it."""

    def __init__(self):
        super().__init__()
        self.users = f"{self.folder.name}/users"
        for user in "sensor", "boss":
            create = [] if user == "boss" else ["-c"]
            subprocess.run([f"{BIN}/pubgrid", "passwd", "-b", *create, self.users, user, "pw"], check=True)
        self.write(f"auth: {{password_file: {self.users}}}")

    def __enter__(self):
        super().__enter__()
        self.namespace("create", "plant", "--mqtt", "--sessions", "9")
        self.set_client("sensor", {"attributes": {"type": "sensor", "area": "east"}})
        self.set_client("boss", {"attributes": {"floor": 2}})
        for name, query in ("sensors", "attributes.type = 'sensor'"), ("upstairs", "attributes.floor >= 2"):
            self.namespace("group", "create", "plant", name, "--query", query)
        self.namespace("space", "create", "plant", "telemetry", "--topic-template", "areas/${client.attributes.area}/+")
        self.namespace("space", "create", "plant", "all-areas", "--topic-template", "areas/#")
        self.bind("sensors", "telemetry", "Publisher")
        self.bind("upstairs", "all-areas", "Subscriber")
        return self

    def __exit__(self, *how):
        while Client.open:
            Client.open.pop().socket.close()
        return super().__exit__(*how)

    def bind(self, group, space, permission):
        self.namespace("binding", "create", "plant", f"{group}-{space}", "--group", group, "--space", space,
                       "--permission", permission)

    def arm(self, method, place, body=None):
        """By whichever of the two processes takes the connection."""
        path = PLANT.format(place)
        token = token_for(f"http://127.0.0.1:{self.http}{path.split('?')[0]}", f"{self.folder.name}/store")
        return self.ask(method, path, body, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})

    def set_client(self, name, properties):
        status, body = self.arm("PUT", f"clients/{name}", {"properties": properties})
        assert status in (200, 201), (status, body)

    def connect(self, user, version=5):
        return Client(self.mqtt, f"{user}-device", version, user=user, password="pw")


def test_who_loses_a_permission_gets_nothing_that_is_published_after_the_answer():
    with Devices() as world:
        boss, sensor = world.connect("boss").hello(), world.connect("sensor").hello()
        assert granted(boss, "areas/+/t", "#") == [1, NOT_AUTHORIZED]
        for _ in range(ROUNDS):
            assert sensor.publish("areas/east/t") == SUCCESS
            check_gets(boss, "areas/east/t")
            world.set_client("boss", {"attributes": {"floor": 1}})
            assert sensor.publish("areas/east/t") == SUCCESS
            check_gets_nothing(boss)
            world.set_client("boss", {"attributes": {"floor": 2}})


def test_where_one_may_publish_follows_its_attributes_and_the_templates():
    with Devices() as world:
        sensor = world.connect("sensor").hello()
        for area in "west", "north":
            world.set_client("sensor", {"attributes": {"type": "sensor", "area": area}})
            assert sensor.publish(f"areas/{area}/t") == NO_SUBSCRIBERS
            assert sensor.publish("areas/east/t") == NOT_AUTHORIZED
        world.namespace("space", "create", "plant", "telemetry", "--topic-template", "t/${client.authenticationName}")
        assert sensor.publish("areas/north/t") == NOT_AUTHORIZED
        assert sensor.publish("t/sensor") == NO_SUBSCRIBERS
        world.namespace("binding", "delete", "plant", "sensors-telemetry")
        assert sensor.publish("t/sensor") == NOT_AUTHORIZED


def test_who_is_disabled_or_deleted_is_disconnected():
    with Devices() as world:
        boss = world.connect("boss").hello()
        world.set_client("boss", {"state": "Disabled", "attributes": {"floor": 2}})
        check_disconnected(boss)
        assert world.connect("boss").reason() == NOT_AUTHORIZED
        world.set_client("boss", {"attributes": {"floor": 2}})
        boss = world.connect("boss").hello()
        assert world.arm("DELETE", "clients/boss")[0] in (200, 204)
        check_disconnected(boss)


def test_what_was_changed_holds_from_the_first_client_on_when_the_server_starts_again():
    with Devices() as world:
        world.set_client("boss", {"state": "Disabled"})
        world.namespace("space", "create", "plant", "telemetry", "--topic-template", "t/+")
        world.stop()
        world.start()
        assert world.connect("boss").reason() == NOT_AUTHORIZED
        sensor = world.connect("sensor").hello()
        assert sensor.publish("areas/east/t") == NOT_AUTHORIZED
        assert sensor.publish("t/1") == NO_SUBSCRIBERS


def test_without_the_namespace_everything_is_open_again():
    with Devices() as world:
        sensor = world.connect("sensor").hello()
        assert sensor.publish("anything") == NOT_AUTHORIZED
        world.namespace("delete", "plant")
        check_disconnected(sensor)  # its client resource went first
        assert world.connect("sensor").hello().publish("anything") == NO_SUBSCRIBERS


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(run_tests(globals(), sys.argv[1:]))
