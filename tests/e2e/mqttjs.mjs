// MQTT.js against the broker at argv[2]: both versions, all QoS, sessions, wills, properties.
// Run by mqttjs_test.py. SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { once } from "node:events";
import mqtt from "mqtt";

const url = process.argv[2];
let passed = 0;

const connect = (version, options = {}) =>
  mqtt.connectAsync(url, { protocolVersion: version, reconnectPeriod: 0, ...options });

// The next `count` messages of a client.
function messages(client, count) {
  const got = [];
  return new Promise((resolve) => {
    client.on("message", function take(topic, payload, packet) {
      got.push({ topic, text: payload.toString(), packet });
      if (got.length === count) {
        client.off("message", take);
        resolve(got);
      }
    });
  });
}

const tests = {
  async "every QoS to every QoS"(version) {
    const receiver = await connect(version);
    const sender = await connect(version);
    const wait = messages(receiver, 9);
    for (const granted of [0, 1, 2]) {
      await receiver.subscribeAsync(`js/${granted}/#`, { qos: granted });
      for (const sent of [0, 1, 2]) {
        await sender.publishAsync(`js/${granted}/${sent}`, `${sent}`, { qos: sent });
      }
    }
    for (const { topic, packet } of await wait) {
      const [, granted, sent] = topic.split("/").map(Number);
      assert.equal(packet.qos, Math.min(granted, sent), topic);
    }
    await Promise.all([receiver.endAsync(), sender.endAsync()]);
  },

  async "a session is resumed with what came meanwhile"(version) {
    const kept = { clientId: "js-sleeper", clean: false,
      ...(version === 5 ? { properties: { sessionExpiryInterval: 1000 } } : {}) };
    const first = await connect(version, kept);
    await first.subscribeAsync("js/later", { qos: 2 });
    await first.endAsync();
    const sender = await connect(version);
    for (let i = 0; i < 100; i++) {
      await sender.publishAsync("js/later", `${i}`, { qos: (i % 2) + 1 });
    }
    const again = mqtt.connect(url, { protocolVersion: version, reconnectPeriod: 0, ...kept });
    const wait = messages(again, 100);
    const [connack] = await once(again, "connect");
    assert.equal(connack.sessionPresent, true);
    const numbers = (await wait).map((m) => Number(m.text));
    for (const rest of [0, 1]) {
      assert.deepEqual(numbers.filter((n) => n % 2 === rest),
        Array.from({ length: 50 }, (_, i) => 2 * i + rest));
    }
    await Promise.all([again.endAsync(), sender.endAsync()]);
    await (await connect(version, { clientId: "js-sleeper", clean: true })).endAsync();
  },

  async "a will is published when the connection breaks"(version) {
    const watcher = await connect(version);
    await watcher.subscribeAsync("js/gone", { qos: 1 });
    const wait = messages(watcher, 1);
    const victim = await connect(version, { will: { topic: "js/gone", payload: "bye", qos: 1 } });
    victim.stream.destroy();
    assert.equal((await wait)[0].text, "bye");
    await watcher.endAsync();
  },

  async "retained messages come with RETAIN and go with an empty payload"(version) {
    const sender = await connect(version);
    await sender.publishAsync("js/kept", "kept", { qos: 1, retain: true });
    const receiver = await connect(version);
    const wait = messages(receiver, 1);
    await receiver.subscribeAsync("js/kept");
    assert.equal((await wait)[0].packet.retain, true);
    await sender.publishAsync("js/kept", "", { qos: 1, retain: true });
    await Promise.all([receiver.endAsync(), sender.endAsync()]);
  },

  async "properties arrive as they were sent, aliases both ways"(version) {
    if (version !== 5) return;
    const receiver = await connect(5, { properties: { topicAliasMaximum: 5 } });
    const sender = await connect(5, { autoUseTopicAlias: true, autoAssignTopicAlias: true });
    await receiver.subscribeAsync("js/properties/a/long/topic", { qos: 1,
      properties: { subscriptionIdentifier: 7 } });
    const wait = messages(receiver, 3);
    const properties = { contentType: "text/plain", responseTopic: "r",
      correlationData: Buffer.from([1, 2]), payloadFormatIndicator: true,
      userProperties: { k: ["1", "2"] } };
    for (let i = 0; i < 3; i++) {
      await sender.publishAsync("js/properties/a/long/topic", `${i}`, { qos: 1, properties });
    }
    for (const { topic, packet } of await wait) {
      assert.equal(topic, "js/properties/a/long/topic");
      assert.equal(packet.properties.contentType, "text/plain");
      assert.equal(packet.properties.subscriptionIdentifier, 7);
      assert.deepEqual([...packet.properties.userProperties.k], ["1", "2"]);
    }
    await Promise.all([receiver.endAsync(), sender.endAsync()]);
  },

  async "a second client with the identifier takes over"(version) {
    const first = await connect(version, { clientId: "js-twin" });
    const closed = once(first, "close");
    const second = await connect(version, { clientId: "js-twin" });
    await closed;
    await second.endAsync();
  },
};

for (const [name, test] of Object.entries(tests)) {
  for (const version of [4, 5]) {
    await test(version);
    console.log(`ok ${name} (${version === 5 ? "5" : "3.1.1"})`);
    passed++;
  }
}
console.log(`${passed} passed, 0 failed`);
