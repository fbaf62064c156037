/* Event Grid of the server with the official SDKs: event topics and event subscriptions over the
 * management client, publishers, and endpoints that play the webhooks.
 *
 *     const grid = await Grid.start();
 *     const topic = await grid.topic({ inputSchema: 'CloudEventSchemaV1_0' });
 *     const endpoint = grid.endpoint();
 *     await topic.subscribe({ destination: endpoint.destination() });
 *     await topic.publisher().send([{ type: 't', source: '/s', data: 1 }]);
 *     const { events } = await endpoint.take();
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { EventGridManagementClient } from '@azure/arm-eventgrid';
import { AzureKeyCredential, EventGridPublisherClient } from '@azure/eventgrid';
import assert from 'node:assert/strict';
import { call } from './rest.mjs';
import { Server } from './server.mjs';
import { Webhook } from './webhook.mjs';

export const ACCOUNT = '11111111-2222-3333-4444-555555555555'; // the Azure subscription
export const GROUP = 'rg';
export const API = '2022-06-15'; // what the management client sends
export const PROVIDER = '/providers/Microsoft.EventGrid';
const FAR = { location: 'westus' };

/* In the words of EventGridPublisherClient. */
const CLIENT_SCHEMAS = {
    EventGridSchema: 'EventGrid',
    CloudEventSchemaV1_0: 'CloudEvent',
    CustomEventSchema: 'Custom',
};

/* A mapping for topics with a schema of their own, as the management client takes it. */
export const MAPPING = {
    inputSchemaMappingType: 'Json',
    id: { sourceField: 'key' },
    eventTime: { sourceField: 'at' },
    eventType: { sourceField: 'kind', defaultValue: 'unkind' },
    subject: { sourceField: 'about', defaultValue: 'anything' },
    dataVersion: { defaultValue: '7' },
};

let count = 0;
export const fresh = (prefix) => {
    count += 1;
    return `${prefix}-${count}`;
};

/* The section of the configuration file, for Server.start's `more`. */
export const section = (settings) =>
    `event_grid:\n${Object.entries(settings)
        .map(([name, value]) => `  ${name}: ${JSON.stringify(value)}\n`)
        .join('')}`;

/* The management client. Over http its own policy would refuse to send a token, and none is needed on
 * loopback (spec/eventgrid.md 8.2). */
export function manager(endpoint, options = {}) {
    const credential = { getToken: async () => ({ token: 'none', expiresOnTimestamp: Infinity }) };
    const client = new EventGridManagementClient(options.credential ?? credential, ACCOUNT, {
        endpoint,
        allowInsecureConnection: true,
        retryOptions: { maxRetries: 0 },
        ...options,
    });
    if (endpoint.startsWith('http:')) {
        client.pipeline.removePolicy({ name: 'bearerTokenAuthenticationPolicy' });
    }
    return client;
}

/* An operation of an official client fails with this status, and error code if there is one. */
export async function fails(promise, status, code) {
    const error = await promise.then(
        (value) => assert.fail(`it succeeds: ${JSON.stringify(value)}`),
        (reason) => reason,
    );
    assert.equal(error.statusCode, status, error.message);
    assert.ok(!code || error.code === code, `${error.code}: ${error.message}`);
    return error;
}

/* All that a list of the management client has, and the names of that. */
export async function all(pages) {
    const values = [];
    for await (const value of pages) {
        values.push(value);
    }
    return values;
}
export const names = async (pages) => (await all(pages)).map(({ name }) => name);

/* ---------------------------------------------------------------- endpoints */

const kindOf = (call) => call.headers['aeg-event-type'];

/* An endpoint that wants what it is asked about, in either of the handshakes (4.7, 4.8). */
export function consent(asked) {
    if (asked.method === 'OPTIONS') {
        const origin = asked.headers['webhook-request-origin'];
        return { status: 200, headers: { 'webhook-allowed-origin': origin } };
    }
    const [event] = JSON.parse(asked.text);
    return json({ validationResponse: event.data.validationCode });
}

