#!/usr/bin/env python3
"""Namespaces as the person who runs the server sees them: `pubgrid namespace`, and events that go in and come out again,
against a broker and two bridge processes.

    BIN=build/dev/bin tests/e2e/namespace_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import json
import re
import subprocess
import sys

from event_test import EventWorld
from hub_test import BIN
from net_test import run_tests
from stand_in import until

HEADERS = {"Content-Type": "application/cloudevents+json; charset=utf-8"}


class NamespaceWorld(EventWorld):
    def namespace(self, *words, status=0, given=None):
        done = subprocess.run([f"{BIN}/pubgrid", "namespace", *words, "-c", self.config], input=given,
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == status, (words, done)
        return done.stdout if status == 0 else done.stderr

    def rows(self, *words):
        return [line.split() for line in self.namespace(*words).splitlines()[1:]]

    def properties(self, *words):
        return json.loads(self.namespace(*words, "--json"))["properties"]

    def key(self, *words):
        return re.search(r"key1: (\S+)", self.namespace(*words)).group(1)


def test_from_nothing_to_an_event_that_is_received():
    with NamespaceWorld() as world:
        assert re.match(r"plant: Succeeded, http://\S+/plant\n", world.namespace("create", "plant"))
        assert world.namespace("topic", "create", "plant", "readings", "--retention-days", "3").endswith(
            "/plant/topics/readings:publish\n")
        world.namespace("subscription", "create", "plant", "readings", "workers", "--event-ttl", "PT1H",
                        "--lock-duration", "120", "--event-type", "hot", "--event-type", "cold")
        delivery = world.properties("subscription", "show", "plant", "readings", "workers")
        assert delivery["deliveryConfiguration"]["queue"]["receiveLockDurationInSeconds"] == 120, delivery
        assert delivery["filtersConfiguration"]["includedEventTypes"] == ["hot", "cold"], delivery
        for key in world.key("keys", "plant"), world.key("topic", "keys", "plant", "readings"):
            event = {"specversion": "1.0", "id": key[:4], "source": "/s", "type": "hot"}
            headers = {**HEADERS, "Authorization": f"SharedAccessKey {key}"}
            assert world.ask("POST", "/plant/topics/readings:publish", event, headers) == (200, {})
            status, got = world.ask("POST", "/plant/topics/readings/eventsubscriptions/workers:receive", None, headers)
            assert status == 200 and got["value"][0]["event"]["id"] == key[:4], got
        world.namespace("topic", "regenerate-key", "plant", "readings", "key1")
        assert world.ask("POST", "/plant/topics/readings:publish", event, headers)[0] == 401
        assert world.rows("list")[0][0] == "plant" and world.rows("topic", "list", "plant")[0][0] == "readings"
        assert world.rows("subscription", "list", "plant", "readings") == [["workers", "Succeeded"]]
        world.namespace("delete", "plant")
        assert world.rows("list") == []


def test_events_of_a_custom_topic_go_to_a_namespace():
    arm = "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid"
    with NamespaceWorld() as world:
        world.namespace("create", "plant")
        world.namespace("topic", "create", "plant", "all")
        world.event("subscription", "create", "namespaces/plant/topics/all", "pull", "-", given="{}")
        world.event("topic", "create", "orders", "--input-schema", "CloudEventSchemaV1_0")
        there = {"endpointType": "NamespaceTopic", "properties": {"resourceId": f"{arm}/namespaces/plant/topics/all"}}
        world.event("subscription", "create", "orders", "forward", "-",
                    given=json.dumps({"properties": {"destination": there}}))
        world.event("send", "orders", "--type", "order.paid", "--subject", "42")
        headers = {"Authorization": f"SharedAccessKey {world.key('keys', 'plant')}"}
        status, got = world.ask("POST", "/plant/topics/all/eventsubscriptions/pull:receive", None, headers)
        assert status == 200 and got["value"][0]["event"]["subject"] == "42", got


def test_who_may_do_what():
    with NamespaceWorld() as world:
        world.namespace("create", "plant", "--mqtt", "--session-expiry", "2")
        world.namespace("client", "create", "plant", "pump-1", "--attributes", '{"type":"pump"}', "--description", "d")
        world.namespace("group", "create", "plant", "pumps", "--query", "attributes.type = 'pump'")
        world.namespace("space", "create", "plant", "own", "--topic-template", "a/${client.authenticationName}",
                        "--topic-template", "b,c/#")
        world.namespace("binding", "create", "plant", "send", "--group", "pumps", "--space", "own", "--permission",
                        "Publisher")
        assert world.rows("client", "list", "plant") == [["pump-1", "pump-1", "Enabled"]]
        assert world.rows("binding", "list", "plant") == [["send", "pumps", "own", "Publisher"]]
        assert world.rows("space", "list", "plant") == [["own", '["a/${client.authenticationName}","b,c/#"]']]
        assert world.properties("space", "show", "plant", "own")["topicTemplates"][1] == "b,c/#"
        assert "needs it" in world.namespace("group", "delete", "plant", "pumps", status=1)
        world.namespace("update", "plant", "-", given='{"tags":{"a":"b"}}')
        spaces = world.properties("show", "plant")["topicSpacesConfiguration"]
        assert spaces["state"] == "Enabled" and spaces["maximumSessionExpiryInHours"] == 2, spaces
        assert "another namespace is Enabled" in world.namespace("create", "other", "--mqtt", status=1)


class SmallStoreWorld(NamespaceWorld):
    def write(self, hubs):
        super().write(hubs)
        with open(self.config, "r+") as file:
            text = file.read().replace("/store}", "/store, size_maximum: 16MiB}")
            file.seek(0)
            file.write(text)


def test_a_full_store_takes_acknowledgements():
    """They make room, so that events are taken again."""
    with SmallStoreWorld() as world:
        world.namespace("create", "plant")
        world.namespace("topic", "create", "plant", "readings")
        world.namespace("subscription", "create", "plant", "readings", "workers")
        headers = {**HEADERS, "Authorization": f"SharedAccessKey {world.key('keys', 'plant')}"}
        event = {"specversion": "1.0", "source": "/s", "type": "t", "data": "x" * 400_000}
        queue = "/plant/topics/readings/eventsubscriptions/workers"

        def publish(number):
            return world.ask("POST", "/plant/topics/readings:publish", {**event, "id": f"{number}"}, headers)[0]

        accepted = 0
        while (status := publish(accepted)) == 200:
            accepted += 1
            assert accepted < 200
        assert status == 503 and accepted > 20, (status, accepted)
        got = 0
        while got < accepted:
            status, found = world.ask("POST", f"{queue}:receive?maxEvents=100", None, headers)
            tokens = [one["brokerProperties"]["lockToken"] for one in found["value"]]
            assert status == 200 and tokens, (status, found)
            status, said = world.ask("POST", f"{queue}:acknowledge", {"lockTokens": tokens}, headers)
            assert status == 200 and len(said["succeededLockTokens"]) == len(tokens), (got, status, said)
            got += len(tokens)
        until(lambda: publish("again") == 200, "events are taken again")


def test_help():
    text = subprocess.run([f"{BIN}/pubgrid", "namespace", "--help"], capture_output=True, text=True, check=True).stdout
    assert all(len(line) <= 100 for line in text.splitlines())
    assert "pubgrid namespace create plant" in text


def test_what_is_wrong_is_said():
    with NamespaceWorld() as world:
        for words, said in [
                ([], "say what to do"), (["topic"], "say what to do with it"), (["paint"], "no such command"),
                (["client", "update", "a", "b"], "no such command"), (["create"], "words are missing"),
                (["list", "x"], "no argument"), (["create", "plant", "--query", "x"], "of another command"),
                (["list", "--mqtt"], "of another command"), (["create", "plant", "-", "--mqtt"], "leave the flags out"),
                (["topic", "create", "plant", "abc", "--retention-days", "x"], "is a whole number"),
                (["client", "create", "plant", "abc", "--attributes", "{"], "is JSON"),
                (["certificate", "create", "plant", "abc", "--certificate", "/nowhere"], "/nowhere"),
                (["show", "plant"], "was not found"), (["create", "a.b"], "only letters")]:
            assert said in world.namespace(*words, status=1), (words, said)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(run_tests(globals(), sys.argv[1:]))
