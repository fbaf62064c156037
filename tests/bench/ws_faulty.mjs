// For the self-test: json.reliable.webpubsub.azure.v1 as the bench uses it, by a server that breaks
// one promise: with one message in 1000, or at the first chance.
//
//     node ws_faulty.mjs FAULT     prints its port; none, drop, swap, twice, jump, deny or close
//
// SPDX-License-Identifier: Apache-2.0
import { WebSocketServer } from "ws";

const EVERY = 1000;
const fault = process.argv[2];
const groups = new Map(); // name -> members
let messages = 0;
let held = null; // swap: the message that goes after the next

function deliver(group, message) {
    for (const member of groups.get(group) ?? []) {
        member.sequenceId += fault === "jump" && messages === EVERY ? 2 : 1;
        member.send(JSON.stringify({ sequenceId: member.sequenceId, ...message }));
    }
}

function relay({ group, dataType, data }) {
    const message = { fromUserId: 'a "user"', type: "message", from: "group", group, dataType, data };
    const spoil = ++messages % EVERY === 0;
    if (spoil && fault === "drop") return;
    if (spoil && fault === "swap") {
        held = message;
        return;
    }
    deliver(group, message);
    if (spoil && fault === "twice") deliver(group, message);
    if (held) deliver(held.group, held);
    held = null;
}

function take(socket, request) {
    if (request.type === "joinGroup") groups.set(request.group, [...(groups.get(request.group) ?? []), socket]);
    if (request.type === "sendToGroup") relay(request);
    // What the client must have: every hundredth message acknowledged, and none that was not sent.
    if (request.type === "sequenceAck") {
        const good = request.sequenceId === socket.acknowledged + 100 && request.sequenceId <= socket.sequenceId;
        if (!good) socket.close(1007, "sequenceAck out of turn");
        socket.acknowledged = request.sequenceId;
    }
    if (request.ackId === undefined) return;
    const refused = fault === "deny" && request.type === "sendToGroup";
    const answer = refused ? { success: false, error: { name: "Forbidden", message: "no" } } : { success: true };
    socket.send(JSON.stringify({ type: "ack", ackId: request.ackId, ...answer }));
}

const handleProtocols = () => "json.reliable.webpubsub.azure.v1";
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols });
server.on("connection", (socket) => {
    Object.assign(socket, { sequenceId: 0, acknowledged: 0 });
    socket.on("message", (text) => take(socket, JSON.parse(text)));
    socket.send(JSON.stringify({ type: "system", event: "connected", connectionId: "c", reconnectionToken: "t" }));
    if (fault === "close") setTimeout(() => socket.close(1008, "too slow"), 100);
});
server.on("listening", () => console.log(server.address().port));
