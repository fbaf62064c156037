#!/usr/bin/python3
"""MQTT over HTTP (spec/eventgrid.md 6.5), with two bridge processes and Eclipse Paho's Python client at the other end:
what is published arrives with all that was said of it, what is retained is read and listed, and the access rules
decide for the client that the token names.

    BIN=build/dev/bin tests/e2e/mqtt_http_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import base64
import datetime
import http.client
import json
import os
import signal
import subprocess
import sys
import urllib.parse

import event_mqtt_test
from paho_python_test import Client, SubscribeOptions
from net_test import PATIENCE, run_tests
from stand_in import until

BIN = os.path.abspath(os.environ.get("BIN", "build/dev/bin"))
API = "api-version=2025-11-16-preview"
RULES = """
  - {user: ann, publish: ["a/#", "deep/#"], subscribe: ["#"]}
  - {user: bob, publish: ["b/#"], subscribe: ["b/#"]}
  - {group: staff, publish: ["staff/#"]}
  - {group: anonymous, publish: ["#"], subscribe: ["#"]}
"""


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)

    def code(self):
        """Of an error, which is JSON always."""
        error = self.json()["error"]
        assert error["message"] and self.headers["content-type"].startswith("application/json"), self.body
        return self.status, error["code"]


class Server(event_mqtt_test.Server):
    """With these access rules, and ready."""

    def __init__(self, rules=RULES):
        self.rules = rules
        super().__init__()

    def write(self):
        with open(self.config, "w") as file:
            file.write(f"""
store: {{path: {self.folder.name}/store}}
listeners: ["tcp://127.0.0.1:{self.mqtt}"]
groups: [{{name: staff, users: [carl]}}]
mqtt: {{maximum_packet_size: 100000}}
access:{self.rules}
bridge: {{processes: 2, listeners: ["http://127.0.0.1:{self.http}"], keys: {self.folder.name}/keys}}
event_grid: {{open_management: true}}
""")

    def start(self):
        super().start()
        until(self.is_ready, "not ready")

    def is_ready(self):
        try:
            return self.ask("GET", "/readyz").status == 200
        except OSError:
            return False

    def token(self, name):
        done = subprocess.run([f"{BIN}/pubgrid", "token", "--client", name, "-c", self.config], check=True,
                              stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()

    def ask(self, method, target, body=None, **headers):
        """A connection of its own, which any of the processes may get."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=PATIENCE)
        try:
            connection.request(method, target, body, {name.replace("_", "-"): value for name, value in headers.items()})
            return Answer(connection.getresponse())
        finally:
            connection.close()


class Visitor:
    """Somebody with a token."""

    def __init__(self, server, name):
        self.server, self.authorization = server, f"Bearer {server.token(name)}"

    def ask_once(self, method, target, body=None, **headers):
        return self.server.ask(method, target, body, authorization=self.authorization, **headers)

    def ask(self, *arguments, **headers):
        """Again, while one of the processes is not connected to the broker yet."""
        answers = []

        def is_answered():
            answers.append(self.ask_once(*arguments, **headers))
            return answers[-1].status != 503

        until(is_answered, "no answer but 503")
        return answers[-1]

    def publish(self, topic, body, query="", **headers):
        return self.ask("POST", f"/mqtt/messages?topic={urllib.parse.quote(topic, '')}&{API}{query}", body, **headers)

    def retain(self, topic, body, **headers):
        answer = self.publish(topic, body, "&mqtt-retain=1", **headers)
        assert answer.status == 204, answer.body

    def read(self, topic):
        return self.ask("GET", f"/mqtt/retainedMessages/message?topic={urllib.parse.quote(topic, '')}&{API}")

    def list(self, query):
        return self.ask("GET", f"/mqtt/retainedMessages?{query}&{API}")

    def pages(self, query):
        """The topics, page by page, by the links."""
        answer, pages = self.list(query), []
        while True:
            assert answer.status == 200, answer.body
            page = answer.json()
            pages.append([message["topic"] for message in page["retainedMessages"]])
            if "nextLink" not in page:
                return pages
            link = urllib.parse.urlsplit(page["nextLink"])
            assert link.netloc == f"127.0.0.1:{self.server.http}", link
            assert API in link.query
            answer = self.ask("GET", f"{link.path}?{link.query}")


def watch(server, *filters):
    client = Client("watcher").connect(server.mqtt)
    client.subscribe(*((name, SubscribeOptions(1)) for name in filters))
    return client


def seconds_from_now(text):
    then = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    return (then - datetime.datetime.now(datetime.timezone.utc)).total_seconds()