export const json = (value, status = 200) => ({
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
});

/* A webhook of an event subscription: one path of a lib/webhook.mjs. */
export class Endpoint {
    asked = []; // requests of handshakes
    farewells = []; // that a subscription is no more
    deliveries = []; // requests with events, with `events` and `kind`
    answer = () => ({ status: 200 }); // from a delivery, or 'done', as Webhook.answer
    consent = consent;

    constructor(hook, name = fresh('endpoint')) {
        Object.assign(this, { hook, name, url: `http://127.0.0.1:${hook.port}/${name}` });
        hook.answer(name, (request, response) => this.#receive(request, response));
    }

    async #receive(request, response) {
        request.at = Date.now();
        if (request.method === 'OPTIONS' || kindOf(request) === 'SubscriptionValidation') {
            this.asked.push(request);
            return this.consent(request, response);
        }
        if (kindOf(request) !== 'Notification') {
            this.farewells.push(request);
            return { status: 200 };
        }
        this.deliveries.push(request);
        return (await this.answer(request, response)) ?? { status: 200 };
    }

    destination(more = {}) {
        return { endpointType: 'WebHook', endpointUrl: this.url, ...more };
    }

    /* As it is on the wire, for what the management client does not know. */
    rawDestination(more = {}) {
        return { endpointType: 'WebHook', properties: { endpointUrl: this.url, ...more } };
    }

    /* The next delivery that matches and that nobody has taken; `events` is what it has. */
    async take(wanted = () => true) {
        const delivery = await this.hook.take(
            (request) =>
                request.hub === this.name && kindOf(request) === 'Notification' && wanted(request),
        );
        delivery.events = [JSON.parse(delivery.text)].flat();
        return delivery;
    }

    /* The next delivery with this event. */
    takeEvent(id) {
        return this.take(({ text }) => idsOf(text).includes(id));
    }

    /* The identifiers of all events that came. */
    ids() {
        return this.deliveries.flatMap(({ text }) => idsOf(text));
    }
}

const idsOf = (text) => [JSON.parse(text)].flat().map((event) => event.id ?? event.key);

/* ---------------------------------------------------------------- sources of events */

/* A topic, a domain, a topic of a domain or a system topic: `path` is what names it behind
 * /providers/Microsoft.EventGrid. */
export class Source {
    constructor(grid, path, more) {
        Object.assign(this, { grid, path, name: path.split('/').at(-1), ...more });
        this.id = `/subscriptions/${ACCOUNT}/resourceGroups/${GROUP}${PROVIDER}${path}`;
        this.target = `${path}/api/events`;
    }

    get endpoint() {
        return this.grid.server.httpUrl(this.target);
    }

    /* The official publisher; options: also `endpoint`, `schema` and `credential`. */
    publisher({ endpoint = this.endpoint, schema = this.schema, credential, ...options } = {}) {
        return new EventGridPublisherClient(
            endpoint,
            CLIENT_SCHEMAS[schema],
            credential ?? new AzureKeyCredential(this.keys[0]),
            { allowInsecureConnection: true, retryOptions: { maxRetries: 0 }, ...options },
        );
    }

