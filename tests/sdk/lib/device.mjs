/* MQTT clients (MQTT.js, unmodified): devices over TCP, browsers over WebSocket.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import mqtt from 'mqtt';
import { within } from './wait.mjs';

/* A connected client; `received` has what came, take(topic) is the next message there. */
export async function connectMqtt(url, options = {}) {
    const client = await within(() => `CONNACK from ${url}`, mqtt.connectAsync(url, {
        protocolVersion: 5, reconnectPeriod: 0, connectTimeout: 20_000, ...options,
    }, false));
    const waiting = [];
    client.received = [];
    client.on('message', (topic, payload, packet) => {
        const message = { topic, payload, text: payload.toString(), packet };
        const next = waiting.findIndex(({ wanted }) => wanted(message));
        if (next < 0) {
            client.received.push(message);
        } else {
            waiting.splice(next, 1)[0].resolve(message);
        }
    });
    client.take = (wanted = () => true) => {
        const index = client.received.findIndex(wanted);
        if (index >= 0) {
            return Promise.resolve(client.received.splice(index, 1)[0]);
        }
        return within(() => `a message; left: ${client.received.map(({ topic, text }) => `${topic}: ${text}`)}`,
            new Promise((resolve) => { waiting.push({ wanted, resolve }); }));
    };
    return client;
}
