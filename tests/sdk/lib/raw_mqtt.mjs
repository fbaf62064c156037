/* An MQTT client that sends and receives packet by packet (MQTT.js's own `mqtt-packet`), for what MQTT.js
 * does by itself or not at all: enhanced authentication that is begun anew on an open connection, the
 * packet that ends it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import mqttPacket from 'mqtt-packet';
import { once } from 'node:events';
import net from 'node:net';
import { deferred, within } from './wait.mjs';

export class RawMqtt {
    packets = []; // that came and nobody has taken
    #waiting = [];
    #closed = deferred();
    #identifier = 0;

    /* Connected by TCP, with CONNECT sent; properties: those of that packet. */
    static async open(port, { clientId, properties, ...more }) {
        const client = new RawMqtt();
        client.socket = net.connect(port, '127.0.0.1');
        client.socket.on('error', () => {});
        await once(client.socket, 'connect');
        const parser = mqttPacket.parser({ protocolVersion: 5 });
        parser.on('packet', (packet) => client.#receive(packet));
        client.socket.on('data', (bytes) => parser.parse(bytes));
        client.socket.on('close', () => client.#close());
        client.send({
            cmd: 'connect',
            protocolId: 'MQTT',
            protocolVersion: 5,
            clean: true,
            keepalive: 0,
            clientId,
            properties,
            ...more,
        });
        return client;
    }

    #receive(packet) {
        const index = this.#waiting.findIndex(({ cmd }) => cmd === packet.cmd);
        if (index < 0) {
            this.packets.push(packet);
        } else {
            this.#waiting.splice(index, 1)[0].resolve(packet);
        }
    }

    /* Whoever waits for a packet is told at once that it will not come. */
    #close() {
        this.#closed.resolve();
        for (const { cmd, reject } of this.#waiting.splice(0)) {
            reject(new Error(`closed before ${cmd}; left: ${this.#left()}`));
        }
    }

    #left() {
        return this.packets.map(({ cmd, reasonCode }) => `${cmd} ${reasonCode ?? ''}`).join(', ');
    }

    send(packet) {
        this.socket.write(mqttPacket.generate(packet, { protocolVersion: 5 }));
    }

    /* Of a packet that is answered before the next one: 1 to 65535, and again from 1. */
    nextIdentifier() {
        this.#identifier = (this.#identifier % 0xffff) + 1;
        return this.#identifier;
    }

    /* The next packet of this kind: 'connack', 'auth', 'disconnect' ... */
    take(cmd) {
        const index = this.packets.findIndex((packet) => packet.cmd === cmd);
        if (index >= 0) {
            return Promise.resolve(this.packets.splice(index, 1)[0]);
        }
        const { promise, resolve, reject } = deferred();
        this.#waiting.push({ cmd, resolve, reject });
        return within(() => `${cmd}; left: ${this.#left()}`, promise);
    }

    get closed() {
        return within(() => 'the end of the connection', this.#closed.promise);
    }

    end() {
        this.socket.destroy();
    }
}