    /* A request as it is written here; key: null for none. */
    async post(body, { headers = {}, key = this.keys[0], target = this.target, ...how } = {}) {
        const answer = await call(this.grid.server, how.method ?? 'POST', target, {
            token: null,
            body: typeof body === 'object' && !Buffer.isBuffer(body) ? JSON.stringify(body) : body,
            headers: {
                'content-type': 'application/json',
                ...(key && { 'aeg-sas-key': key }),
                ...headers,
            },
            ...how,
        });
        const { error } = /^\s*\{/.test(answer.text) ? JSON.parse(answer.text) : {};
        return { ...answer, error };
    }

    /* An event subscription, over the management client and in its words. */
    async subscribe(info, name = fresh('subscription')) {
        const { eventSubscriptions } = this.grid.arm;
        await eventSubscriptions.beginCreateOrUpdateAndWait(this.id, name, info);
        return name;
    }

    /* The same by a plain request: what the management client does not know stays in. */
    async put(properties, name = fresh('subscription')) {
        const path = `${this.path}/eventSubscriptions/${name}`;
        const answer = await this.grid.manage('PUT', path, { properties });
        assert.ok([200, 201].includes(answer.status), `${answer.status} ${answer.text}`);
        return name;
    }

    /* An endpoint of its own that is subscribed. */
    async hears(properties = {}, destination = {}) {
        const endpoint = this.grid.endpoint();
        endpoint.subscription = await this.put({
            destination: endpoint.rawDestination(destination),
            ...properties,
        });
        return endpoint;
    }
}

export class Grid {
    /* settings: the section event_grid; how: as Server.start. */
    static async start(settings = {}, how = {}) {
        const grid = new Grid();
        grid.hook = await Webhook.start();
        grid.server = await Server.start({
            ...how,
            more: `${section({ validation: true, ...settings })}${how.more ?? ''}`,
        });
        grid.arm = manager(grid.server.httpUrl(''));
        return grid;
    }

    endpoint(name) {
        return new Endpoint(this.hook, name);
    }

    /* A plain request to the management; `path` is behind the provider. */
    manage(method, path, body, how = {}) {
        const target = `/subscriptions/${ACCOUNT}/resourceGroups/${GROUP}${PROVIDER}${path}`;
        return this.request(method, `${target}?api-version=${API}`, body, how);
    }

    /* The same below /api/eventgrid. */
    own(method, path, body, how = {}) {
        return this.request(method, `/api/eventgrid${path}`, body, how);
    }

    request(method, target, body, { headers, ...how } = {}) {
        return call(this.server, method, target, {
            token: null,
            ...(body !== undefined && { body: JSON.stringify(body) }),
            headers: { 'content-type': 'application/json', ...headers },
            ...how,
        });
    }

    async topic({ inputSchema = 'EventGridSchema', ...more } = {}, name = fresh('topic')) {
        const { topics } = this.arm;
        const info = { ...FAR, inputSchema, ...more };
        await topics.beginCreateOrUpdateAndWait(GROUP, name, info);
        const { key1, key2 } = await topics.listSharedAccessKeys(GROUP, name);
        return new Source(this, `/topics/${name}`, { schema: inputSchema, keys: [key1, key2] });
    }

    async domain({ inputSchema = 'EventGridSchema', ...more } = {}, name = fresh('domain')) {
        const { domains } = this.arm;
        const info = { ...FAR, inputSchema, ...more };
        await domains.beginCreateOrUpdateAndWait(GROUP, name, info);
        const { key1, key2 } = await domains.listSharedAccessKeys(GROUP, name);
        return new Source(this, `/domains/${name}`, { schema: inputSchema, keys: [key1, key2] });
    }

    domainTopic(domain, name) {
        return new Source(this, `${domain.path}/topics/${name}`, { schema: domain.schema });
    }
}

/* ---------------------------------------------------------------- events */

/* In the words of EventGridPublisherClient, by the schema of the topic. */
export const sample = {
    EventGridSchema: (id, data = {}, more = {}) => ({
        id,
        subject: 's',
        eventType: 't',
        eventTime: new Date('2030-01-02T03:04:05.006Z'),
        dataVersion: '1',
        data,
        ...more,
    }),
    CloudEventSchemaV1_0: (id, data = {}, more = {}) => ({
        id,
        source: '/here',
        type: 't',
        data,
        ...more,
    }),
    CustomEventSchema: (key, more = {}) => ({ key, kind: 't', about: 's', ...more }),
};