def test_a_message_has_all_that_was_said_of_it():
    with Server() as server:
        watcher, ann = watch(server, "a/#"), Visitor(server, "ann")
        pairs = base64.b64encode(json.dumps([{"room": "1"}, {"room": "ü"}]).encode()).decode()
        answer = ann.publish("a/ü/1", b"\x00\xff", "&mqtt-message-expiry=100", content_type="image/x",
                             mqtt_user_properties=pairs, mqtt_response_topic="a/re%2F1", mqtt_message_expiry="7",
                             mqtt_correlation_data=base64.b64encode(b"\xfb\xff").decode())
        assert answer.status == 204 and answer.body == b"" and answer.headers["x-ms-request-id"], answer.status
        watcher.wait(lambda: watcher.messages, "nothing came")
        message, = watcher.messages
        said = message.properties
        assert (message.topic, message.payload, message.qos, message.retain) == ("a/ü/1", b"\x00\xff", 1, False)
        assert (said.ContentType, said.ResponseTopic, said.CorrelationData) == ("image/x", "a/re/1", b"\xfb\xff")
        assert said.UserProperty == [("room", "1"), ("room", "ü")]
        assert 90 < said.MessageExpiryInterval <= 100
        watcher.disconnect()


def test_quality_of_service():
    with Server() as server:
        watcher, ann = watch(server, "a/#"), Visitor(server, "ann")
        assert ann.publish("a/0", "x", mqtt_qos="0").status == 202
        assert ann.publish("a/1", "x", mqtt_qos="1").status == 204
        watcher.wait(lambda: len(watcher.messages) == 2, "not both")
        assert sorted((message.topic, message.qos) for message in watcher.messages) == [("a/0", 0), ("a/1", 1)]
        assert ann.publish("a/1", "x", mqtt_qos="2").code() == (400, "BadRequest")
        watcher.disconnect()


def test_the_token_decides_who_it_is():
    with Server() as server:
        ann, bob, carl = (Visitor(server, name) for name in ("ann", "bob", "carl"))
        assert ann.publish("a/1", "x").status == 204
        assert ann.publish("b/1", "x").code() == (403, "Forbidden")
        assert bob.publish("b/1", "x").status == 204
        assert carl.publish("staff/1", "x").status == 204
        assert carl.publish("a/1", "x").code() == (403, "Forbidden")
        assert ann.publish("$config/hubs/x", "x").code() == (403, "Forbidden")
        target = "/mqtt/messages?topic=a"
        none = server.ask("POST", target, "x")
        assert none.code() == (401, "Unauthorized") and none.headers["www-authenticate"] == "Bearer"
        assert server.ask("POST", target, "x", authorization="Bearer a.b.c").code() == (401, "Unauthorized")
        forged = ann.authorization[:-2] + ("AA" if ann.authorization[-2:] != "AA" else "BB")
        assert server.ask("POST", target, "x", authorization=forged).code() == (401, "Unauthorized")


def test_rules_that_change_count_at_once():
    with Server() as server:
        bob = Visitor(server, "bob")
        assert bob.publish("b/1", "x").status == 204
        server.rules = "\n  - {user: bob, publish: [\"c/#\"]}\n"
        server.write()
        server.process.send_signal(signal.SIGHUP)
        until(lambda: bob.publish("b/1", "x").status == 403, "the rule of before still counts")
        until(lambda: bob.publish("c/1", "x").status == 204, "the new rule does not count")


def test_what_is_wrong_is_said():
    with Server() as server:
        ann = Visitor(server, "ann")
        assert ann.ask("POST", "/mqtt/messages", "x").code() == (400, "BadRequest")
        assert ann.publish("a/#", "x").code() == (400, "BadRequest")
        assert ann.publish("a", "x", mqtt_user_properties="e30=").code() == (400, "BadRequest")
        assert ann.publish("a", b"\xff", mqtt_payload_format_indicator="1").code() == (400, "BadRequest")
        assert ann.publish("a/1", "x" * 100000).code() == (413, "PayloadTooLarge")
        assert ann.publish("a/1", "x" * 99900).status == 204
        wrong = ann.ask("PUT", "/mqtt/messages?topic=a", "x")
        assert wrong.code() == (405, "MethodNotAllowed") and wrong.headers["allow"] == "POST"
        assert ann.list("topicFilter=a%23").code() == (400, "BadRequest")
        assert ann.list("topicFilter=a&maxResults=101").code() == (400, "BadRequest")
        assert ann.read("a/none").code() == (404, "NotFound")


