/* MQTT clients (MQTT.js, unmodified): devices over TCP, browsers over WebSocket.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import mqtt from 'mqtt';
import { within } from './wait.mjs';

/* A connected client; `received` has what came, take(topic) is the next message there. */
export async function connectMqtt(url, options = {}) {
    const client = mqtt.connect(url, { protocolVersion: 5, reconnectPeriod: 0, ...options });
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
        return within(
            () =>
                `a message; left: ${client.received.map(({ topic, text }) => `${topic}: ${text}`)}`,
            new Promise((resolve) => {
                waiting.push({ wanted, resolve });
            }),
        );
    };
    /* Messages may come right behind CONNACK, so their listener is there first. */
    await within(
        () => `CONNACK from ${url}`,
        new Promise((resolve, reject) => {
            client.once('connect', (packet) => {
                client.connackPacket = packet;
                resolve();
            });
            client.once('error', reject);
            client.once('close', () => reject(new Error(`${url} has closed the connection`)));
        }),
    );
    client.on('error', () => {}); // `close` follows
    return client;
}
