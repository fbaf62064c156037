/* The function: Event Grid calls it with each event (a webhook), and it tells a group of browsers, with the
 * official server SDK of Azure Web PubSub. It also serves the page, and lets it in.
 *
 *     CONNECTION_STRING='Endpoint=...' FUNCTION_PORT=7071 node function.mjs
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import fs from 'node:fs';
import http from 'node:http';

const page = fs.readFileSync(new URL('index.html', import.meta.url));
const hub = new WebPubSubServiceClient(process.env.CONNECTION_STRING, 'prices', {
    allowInsecureConnection: true,
});

async function readBody(request) {
    const chunks = [];
    for await (const chunk of request) {
        chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks));
}

const routes = {
    /* Event Grid asks whether we want its events (CloudEvents' webhook specification). */
    'OPTIONS /api/events': (request, response) =>
        response
            .setHeader('WebHook-Allowed-Origin', request.headers['webhook-request-origin'] ?? '*')
            .end(),

    /* An event. What this function adds is the direction. */
    'POST /api/events': async (request, response) => {
        const event = await readBody(request);
        const { symbol, price, before } = event.data;
        const arrow = price < before ? '▼' : '▲';
        await hub.group('function').sendToAll({ id: event.id, symbol, price, arrow });
        response.end();
    },

    'GET /': (request, response) =>
        response.setHeader('Content-Type', 'text/html; charset=utf-8').end(page),

    /* The address at which the page may listen, and to which groups. */
    'GET /negotiate': async (request, response) => {
        const { url } = await hub.getClientAccessToken({ groups: ['function', 'direct'] });
        response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ url }));
    },
};

const server = http.createServer(async (request, response) => {
    const route = routes[`${request.method} ${request.url.split('?')[0]}`];
    try {
        await (route ?? ((_, answer) => answer.writeHead(404).end()))(request, response);
    } catch (error) {
        console.error(error.message);
        response.writeHead(500).end(); // Event Grid tries again
    }
});

server.listen(Number(process.env.FUNCTION_PORT ?? 7071), '127.0.0.1', () =>
    console.log(`function and page: http://127.0.0.1:${server.address().port}/`),
);
