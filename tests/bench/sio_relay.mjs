// The other peer of the JSON cells: the same as ws_relay.mjs with npm's `socket.io`, whose rooms and
// acknowledgements are its own. Only WebSocket, no compression, as the bench speaks it.
//
//     node sio_relay.mjs PORT     port 0: any; prints it
//
// SPDX-License-Identifier: Apache-2.0
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const server = new Server(http, { transports: ["websocket"], serveClient: false, perMessageDeflate: false });

server.on("connection", (socket) => {
    socket.on("join", (room, done) => {
        socket.join(room);
        done();
    });
    socket.on("send", (room, text, done) => {
        server.to(room).emit("message", room, text);
        done?.();
    });
});
http.listen(Number(process.argv[2]), "127.0.0.1", () => console.log(http.address().port));
