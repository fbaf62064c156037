/* Event Grid namespaces (spec/eventgrid.md 5, 8.1): their resources over requests in the shape of Azure
 * Resource Manager, for which there is no JavaScript client, and their topics with the official client,
 * @azure/eventgrid-namespaces, and with plain requests for what that does not send or show.
 *
 *     const namespace = await Namespace.make(grid);
 *     const topic = await namespace.topic();
 *     const queue = await topic.queue({ maxDeliveryCount: 2 });
 *     await topic.sender().sendEvents({ type: 't', source: '/s', data: 1 });
 *     const [{ event, brokerProperties }] = await queue.receive();
 *
 * SPDX-License-Identifier: Apache-2.0 */
import {
    AzureKeyCredential,
    EventGridReceiverClient,
    EventGridSenderClient,
} from '@azure/eventgrid-namespaces';
import assert from 'node:assert/strict';
import { ACCOUNT, GROUP, PROVIDER, fresh } from './eventgrid.mjs';
import { call } from './rest.mjs';

export const VERSION = '2025-02-15'; // the first stable one of the management that knows all of them
const DATA_VERSION = '2024-06-01';
const OPTIONS = { allowInsecureConnection: true, retryOptions: { maxRetries: 0 } };
export const WAIT = 10; // s, the shortest that a receiver may wait (5.3)

const STRUCTURED = 'application/cloudevents+json; charset=utf-8';
const BATCH = 'application/cloudevents-batch+json; charset=utf-8';

/* A CloudEvent as it is on the wire. */
export const cloudEvent = (id, more = {}) => ({
    specversion: '1.0',
    id,
    source: '/here',
    type: 't',
    ...more,
});

/* The properties of a namespace whose MQTT is enabled. */
export const mqttProperties = (more = {}) => ({
    topicSpacesConfiguration: {
        state: 'Enabled',
        maximumClientSessionsPerAuthenticationName: 100,
        ...more,
    },
});

/* The properties of an event subscription that is received from (5.4). */
export const queueProperties = (queue = {}, more = {}) => ({
    deliveryConfiguration: { deliveryMode: 'Queue', queue },
    ...more,
});

export const deadLetters = (blobContainerName) => ({
    deadLetterDestinationWithResourceIdentity: {
        identity: { type: 'SystemAssigned' },
        deadLetterDestination: {
            endpointType: 'StorageBlob',
            properties: { resourceId: '/sa', blobContainerName },
        },
    },
});

export class Namespace {
    constructor(grid, name, keys = []) {
        Object.assign(this, { grid, name, keys, path: `/namespaces/${name}` });
        this.id = `/subscriptions/${ACCOUNT}/resourceGroups/${GROUP}${PROVIDER}${this.path}`;
    }

    static async make(grid, properties = {}, name = fresh('space')) {
        const namespace = new Namespace(grid, name);
        await namespace.must([200, 201], 'PUT', '', { location: 'westus', properties });
        return namespace.readKeys();
    }

    async readKeys() {
        const { key1, key2 } = await this.must(200, 'POST', '/listKeys');
        this.keys = [key1, key2];
        return this;
    }

    /* A request to the management; `below` is what follows the namespace in its path. */
    manage(method, below, body, how = {}) {
        return this.grid.request(method, `${this.id}${below}?api-version=${VERSION}`, body, how);
    }

    /* It has to succeed with one of these; resolves to its JSON. */
    async must(statuses, method, below, body) {
        const { status, text, json } = await this.manage(method, below, body);
        const what = `${method} ${this.path}${below}: ${status} ${text}`;
        assert.ok([statuses].flat().includes(status), what);
        return json;
    }

    /* It has to fail with this status and an error code, with these words in its message. */
    async fails(status, method, below, body, words = []) {
        const answer = await this.manage(method, below, body);
        const what = `${method} ${this.path}${below} ${JSON.stringify(body)}: ${answer.text}`;
        assert.equal(answer.status, status, what);
        const { code, message } = answer.json.error;
        assert.ok(code && message, what);
        [words].flat().forEach((word) => assert.ok(message.includes(word), `${word} in ${what}`));
        return answer.json.error;
    }

    /* A child: 'topics/t', 'clients/c' ... */
    put(child, properties) {
        return this.must([200, 201], 'PUT', `/${child}`, { properties });
    }

    get(child) {
        return this.must(200, 'GET', `/${child}`);
    }

    delete(child) {
        return this.must([200, 202, 204], 'DELETE', `/${child}`);
    }

    async topic(properties = {}, name = fresh('topic')) {
        await this.put(`topics/${name}`, properties);
        return new NamespaceTopic(this, name);
    }
}

export class NamespaceTopic {
    constructor(namespace, name) {
        Object.assign(this, { namespace, name, server: namespace.grid.server });
        this.path = `${namespace.path}/topics/${name}`;
        this.id = `${namespace.id}/topics/${name}`;
    }

    get keys() {
        return this.namespace.keys;
    }

    /* What an SDK is given as endpoint. */
    get endpoint() {
        return this.server.httpUrl(this.namespace.path);
    }

