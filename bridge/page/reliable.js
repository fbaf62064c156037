/* A client of json.reliable.webpubsub.azure.v1, with nothing but the browser's WebSocket: what was
 * sent arrives once and in order, and so does what is received, across cuts of the network and
 * restarts of the server. Copy it, or take the official client @azure/web-pubsub-client.
 *
 *     const negotiate = async () => (await (await fetch('/negotiate?user=ann')).json()).url;
 *     const client = new ReliableClient(negotiate);
 *     client.addEventListener('connected', () => client.request('joinGroup', { group: 'lobby' }));
 *     client.addEventListener('message', ({ detail }) => console.log(detail.data));
 *     client.start();
 *     await client.request('sendToGroup', { group: 'lobby', dataType: 'text', data: 'Hello' });
 *
 * Events: `state` (detail: connecting, online, recovering, offline), `connected` (a new connection:
 * join the groups again), `message` (every frame that carries a sequenceId: group and server
 * messages, group states).
 *
 * SPDX-License-Identifier: Apache-2.0 */

const SUBPROTOCOL = 'json.reliable.webpubsub.azure.v1';
const RECOVERY_WINDOW = 30_000; // ms that a server keeps a connection that dropped
const RETRY_DELAY = 1_000;
const PING_INTERVAL = 15_000; // after two without a sign of life the connection counts as dead
const ACK_DELAY = 500; // sequence acks are cumulative: one for all that came meanwhile,
const ACK_MAXIMUM = 200; // but not too many, for the server's buffer is bounded

export class ReliableClient extends EventTarget {
    #getUrl;
    #url = '';
    #socket = null;
    #state = 'offline';
    #lostAt = 0;
    #heardAt = 0;
    #timers = {};
    /* Of the connection that outlives its sockets: */
    #connectionId = '';
    #token = '';
    #sequence = 0; // of the last message that was handed on
    #acknowledged = 0; // and of the last that was acknowledged
    #ackId = 0;
    #pending = new Map(); // ackId -> request that is not acknowledged, in the order of sending

    /* getUrl: async, returns a URL with an access token; asked for each new connection. */
    constructor(getUrl) {
        super();
        this.#getUrl = getUrl;
    }

    get state() {
        return this.#state;
    }
    get connectionId() {
        return this.#connectionId;
    }

    start() {
        this.#timers.ping = setInterval(() => this.#ping(), PING_INTERVAL);
        this.#lostAt = Date.now();
        this.#connect();
    }

    /* Code 1000 is final: the server keeps nothing. */
    stop() {
        clearInterval(this.#timers.ping);
        clearTimeout(this.#timers.ack);
        clearTimeout(this.#timers.retry);
        const socket = this.#socket;
        this.#socket = null;
        this.#connectionId = '';
        this.#enter('offline');
        socket?.close(1000);
    }

    /* Sends a request and waits for its acknowledgement, however many sockets that takes. */
    request(type, fields) {
        const ackId = ++this.#ackId;
        const frame = JSON.stringify({ type, ...fields, ackId });
        return new Promise((resolve, reject) => {
            this.#pending.set(ackId, { frame, resolve, reject });
            this.#write(frame);
        });
    }

    /* Drops the socket as a bad network does; recovery follows. */
    cut() {
        this.#lost(4000);
    }

    async #connect() {
        const recovers = this.#connectionId !== '';
        this.#enter(recovers ? 'recovering' : 'connecting');
        try {
            this.#url = recovers ? this.#url : await this.#getUrl();
        } catch {
            return this.#retry();
        }
        if (this.#state === 'offline') {
            return undefined; // stopped meanwhile
        }
        const url = new URL(this.#url);
        if (recovers) {
            url.searchParams.set('awps_connection_id', this.#connectionId);
            url.searchParams.set('awps_reconnection_token', this.#token);
        }
        const socket = new WebSocket(url.href, SUBPROTOCOL);
        this.#socket = socket;
        this.#heardAt = Date.now();
        socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(JSON.parse(data));
        socket.onclose = ({ code }) => socket === this.#socket && this.#lost(code);
        socket.onerror = () => {}; // onclose follows
        return undefined;
    }

    #receive(frame) {
        this.#heardAt = Date.now();
        if (frame.type === 'system' && frame.event === 'connected') {
            this.#connected(frame);
        } else if (frame.type === 'ack') {
            this.#settle(frame);
        } else if (frame.sequenceId !== undefined) {
            this.#sequenced(frame);
        }
    }

    /* Comes on a new connection and after a recovery, then with the same connectionId. */
    #connected({ connectionId, reconnectionToken, userId }) {
        const isNew = connectionId !== this.#connectionId;
        if (isNew) {
            this.#sequence = 0;
        }
        this.#acknowledged = 0; // the last one may have been lost with its socket
        this.#connectionId = connectionId;
        this.#token = reconnectionToken;
        this.#enter('online');
        /* Under the same ackId, by which the server knows what it has carried out already. */
        for (const { frame } of this.#pending.values()) {
            this.#write(frame);
        }
        this.#acknowledge();
        if (isNew) {
            this.#emit('connected', { connectionId, userId });
        }
    }

    #settle({ ackId, success, error }) {
        const request = this.#pending.get(ackId);
        this.#pending.delete(ackId);
        if (success || error?.name === 'Duplicate') {
            request?.resolve();
        } else {
            request?.reject(new Error(`${error.name}: ${error.message}`));
        }
    }

    #sequenced(frame) {
        if (frame.sequenceId > this.#sequence) {
            // else a replay of what has been handed on
            this.#sequence = frame.sequenceId;
            this.#emit('message', frame);
        }
        if (this.#sequence - this.#acknowledged >= ACK_MAXIMUM) {
            this.#acknowledge();
        } else {
            this.#timers.ack ??= setTimeout(() => this.#acknowledge(), ACK_DELAY);
        }
    }

    #acknowledge() {
        clearTimeout(this.#timers.ack);
        this.#timers.ack = undefined;
        if (this.#state === 'online' && this.#sequence > this.#acknowledged) {
            this.#acknowledged = this.#sequence;
            this.#write(JSON.stringify({ type: 'sequenceAck', sequenceId: this.#sequence }));
        }
    }

    /* 1008: the server does not know this connection (any more). */
    #lost(code) {
        const socket = this.#socket;
        this.#socket = null;
        socket?.close(code === 4000 ? code : undefined);
        const wasOnline = this.#state === 'online';
        const isForgotten = code === 1008 && this.#connectionId !== '';
        this.#lostAt = wasOnline ? Date.now() : this.#lostAt;
        if (isForgotten || Date.now() - this.#lostAt > RECOVERY_WINDOW) {
            this.#connectionId = '';
        }
        this.#retry(wasOnline || isForgotten ? 0 : RETRY_DELAY);
    }

    #retry(delay = RETRY_DELAY) {
        if (this.#state !== 'offline') {
            this.#enter(this.#connectionId ? 'recovering' : 'connecting');
            clearTimeout(this.#timers.retry);
            this.#timers.retry = setTimeout(() => this.#connect(), delay);
        }
    }

    #ping() {
        if (this.#socket && Date.now() - this.#heardAt > 2 * PING_INTERVAL) {
            this.#lost(1006); // a network that died says nothing
        } else {
            this.#write('{"type":"ping"}');
        }
    }

    #write(frame) {
        if (this.#state === 'online') {
            this.#socket.send(frame);
        }
    }

    #enter(state) {
        if (state !== this.#state) {
            this.#state = state;
            this.#emit('state', state);
        }
    }

    #emit(type, detail) {
        this.dispatchEvent(new CustomEvent(type, { detail }));
    }
}