def test_a_retained_message_is_read():
    with Server() as server:
        ann, bob = Visitor(server, "ann"), Visitor(server, "bob")
        ann.retain("a/ü", b"\x00body", content_type="image/x", mqtt_message_expiry="3600")
        for _ in range(4):  # of either process
            answer = ann.read("a/ü")
            assert (answer.status, answer.body) == (200, b"\x00body")
            assert answer.headers["content-type"] == "image/x"
            assert answer.headers["x-ms-mqtt-topic"] == "a/%C3%BC"
            assert answer.headers["x-ms-mqtt-qos"] == "1"
            assert int(answer.headers["x-ms-mqtt-size"]) > 5
            assert 3500 < seconds_from_now(answer.headers["x-ms-mqtt-expiry"]) <= 3600
            assert -60 < seconds_from_now(answer.headers["x-ms-mqtt-last-modified"]) <= 1
        assert bob.read("a/ü").code() == (403, "Forbidden")
        ann.retain("a/ü", "")  # an empty one deletes
        assert ann.read("a/ü").code() == (404, "NotFound")


def test_when_it_was_set_survives_a_restart():
    with Server() as server:
        ann = Visitor(server, "ann")
        ann.retain("a/1", "x")
        before = ann.read("a/1").headers["x-ms-mqtt-last-modified"]
        assert "x-ms-mqtt-expiry" not in ann.read("a/1").headers
        server.stop()
        server.start()
        assert ann.read("a/1").headers["x-ms-mqtt-last-modified"] == before
        listed, = ann.list("topicFilter=a/%2B").json()["retainedMessages"]
        assert listed == {"topic": "a/1", "qos": 1, "size": listed["size"], "expiry": None, "lastModifiedTime": before}


def test_lists_go_on_page_by_page():
    with Server() as server:
        ann = Visitor(server, "ann")
        device = Client("device").connect(server.mqtt)
        topics = [f"deep/{number % 7}/{number}" for number in range(250)]
        for topic in topics:
            device.publish(topic, "x", 1, retain=True)
        assert ann.pages("topicFilter=none/%23") == [[]]
        pages = ann.pages("topicFilter=deep/%23")
        assert [len(page) for page in pages] == [100, 100, 50], list(map(len, pages))
        assert sorted(sum(pages, [])) == sorted(topics)
        assert sum(ann.pages("topicFilter=deep/3/%2B&maxResults=5"), []) == sorted(
            (topic for topic in topics if topic.startswith("deep/3/")), key=lambda topic: topic.split("/"))

        first = ann.list("topicFilter=deep/%23&maxResults=100").json()
        link = urllib.parse.urlsplit(first["nextLink"])
        seen = [message["topic"] for message in first["retainedMessages"]]
        gone = [topic for topic in topics if topic not in seen][::2]
        for topic in gone + seen[-3:]:  # what was to come, and where it is
            device.publish(topic, "", 1, retain=True)
        device.publish("deep/0/0", "again", 1, retain=True)
        while True:
            page = ann.ask("GET", f"{link.path}?{link.query}").json()
            seen += [message["topic"] for message in page["retainedMessages"]]
            if "nextLink" not in page:
                break
            link = urllib.parse.urlsplit(page["nextLink"])
        assert len(seen) == len(set(seen)) and set(seen) == set(topics) - set(gone)
        device.disconnect()


def test_a_list_has_what_may_be_read():
    with Server() as server:
        ann, bob = Visitor(server, "ann"), Visitor(server, "bob")
        for number in range(3):
            ann.retain(f"a/{number}", "x")
            bob.retain(f"b/{number}", "x")
        assert bob.pages("topicFilter=%23") == [["b/0", "b/1", "b/2"]]
        assert bob.list("topicFilter=a/%23").code() == (403, "Forbidden")
        assert sum(ann.pages("topicFilter=%23&maxResults=2"), []) == [
            "a/0", "a/1", "a/2", "b/0", "b/1", "b/2"]
        token = urllib.parse.parse_qs(urllib.parse.urlsplit(
            ann.list("topicFilter=%23&maxResults=1").json()["nextLink"]).query)["continuationToken"][0]
        assert bob.pages(f"continuationToken={token}") == [["b/0", "b/1", "b/2"]]  # it gives nobody a right


def test_a_broker_that_dies_is_told_of():
    with Server() as server:
        ann = Visitor(server, "ann")
        ann.retain("a/1", "x")
        broker = int(subprocess.run(["pgrep", "-P", str(server.process.pid), "-f", "pubgrid-broker"], check=True,
                                    stdout=subprocess.PIPE, text=True).stdout.split()[0])
        os.kill(broker, signal.SIGKILL)
        codes = set()

        def works_again():
            answer = ann.ask_once("POST", "/mqtt/messages?topic=a/1&mqtt-retain=1", "y")
            codes.add(answer.status)
            return answer.status == 204

        until(works_again, "it never works again")
        assert codes <= {204, 503}, codes
        until(lambda: ann.read("a/1").body == b"y", "what was acknowledged is lost")


if __name__ == "__main__":
    sys.exit(run_tests(globals(), sys.argv[1:]))
