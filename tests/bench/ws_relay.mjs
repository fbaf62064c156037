// The peer of the JSON cells: what one writes with npm's `ws` when a broker seems too much. It
// speaks the part of json.webpubsub.azure.v1 that `pubgrid bench` uses, and encodes a message once
// for all receivers.
//
//     node ws_relay.mjs PORT
//
// SPDX-License-Identifier: Apache-2.0
import { WebSocketServer } from "ws";

const groups = new Map(); // name -> members

const requests = {
    joinGroup(socket, { group }) {
        if (!groups.has(group)) groups.set(group, new Set());
        groups.get(group).add(socket);
    },
    sendToGroup(_, { group, dataType, data }) {
        const text = JSON.stringify({ type: "message", from: "group", group, dataType, data });
        for (const member of groups.get(group) ?? []) member.send(text);
    },
};

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), perMessageDeflate: false });
server.on("connection", (socket) => {
    socket.on("message", (text) => {
        const request = JSON.parse(text);
        requests[request.type]?.(socket, request);
        if (request.ackId) socket.send(JSON.stringify({ type: "ack", ackId: request.ackId, success: true }));
    });
    socket.on("close", () => groups.forEach((members) => members.delete(socket)));
    socket.send(JSON.stringify({ type: "system", event: "connected", connectionId: "c" }));
});
