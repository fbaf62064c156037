/* The chat: clients send it events (they enter a room, they say something), and it tells the rooms,
 * which are groups. So it has the history, and knows who is where. With the official middleware and
 * server SDK of Azure Web PubSub.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { WebPubSubEventHandler } from '@azure/web-pubsub-express';
import express from 'express';
import { hubOf, inTurn, parameter, site } from '../shared/site.mjs';

const KEPT = 100; // messages of a room
const TEXT_MAX = 2000;

const hub = hubOf('chat');
const rooms = new Map(['Lobby', 'Music', 'Garden'].map((room) => [room, []])); // room: history
const people = new Map(); // connection: { name, room }

/* Everybody sees who is in which room. */
const tellWhoIsThere = inTurn(() => {
    const there = Object.fromEntries([...rooms.keys()].map((room) => [room, []]));
    for (const { name, room } of people.values()) {
        if (!there[room].includes(name)) { // with several windows he is still one
            there[room].push(name);
        }
    }
    return hub.sendToAll({ kind: 'people', rooms: there });
});

const refuse = (reason) => { throw Object.assign(new Error(reason), { status: 400 }); }; // with 500 it would be tried again
const nameOf = (userId) => userId.replace(/(%[\dA-F]{2})+/gi, (bytes) => decodeURIComponent(bytes)); // from a header

const takers = {
    async enter({ connectionId, userId }, { room }) {
        rooms.has(room) || refuse('There is no such room.');
        const before = people.get(connectionId)?.room;
        people.set(connectionId, { name: nameOf(userId), room });
        if (before) {
            await hub.group(before).removeConnection(connectionId);
        }
        await hub.group(room).addConnection(connectionId);
        await tellWhoIsThere();
        return { kind: 'room', room, history: rooms.get(room) };
    },

    async say({ connectionId, userId }, { text }) {
        const { room } = people.get(connectionId) ?? refuse('Come into a room first.');
        const message = { name: nameOf(userId), text: String(text).slice(0, TEXT_MAX), time: Date.now() };
        rooms.set(room, [...rooms.get(room), message].slice(-KEPT));
        await hub.group(room).sendToAll({ kind: 'said', room, ...message });
    },
};

const handler = new WebPubSubEventHandler('chat', {
    path: '/events',
    async handleUserEvent({ context, data }, response) {
        try {
            const answer = await takers[context.eventName](context, data);
            response.success(JSON.stringify(answer), 'json'); // to who has sent the event
        } catch (error) {
            response.fail(error.status ?? 500, error.message);
        }
    },
    onDisconnected({ context }) {
        people.delete(context.connectionId);
        tellWhoIsThere().catch((error) => console.error(error.message));
    },
});

site(
    import.meta.url,
    {
        'GET /negotiate': (_, request) => hub.getClientAccessToken({ userId: parameter(request, 'name') }),
        'GET /rooms': () => [...rooms.keys()],
    },
    express().use(handler.getMiddleware()),
);
