/* What the programs of the examples share: the hub of their browsers, a small web server for their
 * page, and webhooks for events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import './webcrypto.mjs';

const types = { html: 'text/html', css: 'text/css', js: 'text/javascript', mjs: 'text/javascript' };

export function hubOf(name) {
    return new WebPubSubServiceClient(process.env.CONNECTION_STRING, name, {
        allowInsecureConnection: true, // it is on this machine
    });
}

async function read(request) {
    const chunks = [];
    for await (const chunk of request) {
        chunks.push(chunk);
    }
    return Buffer.concat(chunks);
}

function sendFile(response, file) {
    const type = types[path.extname(file).slice(1)];
    response.setHeader('Content-Type', `${type}; charset=utf-8`).end(fs.readFileSync(file));
}

/* A webhook that gets CloudEvents; `take` is called with each. It consents when it is asked. */
export const webhook = (target, take) => ({
    [`OPTIONS ${target}`]: (_, request, response) => {
        response.setHeader('WebHook-Allowed-Origin', request.headers['webhook-request-origin'] ?? '*');
    },
    [`POST ${target}`]: (body) => take(JSON.parse(body)),
});

/* Serves index.html of the folder of the program (its import.meta.url), and `routes`: "METHOD /path" ->
 * (body, request, response); what they return is sent as JSON. One that throws is a 500, so Event Grid tries again.
 * `first`: an express application that gets each request before. */
export function site(program, routes, first = (request, response, next) => next()) {
    const files = {
        '/': fileURLToPath(new URL('index.html', program)),
        '/live.js': fileURLToPath(new URL('live.js', import.meta.url)),
        '/style.css': fileURLToPath(new URL('style.css', import.meta.url)),
    };
    async function answer(request, response) {
        const target = request.url.split('?')[0];
        const route = routes[`${request.method} ${target}`];
        try {
            if (route) {
                const content = await route(await read(request), request, response);
                if (!response.writableEnded) {
                    response.setHeader('Content-Type', 'application/json');
                    response.end(content === undefined ? '' : JSON.stringify(content));
                }
            } else if (files[target]) {
                sendFile(response, files[target]);
            } else {
                response.writeHead(404).end();
            }
        } catch (error) {
            console.error(error.message);
            response.writeHead(error.status ?? 500, { 'Content-Type': 'text/plain; charset=utf-8' }).end(error.message);
        }
    }
    const server = http.createServer((request, response) =>
        first(request, response, () => answer(request, response)),
    );
    server.listen(Number(process.env.SITE_PORT ?? 7071), '127.0.0.1', () =>
        console.log(`http://127.0.0.1:${server.address().port}/`),
    );
    return server;
}

/* Calls of what is returned are carried out one after the other: what they tell does not overtake what is older. */
export function inTurn(action) {
    let last = Promise.resolve();
    return () => {
        last = last.catch(() => {}).then(action);
        return last;
    };
}

/* The parameter of a request's query. */
export const parameter = (request, name) => new URL(request.url, 'http://x').searchParams.get(name);