    /* The official clients; key: the credential's. */
    sender({ endpoint = this.endpoint, key = this.keys[0], ...options } = {}) {
        const credential = new AzureKeyCredential(key);
        return new EventGridSenderClient(endpoint, credential, this.name, {
            ...OPTIONS,
            ...options,
        });
    }

    receiver(subscription, { endpoint = this.endpoint, key = this.keys[0], ...options } = {}) {
        const credential = new AzureKeyCredential(key);
        return new EventGridReceiverClient(endpoint, credential, this.name, subscription, {
            ...OPTIONS,
            ...options,
        });
    }

    /* A plain request to what is `below` the topic, such as ':publish'. key: null for none; base: what
     * is before /topics; query: further parameters. */
    async post(below, body, { base, key = this.keys[0], headers = {}, query = '', ...how } = {}) {
        const target = `${base ?? this.namespace.path}/topics/${encodeURIComponent(this.name)}${below}`;
        const isPlain = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
        const text = isPlain ? body : JSON.stringify(body);
        const version = `?api-version=${DATA_VERSION}`;
        return call(this.server, how.method ?? 'POST', `${target}${version}${query}`, {
            token: null,
            ...(text !== undefined && { body: text }),
            headers: { ...(key && { authorization: `SharedAccessKey ${key}` }), ...headers },
            ...how,
        });
    }

    /* One event, or an array of them, as they are; it has to be taken. */
    async publish(events) {
        const type = Array.isArray(events) ? BATCH : STRUCTURED;
        const answer = await this.post(':publish', events, { headers: { 'content-type': type } });
        assert.equal(answer.status, 200, answer.text);
        assert.deepEqual(answer.json, {});
    }

    /* Events with these identifiers. */
    publishIds(...ids) {
        return this.publish(ids.map((id) => cloudEvent(id)));
    }

    /* An event subscription; resolves to it as it is shown. */
    subscribe(properties, name = fresh('subscription')) {
        return this.namespace.put(`topics/${this.name}/eventSubscriptions/${name}`, properties);
    }

    /* One that is received from. */
    async queue(queue = {}, { name = fresh('queue'), ...more } = {}) {
        await this.subscribe(queueProperties(queue, more), name);
        return new Queue(this, name);
    }
}

/* An event subscription that is received from. */
export class Queue {
    constructor(topic, name) {
        Object.assign(this, { topic, name });
    }

    client(options) {
        return this.topic.receiver(this.name, options);
    }

    post(action, body, how) {
        const below = `/eventsubscriptions/${encodeURIComponent(this.name)}:${action}`;
        const headers = {
            ...(body !== undefined && { 'content-type': 'application/json; charset=UTF-8' }),
            ...how?.headers,
        };
        return this.topic.post(below, body, { ...how, headers });
    }

    /* What one request brings: [{ brokerProperties, event }]. */
    async receive(maxEvents = 1, { maxWaitTime = WAIT, ...how } = {}) {
        const query = `&maxEvents=${maxEvents}&maxWaitTime=${maxWaitTime}`;
        const { status, json, text } = await this.post('receive', undefined, { query, ...how });
        assert.equal(status, 200, text);
        assert.deepEqual(Object.keys(json), ['value']);
        assert.ok(json.value.length <= maxEvents, `${json.value.length} of ${maxEvents}`);
        return json.value;
    }

    /* So many events, over as many requests as it takes. */
    async receiveAll(count, how) {
        const all = [];
        while (all.length < count) {
            const some = await this.receive(Math.min(100, count - all.length), how);
            assert.ok(some.length > 0, `only ${all.length} of ${count} events came`);
            all.push(...some);
        }
        return all;
    }

    /* The one event that is there. */
    async take(how) {
        const [one] = await this.receiveAll(1, how);
        return { ...one.brokerProperties, event: one.event };
    }

    /* acknowledge, release, reject or renewLock; tokens or what receive() gave. */
    async settle(action, tokens, query = '', how = {}) {
        const lockTokens = [tokens].flat().map(tokenOf);
        const { status, text, json } = await this.post(action, { lockTokens }, { query, ...how });
        assert.equal(status, 200, text);
        return json;
    }

    /* The same, and it has to succeed for all. */
    async must(action, tokens, query = '') {
        const answer = await this.settle(action, tokens, query);
        assert.deepEqual(answer.failedLockTokens, []);
        assert.deepEqual(
            answer.succeededLockTokens.toSorted(),
            [tokens].flat().map(tokenOf).toSorted(),
        );
    }

    /* The same, and it has to fail for this token. */
    async mustFail(action, token, code) {
        const answer = await this.settle(action, token);
        assert.deepEqual(answer.succeededLockTokens, []);
        const [{ lockToken, error }, ...others] = answer.failedLockTokens;
        assert.deepEqual([lockToken, error.code, others], [tokenOf(token), code, []]);
        assert.ok(error.message.length > 0);
    }
}

const tokenOf = (one) =>
    typeof one === 'string' ? one : (one.lockToken ?? one.brokerProperties.lockToken);

export const idsOf = (received) => received.map(({ event }) => event.id);
