/* The system hub: the console is an MQTT client that sees the whole topic tree. Everything live on these pages comes this
 * way, over one WebSocket.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import mqtt from './mqtt.esm.js';
import { unreachable } from './session.js';

const PATH = '/clients/mqtt/hubs/$system';
const WATCH = '$wps//watch'; // while it is subscribed to, $SYS is told each second
const ANSWER_MS = 10000;
const TOKEN_SECONDS = 12 * 3600;

const decoder = new TextDecoder();

/* Does a topic match a filter (MQTT 5, 4.7)? */
export function matches(filter, topic) {
    const wanted = filter.split('/'), levels = topic.split('/');
    if (topic.startsWith('$') && /^[+#]/.test(filter)) {
        return false;
    }
    for (let i = 0; i < wanted.length; i++) {
        if (wanted[i] === '#') {
            return true;
        }
        if (i >= levels.length || (wanted[i] !== '+' && wanted[i] !== levels[i])) {
            return false;
        }
    }
    return wanted.length === levels.length;
}

/* Throws if it is no topic filter (MQTT 5, 4.7 and 4.8.2). For one, the broker would end the connection, time and again. */
export function checkFilter(filter) {
    const levels = filter.split('/'), isShared = levels[0] === '$share';
    const [group, ...wanted] = isShared ? levels.slice(1) : ['all', ...levels];
    const isLevel = (level, i) => level === '+' || (level === '#' && i === wanted.length - 1) || !/[+#]/.test(level);
    if (wanted.join('/') === '' || group === '' || /[+#]/.test(group) || !wanted.every(isLevel)) {
        throw new Error(`'${filter}' is no topic filter: + stands for a level, # for all that follow.`);
    }
}

/* Throws if nothing can be published to it. */
export function checkTopic(topic) {
    if (topic === '' || /[+#]/.test(topic)) {
        throw new Error('A topic is not empty, and has neither + nor #.');
    }
}

/* The payload as text, or what there is of it. */
export function payloadText(payload) {
    const text = decoder.decode(payload);
    return text.includes('\uFFFD') ? `${payload.length} bytes, no text` : text;
}

/* Events: 'state' (detail 'connecting', 'online', 'offline'); 'refused' (detail: a Refusal): the key is none any more. */
export class System extends EventTarget {
    constructor(session) {
        super();
        this.session = session;
        this.watchers = new Set(); // { filter, handler }
        this.asked = new Map(); // correlation -> { resolve, reject, timer }
        this.wasOnline = false;
        this.number = 0;
        this.name = `console-${crypto.randomUUID()}`;
        this.answers = `$wps//console/${this.name}`;
    }

    async open() {
        await this.renew();
        this.client = mqtt.connect(this.url, {
            protocolVersion: 5,
            clientId: this.name,
            reconnectPeriod: 2000,
            resubscribe: true,
            timerVariant: 'native',
            transformWsUrl: () => this.url,
        });
        this.client.on('connect', () => {
            this.tell('online');
            this.wasOnline = true;
        });
        this.client.on('close', () => {
            this.tell('offline');
            this.giveUp();
        });
        this.client.on('reconnect', () => {
            this.renew();
            this.lookWhy();
        });
        this.client.on('error', () => this.tell('offline'));
        this.client.on('message', (topic, payload, packet) => this.receive(topic, payload, packet));
        this.client.subscribe([WATCH, '$SYS/#', `${this.answers}/#`]);
    }

    close() {
        this.client?.end(true);
    }

    get isOnline() {
        return this.client?.connected ?? false;
    }

    tell(state) {
        this.dispatchEvent(new CustomEvent('state', { detail: state }));
    }

    /* A fresh token for the next connection. */
    async renew() {
        this.tell('connecting');
        this.url = await this.session.socketUrl(PATH, { sub: 'console' }, TOKEN_SECONDS);
    }

    /* The browser tells no page why there is no WebSocket. */
    async lookWhy() {
        try {
            await this.session.check();
        } catch (error) {
            if (error.status === 401) {
                this.dispatchEvent(new CustomEvent('refused', { detail: error }));
            }
        }
    }

    receive(topic, payload, packet) {
        if (topic.startsWith(`${this.answers}/`)) {
            this.take(topic.slice(this.answers.length + 1), payload);
            return;
        }
        for (const watcher of this.watchers) {
            if (matches(watcher.pattern, topic)) {
                watcher.handler(topic, payload, packet);
            }
        }
    }

    /* Calls handler(topic, payload, packet) for what comes; returns a function that ends it. All of $SYS comes in any case. */
    watch(filter, handler, options = { qos: 0 }) {
        checkFilter(filter);
        const watcher = { filter, pattern: filter.replace(/^\$share\/[^/]+\//, ''), handler };
        const isOurs = filter === '$SYS/#';
        this.watchers.add(watcher);
        if (!isOurs) {
            this.client.subscribe(filter, options);
        }
        return () => {
            this.watchers.delete(watcher);
            if (!isOurs && ![...this.watchers].some((other) => other.filter === filter)) {
                this.client.unsubscribe(filter);
            }
        };
    }

    async publish(topic, payload, options = {}) {
        checkTopic(topic);
        return this.client.publishAsync(topic, payload, options);
    }

    /* Asks the broker itself (docs/console.md); resolves with the answer's JSON. Only the first connection is waited for. */
    ask(what, parameters = {}) {
        const number = String(++this.number);
        return new Promise((resolve, reject) => {
            if (this.wasOnline && !this.isOnline) {
                throw unreachable();
            }
            const timer = setTimeout(() => {
                this.asked.delete(number);
                reject(new Error('The broker does not answer.'));
            }, ANSWER_MS);
            this.asked.set(number, { resolve, reject, timer });
            this.client.publish(`$wps//inspect/${what}`, '', {
                qos: 0,
                properties: { responseTopic: `${this.answers}/${number}`, userProperties: parameters },
            });
        });
    }

    /* What was asked on a connection that is gone is answered no more. */
    giveUp() {
        if (this.wasOnline) {
            this.asked.forEach(({ reject, timer }) => {
                clearTimeout(timer);
                reject(unreachable());
            });
            this.asked.clear();
        }
    }

    take(number, payload) {
        const waiting = this.asked.get(number);
        if (waiting) {
            this.asked.delete(number);
            clearTimeout(waiting.timer);
            waiting.resolve(JSON.parse(decoder.decode(payload)));
        }
    }
}
