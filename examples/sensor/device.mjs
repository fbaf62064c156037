/* The device: a thermometer and a heater in a greenhouse. It speaks MQTT over TCP and knows nothing of
 * browsers: the topic greenhouse/temperature is the group `temperature` of the hub `greenhouse`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import mqtt from 'mqtt';

const TELL_MS = 500;
const OUTSIDE = 12; // degrees
const HEATED = 28;

const topic = (name) => `greenhouse/${name}`;
const json = { properties: { contentType: 'application/json', payloadFormatIndicator: true } };
const kept = { ...json, qos: 1, retain: true };

let isOn = false;
let degrees = 18;

const client = mqtt.connect(process.env.MQTT, {
    protocolVersion: 5,
    clientId: 'greenhouse-1',
    will: { topic: topic('device'), payload: Buffer.from('{"online":false}'), ...kept },
});
const tell = (name, value, options) =>
    client.publish(topic(name), JSON.stringify(value), options);

client.on('connect', () => {
    client.subscribe(topic('switch'), { qos: 1 });
    tell('device', { online: true }, kept);
    tell('heater', { isOn }, kept);
    console.log('connected');
});

/* A browser has switched, or anybody else has said anything. */
client.on('message', (_, payload) => {
    try {
        isOn = JSON.parse(payload)?.isOn === true;
        tell('heater', { isOn }, kept);
    } catch {
        console.error(`not understood: ${payload}`);
    }
});

setInterval(() => {
    degrees += ((isOn ? HEATED : OUTSIDE) - degrees) * 0.04 + (Math.random() - 0.5) * 0.12;
    tell('temperature', { time: Date.now(), degrees: Number(degrees.toFixed(2)) }, { ...kept, qos: 0 });
}, TELL_MS);
