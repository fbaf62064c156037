// For the self-test: MQTT over WebSocket in front of a broker that has none. It cuts what the
// broker sends at odd places, into messages of several frames and with pings between, so that the
// bench meets all that a server may do.
//
//     node ws_gateway.mjs BROKER_PORT     prints its own port
//
// SPDX-License-Identifier: Apache-2.0
import { connect } from "node:net";
import { WebSocketServer } from "ws";

const brokerPort = Number(process.argv[2]);
let step = 0;

// One message; of one, two or three frames in turn.
function sendInFrames(socket, bytes) {
    const frames = 1 + (step++ % 3);
    const size = Math.ceil(bytes.length / frames);
    for (let i = 0; i < frames; i++) socket.send(bytes.subarray(i * size, (i + 1) * size), { fin: i === frames - 1 });
}

// Several messages, whose ends have nothing to do with those of packets.
function sendInPieces(socket, bytes) {
    for (let at = 0; at < bytes.length; ) {
        const size = 1 + ((step * 37) % 900);
        sendInFrames(socket, bytes.subarray(at, at + size));
        at += size;
    }
    if (step % 50 < 3) socket.ping("ping");
}

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
server.on("connection", (socket) => {
    const broker = connect({ host: "127.0.0.1", port: brokerPort, noDelay: true });
    socket.on("message", (bytes) => broker.write(bytes));
    socket.on("close", () => broker.end());
    broker.on("data", (bytes) => sendInPieces(socket, bytes));
    broker.on("close", () => socket.close(1001, "broker gone"));
    broker.on("error", () => socket.close(1011, "broker gone"));
});
server.on("listening", () => console.log(server.address().port));
