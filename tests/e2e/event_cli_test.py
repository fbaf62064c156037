#!/usr/bin/env python3
"""`pubgrid event` as the person at the terminal sees it, and what it asks: the server is a stand-in, as in
hub_cli_test.py.

    BIN=build/dev/bin tests/e2e/event_cli_test.py [test ...]

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import json
import os
import subprocess
import sys

from hub_cli_test import PUBGRID, Server, answer, check_token
from net_test import free_port, run_tests


class EventServer(Server):
    """Bodies may be events."""

    def answer(self, request):
        check_token(request.headers["authorization"], f"http://{request.headers['host']}{request.path}")
        self.types.append(request.headers["content-type"])
        self.requests.append((request.command, request.path, request.body))
        self.reply(request, *self.answers.pop(0))

    def __init__(self, *answers):
        self.types = []
        super().__init__(*answers)

    def command(self, *words):
        return [PUBGRID, "event", "--keys", f"{self.folder.name}/keys", "--server", self.url, *words]

    def body(self, number=-1):
        return json.loads(self.requests[number][2])


def topic(name, schema="EventGridSchema"):
    return {"name": name, "properties": {"provisioningState": "Succeeded", "inputSchema": schema,
                                         "endpoint": f"http://h/topics/{name}/api/events"}}


TOPIC = "/api/eventgrid/topics/orders"
BILLING = f"{TOPIC}/eventSubscriptions/billing"


def test_lists_are_followed_to_their_end():
    first = {"value": [topic("orders")], "nextLink": "http://h/x?$top=100&$skiptoken=topics%2Forders"}
    with EventServer(answer(first), answer({"value": [topic("stock")], "nextLink": None}),
                     answer({"value": []})) as server:
        lines = [line.split() for line in server.run("topic", "list").splitlines()]
        assert lines[1:] == [[name, "EventGridSchema", f"http://h/topics/{name}/api/events"]
                             for name in ("orders", "stock")], lines
        assert server.run("domain", "list", "--json") == ""
        assert [path for _, path, _ in server.requests] == [
            "/api/eventgrid/topics?$top=100", "/api/eventgrid/topics?$top=100&$skiptoken=topics%2Forders",
            "/api/eventgrid/domains?$top=100"]


def test_topics():
    keys = {"key1": "a", "key2": "b"}
    with EventServer(answer(topic("orders")), answer(topic("orders")), answer(topic("orders")), answer(keys),
                     answer(keys), (200, ""), answer(topic("orders"))) as server:
        assert server.run("topic", "create", "orders") == \
            "orders: Succeeded, http://h/topics/orders/api/events\n"
        assert server.requests[-1] == ("PUT", TOPIC, "{}")
        server.run("topic", "create", "orders", "--input-schema", "customeventschema", "--tags", "a=b", "c=d",
                   "--input-mapping-fields", "eventType=kind", "id=nr",
                   "--input-mapping-default-values", "eventType=none", "subject=s", "--retention-days", "7")
        assert server.body() == {
            "tags": {"a": "b", "c": "d"},
            "properties": {"inputSchema": "CustomEventSchema", "eventRetentionInDays": 7, "inputSchemaMapping": {
                "inputSchemaMappingType": "Json", "properties": {
                    "id": {"sourceField": "nr"}, "subject": {"defaultValue": "s"},
                    "eventType": {"sourceField": "kind", "defaultValue": "none"}}}}}, server.body()
        server.run("topic", "update", "orders", "--inbound-ip-rules", "10.0.0.0/8", "allow", "::1", "--disable-local-auth")
        assert server.requests[-1][0] == "PATCH"
        assert server.body() == {"properties": {"disableLocalAuth": True, "inboundIpRules": [
            {"ipMask": "10.0.0.0/8", "action": "Allow"}, {"ipMask": "::1", "action": "Allow"}]}}
        assert server.run("topic", "keys", "orders") == "key1: a\nkey2: b\n"
        server.run("topic", "regenerate-key", "orders", "key2")
        assert server.requests[-1] == ("POST", f"{TOPIC}/regenerateKey", '{"keyName":"key2"}')
        assert server.run("topic", "delete", "orders") == "Deleted.\n"
        assert json.loads(server.run("topic", "show", "orders")) == topic("orders")


def test_domains_and_system_topics():
    with EventServer(answer(topic("t")), answer(topic("t")), answer({"value": []})) as server:
        server.run("domain-topic", "create", "shop", "a b")
        server.run("system-topic", "create", "blobs", "--source-resource-id", "/subscriptions/s",
                   "--topic-type=Microsoft.Resources.Subscriptions")
        assert server.body() == {"properties": {"source": "/subscriptions/s",
                                                "topicType": "Microsoft.Resources.Subscriptions"}}
        server.run("domain-topic", "list", "shop")
        assert [path for _, path, _ in server.requests] == [
            "/api/eventgrid/domains/shop/topics/a%20b", "/api/eventgrid/systemTopics/blobs",
            "/api/eventgrid/domains/shop/topics?$top=100"]


SUBSCRIPTION = {"name": "billing", "properties": {
    "topic": "/x/topics/orders", "provisioningState": "AwaitingManualAction", "provisioningStateReason": "later",
    "destination": {"endpointType": "WebHook", "properties": {"endpointBaseUrl": "http://h/e"}}}}


def test_subscriptions():
    with EventServer(answer(SUBSCRIPTION), answer({"value": [SUBSCRIPTION], "nextLink": None}), (204, "")) as server:
        assert server.run(
            "subscription", "create", "orders", "billing", "--endpoint", "http://h/e?code=x",
            "--included-event-types", "a", "b", "--subject-begins-with", "/s", "--subject-case-sensitive", "false",
            "--advanced-filter", "data.n", "NumberIn", "1", "-2.5", "--advanced-filter", "data.s", "StringIn", "x y", "7a",
            "--advanced-filter", "data.r", "NumberInRange", "1,5", "--advanced-filter", "data.z", "IsNotNull",
            "--delivery-attribute-mapping", "X-S", "static", "v", "true",
            "--delivery-attribute-mapping", "X-D", "dynamic", "data.k", "--max-events-per-batch", "10",
            "--event-delivery-schema", "cloudeventschemav1_0", "--event-ttl", "5", "--max-delivery-attempts", "3",
            "--backoff", "1", "2", "--deadletter-endpoint", "/sa/blobServices/default/containers/dl",
            "--labels", "l", "--expiration-date", "2031-01-01T00:00:00Z", "--skip-validation") == \
            "billing: AwaitingManualAction, later\n"
        assert server.requests[0][:2] == ("PUT", BILLING)
        assert server.body(0) == {
            "eventDeliverySchema": "CloudEventSchemaV1_0", "labels": ["l"], "expirationTimeUtc": "2031-01-01T00:00:00Z",
            "deadLetterDestination": {"endpointType": "StorageBlob",
                                      "properties": {"resourceId": "/sa", "blobContainerName": "dl"}},
            "destination": {"endpointType": "WebHook", "properties": {
                "endpointUrl": "http://h/e?code=x", "maxEventsPerBatch": 10, "skipValidation": True,
                "deliveryAttributeMappings": [
                    {"name": "X-S", "type": "Static", "properties": {"value": "v", "isSecret": True}},
                    {"name": "X-D", "type": "Dynamic", "properties": {"sourceField": "data.k"}}]}},
            "filter": {"includedEventTypes": ["a", "b"], "subjectBeginsWith": "/s", "isSubjectCaseSensitive": False,
                       "advancedFilters": [
                           {"operatorType": "NumberIn", "key": "data.n", "values": [1, -2.5]},
                           {"operatorType": "StringIn", "key": "data.s", "values": ["x y", "7a"]},
                           {"operatorType": "NumberInRange", "key": "data.r", "values": [[1, 5]]},
                           {"operatorType": "IsNotNull", "key": "data.z"}]},
            "retryPolicy": {"eventTimeToLiveInMinutes": 5, "maxDeliveryAttempts": 3, "backoffInSeconds": [1, 2]}}, \
            server.body(0)
        assert server.run("subscription", "list", "orders").splitlines()[1].split() == [
            "billing", "orders", "AwaitingManualAction", "WebHook", "http://h/e"]
        assert server.run("subscription", "delete", "domains/shop/topics/t", "x") == "Deleted.\n"
        assert server.requests[-1][1] == "/api/eventgrid/domains/shop/topics/t/eventSubscriptions/x"


NAMESPACE_TOPIC = ("/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/pubgrid"
                   "/providers/Microsoft.EventGrid/namespaces/n/topics/t")


def test_destinations_beyond_azure():
    rows = [("webpubsub", "chat", {"hub": "chat"}), ("webpubsub", "chat/groups/a/b", {"hub": "chat", "group": "a/b"}),
            ("WebPubSub", "chat/users/u", {"hub": "chat", "user": "u"}), ("mqtttopic", "a/{id}", {"topic": "a/{id}"}),
            ("eventgridtopic", "stock", {"topicName": "stock"}),
            ("eventgridtopic", "/s/topics/x", {"resourceId": "/s/topics/x"}),
            ("namespacetopic", "/s/namespaces/n/topics/t", {"resourceId": "/s/namespaces/n/topics/t"}),
            ("namespacetopic", "namespaces/n/topics/t", {"resourceId": NAMESPACE_TOPIC})]
    with EventServer(*[answer(SUBSCRIPTION)] * (len(rows) + 1)) as server:
        for kind, endpoint, properties in rows:
            server.run("subscription", "create", "orders", "billing", "--endpoint-type", kind, "--endpoint", endpoint)
            assert server.body()["destination"]["properties"] == properties, server.body()
        server.run("subscription", "update", "orders", "billing", "--deadletter-endpoint", "topics/dead")
        assert server.requests[-1] == ("PATCH", BILLING, json.dumps(
            {"deadLetterDestination": {"endpointType": "EventGridTopic", "properties": {"topicName": "dead"}}},
            separators=(",", ":"))), server.requests[-1]


def test_from_a_file():
    with EventServer(answer(SUBSCRIPTION), answer(topic("orders"))) as server:
        server.run("subscription", "create", "orders", "billing", "-", given='{"properties":{}}')
        server.run("topic", "create", "orders", "-", given='{"location":"l"}')
        assert [body for *_, body in server.requests] == ['{"properties":{}}', '{"location":"l"}']


def attempt(number, **other):
    return {"id": f"{9999999999999 - number:013}", "time": "2026-11-28T09:00:00Z", "eventId": f"e{number}", "status": 200,
            "outcome": "Delivered", "latencyMs": 1.5, "attempt": 1, "nextAttempt": None, **other}


def test_log():
    failure = attempt(2, status=0, outcome="TimedOut", attempt=3, nextAttempt="2026-11-28T09:10:00Z")
    with EventServer(answer({"value": [failure, attempt(1)]}), answer({"value": []})) as server:
        assert server.run("subscription", "log", "orders", "billing", "--failures", "-n", "5") == (
            "2026-11-28T09:00:00Z 200 1.5ms Delivered e1 attempt 1\n"
            "2026-11-28T09:00:00Z --- 1.5ms TimedOut e2 attempt 3, next 2026-11-28T09:10:00Z\n")
        server.run("subscription", "log", "orders")
        assert [path for _, path, _ in server.requests] == [f"{BILLING}/log?top=5&failures=true", f"{TOPIC}/log?top=20"]


def letter(name):
    return {"file": f"f/{name}", "event": {"id": name, "deadLetterReason": "TimeToLiveExceeded", "deliveryAttempts": 2,
                                           "lastDeliveryOutcome": "NotFound", "publishTime": "2026-11-28T09:00:00Z"}}


def test_dead_letters():
    page = {"value": [letter("a"), letter("b")], "next": "f/b"}
    with EventServer(answer(page), answer({"value": [letter("c")]}), answer({"value": [letter("c")]}), answer({"events": 1}),
                     answer({"events": 9}), answer({"value": []})) as server:
        assert server.run("dead-letter", "list", "orders", "billing").splitlines() == [
            f"{name} TimeToLiveExceeded 2 NotFound 2026-11-28T09:00:00Z" for name in "abc"]
        assert json.loads(server.run("dead-letter", "show", "orders", "billing", "c")) == letter("c")["event"]
        assert server.run("dead-letter", "resend", "orders", "billing", "c") == "Sent: 1.\n"
        assert server.run("dead-letter", "resend", "orders", "billing") == "Sent: 9.\n"
        assert "no dead letter of an event x" in server.run("dead-letter", "show", "orders", "billing", "x", status=1)
        assert [path for _, path, _ in server.requests[:2]] == [
            f"{BILLING}/deadLetters?top=20", f"{BILLING}/deadLetters?top=20&after=f%2Fb"]
        assert [body for *_, body in server.requests[3:5]] == ['{"id":"c"}', "{}"]


def test_sent_again():
    with EventServer(answer({"events": 3}), answer({"events": 1})) as server:
        assert server.run("replay", "orders", "--since", "2031-01-01T00:00:00Z", "billing") == "Sent: 3.\n"
        assert server.run("resend", "orders", "e1") == "Sent: 1.\n"
        assert server.requests == [
            ("POST", f"{TOPIC}/replay", '{"since":"2031-01-01T00:00:00Z","eventSubscriptions":["billing"]}'),
            ("POST", f"{TOPIC}/resend", '{"id":"e1"}')]
        assert "--since is needed" in server.run("replay", "orders", status=1)


def test_events_are_sent_in_the_schema_of_their_topic():
    def sent(described):
        return answer(described), answer({"key1": "one", "key2": "two"}), (200, "")

    clouds = topic("c", "CloudEventSchemaV1_0")
    with EventServer(*sent(topic("orders")), *sent(clouds), *sent(topic("x", "CustomEventSchema")), *sent(topic("shop")),
                     *sent(clouds), answer(topic("s")), (200, "")) as server:
        said = server.run("send", "orders", "--type", "t", "--subject", "s", "--data", '{"a":1}')
        assert [request[:2] for request in server.requests[1:]] == [
            ("POST", f"{TOPIC}/listKeys"), ("POST", "/topics/orders/api/events")]
        event, = server.body()
        assert said == f"Accepted: {event['id']}.\n", said
        assert len(event.pop("id")) == 36 and event.pop("eventTime").endswith("Z")
        assert event == {"subject": "s", "eventType": "t", "data": {"a": 1}, "dataVersion": "1.0"}, event
        assert server.run("send", "c", "--type", "t", "--id", "1", "--json") == '{"id":"1"}\n'
        event = server.body()
        assert event.pop("time") and event == {"specversion": "1.0", "id": "1", "type": "t", "data": None,
                                               "source": "/pubgrid/event/send"}, event
        assert server.run("send", "x", "--data", '{"b":2}') == "Accepted.\n"
        assert server.body() == [{"b": 2}]
        server.run("send", "domains/shop/topics/sales", "--type", "t")
        assert server.requests[-1][1] == "/domains/shop/api/events" and server.body()[0]["topic"] == "sales"
        assert server.run("send", "c", "-", given='[{"id":"1"},{"id":"2"}]') == "Accepted: 1.\nAccepted: 2.\n"
        assert server.types[2::3] == ["application/json", "application/cloudevents+json", "application/json",
                                      "application/json", "application/cloudevents-batch+json"], server.types
        server.run("send", "systemTopics/s", "--type", "t")  # which has no keys
        assert server.requests[-1][1] == "/systemTopics/s/api/events"
    with EventServer(*sent(clouds)) as server:
        server.run("send", "namespaces/n/topics/t", "--type", "t")
        assert [path for _, path, *_ in server.requests] == [
            f"/api/eventgrid/namespaces/n/topics/t{more}" for more in ("", "/listKeys")] + ["/namespaces/n/topics/t:publish"]
        assert server.types[-1] == "application/cloudevents+json" and server.body()["type"] == "t"
    with EventServer(answer(clouds), answer({"value": []})) as server:
        server.run("test", "namespaces/n/topics/t", "--type", "t")
        assert server.requests[-1][1] == "/api/eventgrid/namespaces/n/topics/t/test"


VM = "/subscriptions/s1/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm\"1"


def test_templates():
    system, clouds = topic("s"), topic("c", "CloudEventSchemaV1_0")
    answers = [answer(system), (200, "")] * 4 + [answer(clouds), answer({"key1": "k"}), (200, "")]
    with EventServer(*answers) as server:
        server.run("send", "systemTopics/s", "--template", "BlobCreated", "--container", "pictures", "--blob",
                   "a b/\u00e9.png", "--content-length", "7")
        event, = server.body()
        data = event["data"]
        assert event["eventType"] == "Microsoft.Storage.BlobCreated" and event["dataVersion"] == "", event
        assert event["subject"] == "/blobServices/default/containers/pictures/blobs/a b/\u00e9.png", event
        assert data["url"] == "https://local.blob.core.windows.net/pictures/a%20b/%C3%A9.png", data
        assert data["contentType"] == "image/png" and data["contentLength"] == 7 and data["api"] == "PutBlob", data
        assert len(data["sequencer"]) == 32 and data["eTag"].startswith("0x") and len(data["requestId"]) == 36, data

        server.run("send", "systemTopics/s", "--template", "blobdeleted", "--container", "c", "--blob", "a", "--account",
                   "acct", "--url", "http://x/a", "--content-type", "x/y", "--subject", "mine", "--id", "1")
        event, = server.body()
        assert event["subject"] == "mine" and event["id"] == "1" and "eTag" not in event["data"], event
        assert event["data"]["url"] == "http://x/a" and event["data"]["contentType"] == "x/y", event

        server.run("send", "systemTopics/s", "--template", "ResourceWriteSuccess", "--resource-id", VM)
        event, = server.body()
        data = event["data"]
        assert event["eventType"] == "Microsoft.Resources.ResourceWriteSuccess" and event["subject"] == VM, event
        assert event["dataVersion"] == "2" and data["resourceUri"] == VM and data["subscriptionId"] == "s1", event
        assert data["operationName"] == data["authorization"]["action"] == "Microsoft.Compute/virtualMachines/write", data
        assert data["resourceProvider"] == "Microsoft.Compute" and data["status"] == "Succeeded", data

        server.run("send", "systemTopics/s", "--template", "ResourceDeleteCancel", "--resource-id", "/subscriptions/s/"
                   "resourceGroups/g", "--data", "{}")
        event, = server.body()
        assert event["eventType"] == "Microsoft.Resources.ResourceDeleteCancel" and event["data"] == {}, event

        server.run("send", "c", "--template", "ResourceActionFailure", "--resource-id", VM)
        event = server.body()
        assert event["source"] == "/subscriptions/s1" and event["subject"] == VM, event
        assert event["data"]["operationName"] == "Microsoft.Compute/virtualMachines/action", event


def test_templates_that_are_wrong():
    rows = [(["--template", "BlobMade"], "there is no template BlobMade; there are BlobCreated,"),
            (["--template", "BlobCreated"], "needs --container, such as pictures"),
            (["--template", "BlobCreated", "--container", "c"], "needs --blob"),
            (["--template", "ResourceWriteSuccess"], "needs --resource-id, such as /subscriptions/"),
            (["--template", "ResourceWriteSuccess", "--resource-id", "vm1"], "--resource-id is an id such as"),
            (["--template", "ResourceWriteSuccess", "--resource-id", "/subscriptions/a/b"], "--resource-id is an id"),
            (["--container", "c"], "say which --template"),
            (["-", "--template", "BlobCreated"], "of a file or of a template")]
    with EventServer(*[answer(topic("s"))] * len(rows)) as server:
        for words, expected in rows:
            assert expected in server.run("send", "systemTopics/s", *words, status=1, given="[]"), words


def test_filters_are_tried_out():
    trials = {"value": [{"id": "1", "eventSubscriptions": [
        {"name": "billing", "takes": True}, {"name": "stock", "takes": False, "reason": "the type is t"}]}]}
    with EventServer(answer(topic("orders")), answer(trials)) as server:
        assert [line.split(None, 1) for line in server.run("test", "orders", "--type", "t").splitlines()] == [
            ["billing", "gets it"], ["stock", "does not: the type is t"]]
        assert server.requests[1][:2] == ("POST", f"{TOPIC}/test")


def test_what_the_server_refuses():
    refusal = '{"error":{"code":"Url validation","message":"the webhook does not want it"}}'
    with EventServer((400, refusal), (404, '{"error":{"message":"not found"}}')) as server:
        assert "(400): the webhook does not want it" in server.run(
            "subscription", "create", "orders", "billing", "--endpoint", "http://h/", status=1)
        assert "(404): not found" in server.run("topic", "show", "orders", status=1)


class Keyless(EventServer):
    """Nobody has made keys where its configuration has them."""

    def answer(self, request):
        assert "authorization" not in request.headers
        self.reply(request, *self.answers.pop(0))

    def command(self, *words):
        return [PUBGRID, "event", "--set", f"store.path={self.folder.name}/store", "--server", self.url, *words]


def test_without_keys_no_token_is_sent():
    with Keyless(answer({"value": []}), (401, "")) as server:
        server.run("topic", "list")
        refused = server.run("topic", "list", status=1)
        assert "No token was sent" in refused and "See -c and --keys" in refused, refused
        assert not os.path.exists(f"{server.folder.name}/store")
    with Keyless() as server:
        server.url = f"http://127.0.0.1:{free_port()}"
        assert "See -c and --server" in server.run("topic", "list", status=1)


def test_command_lines_that_are_wrong():
    rows = [([], "say what about"), (["tpoic"], "there is no command event: tpoic"), (["topic"], "say what to do with it"),
            (["topic", "mend"], "there is no command event topic mend"), (["topic", "show"], "words are missing"),
            (["topic", "show", "a", "b"], "there is no argument: b"),
            (["topic", "create", "a", "--endpoint", "x"], "a flag is of another command"),
            (["topic", "create", "a", "--input-schema", "x"], "--input-schema is EventGridSchema or"),
            (["topic", "create", "a", "--tags", "x"], "--tags is NAME=VALUE"),
            (["topic", "create", "a", "--retention-days", "x"], "--retention-days is a number"),
            (["subscription", "create", "a", "b", "--endpoint-type", "x", "--endpoint", "y"], "--endpoint-type is webhook"),
            (["subscription", "create", "a", "b", "--advanced-filter", "k"], "--advanced-filter needs more values"),
            (["subscription", "create", "a", "b", "--endpoint"], "--endpoint needs a value"),
            (["subscription", "create", "a", "b", "--skip-validation=maybe"], "is true or false, not: maybe"),
            (["subscription", "create", "a", "b", "--skip-validation", "c", "d"], "there is no argument: d"),
            (["send", "a", "--data", "{"], "--data is JSON"), (["send", "a", "--nothing"], "nothing")]
    with EventServer() as server:
        for words, said in rows:
            assert said in server.run(*words, status=1), words


def test_help():
    text = subprocess.run([PUBGRID, "event", "--help"], capture_output=True, text=True, timeout=60, check=True).stdout
    for word in ("subscription create", "--endpoint url", "dead-letter", "replay", "--advanced-filter"):
        assert word in text, word
    assert all(len(line) <= 100 for line in text.splitlines())


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(run_tests(globals(), sys.argv[1:]))
