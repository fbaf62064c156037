#!/usr/bin/env python3
"""Event Grid as the person who runs it sees it: `pubgrid event` and the management API against a broker and two bridge
processes, with a webhook of the test's.

    BIN=build/dev/bin tests/e2e/event_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import http.client
import json
import subprocess
import sys

from hub_test import BIN, World
from net_test import run_tests
from stand_in import StandIn, token_for, until

ARM = "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid"


class EventWorld(World):
    def is_ready(self):
        """Both processes are there, and have heard what is set."""
        with contextlib.suppress(OSError):
            return self.has_both() and all(self.ask("GET", "/readyz")[0] == 200 for _ in range(20))
        return False

    def event(self, *words, status=0, given=None):
        done = subprocess.run([f"{BIN}/pubgrid", "event", *words, "-c", self.config], input=given, capture_output=True,
                              text=True, timeout=60, check=False)
        assert done.returncode == status, (words, done)
        return done.stdout if status == 0 else done.stderr

    def ask(self, method, target, body=None, headers=None):
        """Status and JSON, over a connection of its own, so from any process."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=60)
        connection.request(method, target, body and json.dumps(body), headers or {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text and text[:1] in b"{[" else text.decode()


class Webhook(StandIn):
    """Consents, keeps the events that come, and answers `status`."""

    def __init__(self, status=200, consents=True):
        self.status, self.consents, self.events, self.links = status, consents, [], []
        super().__init__()

    def answer(self, request):
        kind, events = request.headers["aeg-event-type"], json.loads(request.body)
        if kind == "Notification":
            self.events += [event["id"] for event in events]
            self.reply(request, self.status)
        elif kind == "SubscriptionValidation":
            self.links.append(events[0]["data"]["validationUrl"])
            code = {"validationResponse": events[0]["data"]["validationCode"]}
            self.reply(request, 200, json.dumps(code) if self.consents else "")
        else:
            self.reply(request, 200)


def webhook_to(url):
    return {"properties": {"destination": {"endpointType": "WebHook", "properties": {"endpointUrl": url}}}}


def test_what_is_made_is_everywhere_and_stays():
    with EventWorld() as world, Webhook() as hook:
        assert world.event("topic", "create", "orders").startswith("orders: Succeeded, ")
        world.event("subscription", "create", "orders", "billing", "--endpoint", f"{hook.url}/x?code=secret")
        for _ in range(20):  # connections, so of all processes
            status, found = world.ask("GET", f"{ARM}/topics/orders/eventSubscriptions/billing?api-version=2022-06-15")
            assert status == 200 and found["properties"]["provisioningState"] == "Succeeded", found
            assert found["properties"]["destination"]["properties"]["endpointBaseUrl"] == f"{hook.url}/x", found
        world.stop()
        world.start()
        keys = world.event("topic", "keys", "orders")
        assert "billing" in world.event("subscription", "list", "orders")
        assert world.event("topic", "keys", "orders") == keys
        world.event("send", "orders", "--type", "t", "--id", "e1")
        until(lambda: hook.events == ["e1"], "the event is delivered")
        world.event("topic", "delete", "orders")
        assert {world.ask("GET", "/api/eventgrid/topics/orders")[0] for _ in range(20)} == {404}


def test_who_may():
    with EventWorld("event_grid: {open_management: false}") as world:
        path = "/api/eventgrid/topics"
        assert world.ask("GET", path)[0] == 401
        assert world.event("topic", "list").startswith("NAME")  # with a token
        for audience in (f"http://127.0.0.1:{world.http}{path}", f"http://127.0.0.1:{world.http}",
                         "https://management.azure.com/"):
            bearer = {"Authorization": f"Bearer {token_for(audience, f'{world.folder.name}/store')}"}
            assert world.ask("GET", path, headers=bearer)[0] == 200, audience
        client = token_for(f"http://127.0.0.1:{world.http}/client/hubs/news", f"{world.folder.name}/store")
        assert world.ask("GET", path, headers={"Authorization": f"Bearer {client}"})[0] == 401
        assert world.ask("GET", "/eventgrid/validate?id=x")[0] == 400
    with EventWorld() as world:
        assert world.ask("GET", path)[0] == 200
        for name, value in (("X-Forwarded-For", "10.0.0.1"), ("Origin", "http://evil.example"), ("Host", "evil.example")):
            assert world.ask("GET", path, headers={name: value})[0] == 401, name


def test_a_webhook_that_does_not_want_it():
    with EventWorld() as world, Webhook() as hook:
        world.event("topic", "create", "orders")
        url = hook.url
        hook.__exit__()
        said = world.event("subscription", "create", "orders", "billing", "--endpoint", url, status=1)
        assert "Webhook validation handshake failed for" in said, said
        assert "was not found" in world.event("subscription", "show", "orders", "billing", status=1)


def test_consent_by_hand():
    with EventWorld() as world, Webhook(consents=False) as hook:
        world.event("topic", "create", "orders")
        assert "AwaitingManualAction" in world.event("subscription", "create", "orders", "billing", "--endpoint", hook.url)
        target = hook.links[0].split("/", 3)[3]
        status, text = world.ask("GET", f"/{target}")
        assert status == 200 and "successfully validated" in text, text
        assert " Succeeded " in world.event("subscription", "list", "orders")


def test_dead_letters_are_seen_and_sent_again():
    with EventWorld() as world, Webhook(status=500) as hook:
        world.event("topic", "create", "orders")
        world.event("subscription", "create", "orders", "billing", "--endpoint", hook.url, "--max-delivery-attempts", "1",
                    "--deadletter-endpoint", "dead")
        world.event("send", "orders", "--type", "t", "--id", "e1")
        until(lambda: "e1 MaxDeliveryAttemptsExceeded 1" in world.event("dead-letter", "list", "orders", "billing"),
              "there is a dead letter")
        assert json.loads(world.event("dead-letter", "show", "orders", "billing", "e1"))["deliveryAttempts"] == 1
        assert " 500 " in world.event("subscription", "log", "orders", "--failures")
        hook.status = 200
        assert "(404): The event 'e2' was not found." in world.event("dead-letter", "resend", "orders", "billing", "e2",
                                                                     status=1)
        assert world.event("dead-letter", "resend", "orders", "billing") == "Sent: 1.\n"
        until(lambda: hook.events == ["e1", "e1"], "it is delivered")
        assert world.event("dead-letter", "list", "orders", "billing") == ""
        until(lambda: " 200 " in world.event("subscription", "log", "orders", "billing"), "and that is in the log")


def test_events_are_sent_again_out_of_the_archive():
    with EventWorld() as world, Webhook() as hook:
        world.event("topic", "create", "orders", "--retention-days", "1")
        for name in ("one", "two"):
            world.event("send", "orders", "--type", name, "--id", name)
        assert "(404)" in world.event("replay", "orders", "--since", "2020-01-01T00:00:00Z", "none", status=1)
        world.event("subscription", "create", "orders", "billing", "--endpoint", hook.url, "--included-event-types", "two")
        until(lambda: world.event("replay", "orders", "--since", "2020-01-01T00:00:00Z") == "Sent: 1.\n", "both are kept")
        until(lambda: hook.events and set(hook.events) == {"two"}, "what the filter takes is delivered")
        assert "does not" in world.event("test", "orders", "--type", "one")
        assert world.event("resend", "orders", "one") == "Sent: 0.\n"
        assert "(404): The event 'three' was not found." in world.event("resend", "orders", "three", status=1)


def test_what_the_file_declares():
    topics = """event_grid:
  topics:
    - name: orders
      eventSubscriptions:
        - {name: billing, properties: {destination: {endpointType: MqttTopic, properties: {topic: %s}}}}
"""
    with EventWorld(topics % "a/b") as world:
        assert "a/b" in world.event("subscription", "list", "orders")
        assert "declared in the configuration file" in world.event("topic", "delete", "orders", status=1)
        world.event("subscription", "update", "orders", "billing", "--labels", "set")
        world.write(topics % "c/d")
        world.reload()
        assert "a/b" in world.event("subscription", "list", "orders")  # what is set goes before
        world.event("subscription", "delete", "orders", "billing")
        until(lambda: "c/d" in world.event("subscription", "list", "orders"), "the file counts again")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(run_tests(globals(), sys.argv[1:]))
