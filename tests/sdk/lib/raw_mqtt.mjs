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

    /* Connected by TCP, with CONNECT sent; properties: those of that packet. */
    static async open(port, { clientId, properties, ...more }) {
        const client = new RawMqtt();
        client.socket = net.connect(port, '127.0.0.1');
        client.socket.on('error', () => {});
        await once(client.socket, 'connect');
        const parser = mqttPacket.parser({ protocolVersion: 5 });
        parser.on('packet', (packet) => client.#receive(packet));
        client.socket.on('data', (bytes) => parser.parse(bytes));
        client.socket.on('close', () => client.#closed.resolve());
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

    send(packet) {
        this.socket.write(mqttPacket.generate(packet, { protocolVersion: 5 }));
    }

    /* The next packet of this kind: 'connack', 'auth', 'disconnect' ... */
    take(cmd) {
        const index = this.packets.findIndex((packet) => packet.cmd === cmd);
        if (index >= 0) {
            return Promise.resolve(this.packets.splice(index, 1)[0]);
        }
        const { promise, resolve } = deferred();
        this.#waiting.push({ cmd, resolve });
        return within(() => `${cmd}; left: ${this.packets.map((packet) => packet.cmd)}`, promise);
    }

    get closed() {
        return within(() => 'the end of the connection', this.#closed.promise);
    }

    end() {
        this.socket.destroy();
    }
}
