/* The application's side of events: an HTTP server that plays the event handlers of all hubs whose
 * URL template is hook.template. What it answers is decided hub by hub, by a function or by an
 * express application with the official middleware.
 *
 *     const hook = await Webhook.start();
 *     const server = await Server.start({ hubs: [hubConfig('_default', { handlers: [hook.handler()] })] });
 *     hook.answer('chat', (call) => ({ status: 200, headers: {...}, body: 'x' }));
 *     const call = await hook.take({ hub: 'chat', event: 'connect' });
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { WebPubSubEventHandler } from '@azure/web-pubsub-express';
import express from 'express';
import http from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import { deferred, within } from './wait.mjs';

export const SYSTEM_EVENTS = ['connect', 'connected', 'disconnected'];

const matches = (call, wanted) =>
    typeof wanted === 'function'
        ? wanted(call)
        : Object.entries(wanted).every(([name, value]) => isDeepStrictEqual(call[name], value));

/* A request as a test looks at it. The first segment of the path is the hub, the second the event. */
function describe(request, body) {
    const { pathname, search } = new URL(request.url, 'http://x');
    const [, hub, event] = pathname.split('/');
    const text = body.toString();
    const isJson = /^application\/json/.test(request.headers['content-type'] ?? '');
    return {
        method: request.method,
        hub: decodeURIComponent(hub).toLowerCase(),
        event: event && decodeURIComponent(event),
        search,
        url: request.url,
        headers: request.headers,
        connectionId: request.headers['ce-connectionid'],
        userId: request.headers['ce-userid'],
        body,
        text,
        json: isJson && text ? JSON.parse(text) : undefined,
        port: request.socket.remotePort,
    };
}

export class Webhook {
    calls = []; // all, in the order of their arrival
    #untaken = [];
    #waiting = [];
    #answers = new Map(); // hub: (call, response) => answer
    #applications = new Map(); // hub: express application

    static async start() {
        const hook = new Webhook();
        hook.server = http.createServer((request, response) => hook.#receive(request, response));
        await new Promise((resolve) => {
            hook.server.listen(0, '127.0.0.1', resolve);
        });
        hook.port = hook.server.address().port;
        hook.server.unref();
        return hook;
    }

    get template() {
        return `http://127.0.0.1:${this.port}/{hub}/{event}`;
    }

    /* For hubConfig(). */
    handler(more = {}) {
        return { template: this.template, systemEvents: SYSTEM_EVENTS, userEvents: '*', ...more };
    }

    /* What this hub's calls are answered, until told otherwise: a function from the call to
     * { status, headers, body }, or to nothing: 204, or, for OPTIONS, consent. It may be async, and
     * may do with the response what it wants and return 'done'. */
    answer(hub, decide) {
        this.#answers.set(hub.toLowerCase(), decide);
    }

    /* The official middleware answers for this hub. */
    useExpress(hub, options = {}) {
        const application = express();
        const handler = new WebPubSubEventHandler(hub, { path: `/${hub}`, ...options });
        application.use(handler.getMiddleware());
        this.#applications.set(hub.toLowerCase(), application);
    }

    #receive(request, response) {
        response.on('error', () => {});
        const hub = decodeURIComponent(request.url.split('/')[1]).toLowerCase();
        const application = this.#applications.get(hub);
        if (application) {
            application(request, response);
            return;
        }
        const chunks = [];
        request.on('error', () => {});
        request.on('data', (chunk) => chunks.push(chunk));
        request.on('end', () => {
            this.#answer(describe(request, Buffer.concat(chunks)), response).catch((error) => {
                response.destroy();
                throw error;
            });
        });
    }

    async #answer(call, response) {
        this.#record(call);
        const given = await this.#answers.get(call.hub)?.(call, response);
        if (given === 'done') {
            return;
        }
        const consent = call.method === 'OPTIONS' ? { 'webhook-allowed-origin': '*' } : {};
        const { status = 200, headers = {}, body } = given ?? { status: 204, headers: consent };
        response.writeHead(status, headers);
        response.end(body);
    }

    #record(call) {
        this.calls.push(call);
        const index = this.#waiting.findIndex(({ wanted }) => matches(call, wanted));
        if (index < 0) {
            this.#untaken.push(call);
        } else {
            this.#waiting.splice(index, 1)[0].resolve(call);
        }
    }

    /* The first call that matches and that nobody has taken yet. */
    take(wanted) {
        const index = this.#untaken.findIndex((call) => matches(call, wanted));
        if (index >= 0) {
            return Promise.resolve(this.#untaken.splice(index, 1)[0]);
        }
        const { promise, resolve } = deferred();
        this.#waiting.push({ wanted, resolve });
        const what = () =>
            `a call ${wanted instanceof Function ? wanted : JSON.stringify(wanted)}; left: ${this.#untaken
                .slice(-5)
                .map(({ method, url }) => `${method} ${url}`)}`;
        return within(what, promise);
    }

    /* The names of a hub's events so far, preflights left out. */
    events(hub, connectionId) {
        return this.calls
            .filter((call) => call.method === 'POST' && call.hub === hub.toLowerCase())
            .filter((call) => !connectionId || call.connectionId === connectionId)
            .map(({ event }) => event);
    }
}

const defined = (object) =>
    Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

const taken = ({ systemEvents, userEvents, groupEvents, groupFilters }) => ({
    system_events: systemEvents,
    user_event_pattern: userEvents,
    group_presence_events: groupEvents && {
        event_names: groupEvents,
        group_filters: groupFilters ?? [],
    },
});

/* What the configuration file says of a hub. handlers: [{ template, systemEvents, userEvents,
 * groupEvents, groupFilters, timeout, attempts, skipsValidation }]; listeners: [{ topic, and the same
 * events }]; `more`: further options as they are there. */
export function hubConfig(name, { handlers = [], listeners = [], ...more } = {}) {
    return {
        name,
        ...more,
        ...(handlers.length && {
            event_handlers: handlers.map((handler) =>
                defined({
                    url_template: handler.template,
                    ...taken(handler),
                    timeout: handler.timeout,
                    attempts: handler.attempts,
                    skip_validation: handler.skipsValidation,
                }),
            ),
        }),
        ...(listeners.length && {
            event_listeners: listeners.map((listener) =>
                defined({ topic: listener.topic, ...taken(listener) }),
            ),
        }),
    };
}
