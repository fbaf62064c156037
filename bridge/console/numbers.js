/* The server's numbers as $SYS tells them (docs/metrics.md), and series of them for charts: one point each time that the
 * broker has told all of its own, which is once a second while a console is open.
 *
 * SPDX-License-Identifier: Apache-2.0 */
const POINTS = 600;
const TICK = '$SYS/broker/uptime'; // the last that the broker tells
const PING_MS = 1000;
const APART_S = 0.5; // what is told faster has waited while the page was busy: there is no rate in between

const decoder = new TextDecoder();

export class Numbers extends EventTarget {
    constructor(system) {
        super();
        this.system = system;
        this.values = new Map(); // topic behind $SYS/ -> text
        this.bridges = new Map(); // name of a sample -> sum over processes and labels; made anew for each point
        this.last = null;
        this.times = [];
        this.series = new Map(); // name -> array as long as `times`
        this.roundTrip = null;
        this.stop = [
            system.watch('$SYS/#', (topic, payload, packet) => this.receive(topic, payload, packet.retain)),
            system.watch(`${system.answers}-ping`, (topic, payload) => this.pong(payload)),
        ];
        this.timer = setInterval(() => this.ping(), PING_MS);
        system.addEventListener('state', ({ detail }) => {
            if (detail === 'online') {
                this.last = null; // counters may have begun anew
                this.values.clear(); // all that there is is told again
                this.roundTrip = null;
                this.pushGap();
            }
        });
    }

    close() {
        clearInterval(this.timer);
        this.stop.forEach((stop) => stop());
    }

    /* What was told before comes at first, in any order: no moment that a rate could be counted from. */
    receive(topic, payload, isOld) {
        const name = topic.slice('$SYS/'.length), text = decoder.decode(payload);
        if (text === '') {
            this.values.delete(name);
        } else {
            this.values.set(name, text);
        }
        if (topic === TICK && !isOld) {
            this.addPoint();
        }
    }

    /* To ourselves, through the broker: what a message takes there and back. */
    ping() {
        if (!this.system.isOnline) {
            return; // it would wait, and tell that
        }
        const sent = performance.now();
        this.system.publish(`${this.system.answers}-ping`, String(sent), { qos: 0 }).catch(() => {});
    }

    pong(payload) {
        this.roundTrip = performance.now() - Number(decoder.decode(payload));
    }

    text(name) {
        return this.values.get(name) ?? '';
    }

    broker(name) {
        return Number.parseFloat(this.values.get(`broker/${name}`) ?? '0');
    }

    /* Of all processes and labels together; `pick(labels)`: only those. */
    bridge(name, pick = null) {
        if (!pick) {
            return this.bridges.get(name) ?? 0;
        }
        let sum = 0;
        for (const [topic, text] of this.values) {
            const [kind, , sample, ...labels] = topic.split('/');
            if (kind === 'bridge' && sample === name && pick(labels)) {
                sum += Number.parseFloat(text);
            }
        }
        return sum;
    }

    sumBridges() {
        this.bridges.clear();
        for (const [topic, text] of this.values) {
            if (topic.startsWith('bridge/')) {
                const name = topic.split('/')[2];
                this.bridges.set(name, (this.bridges.get(name) ?? 0) + Number.parseFloat(text));
            }
        }
    }

    /* Counters become rates, gauges stay. */
    addPoint() {
        this.sumBridges();
        const now = Date.now() / 1000;
        const counters = {
            received: this.broker('publish/messages/received'),
            sent: this.broker('publish/messages/sent'),
            bytesIn: this.broker('bytes/received'),
            bytesOut: this.broker('bytes/sent'),
            fromBrowsers: this.bridge('received_messages_total'),
            toBrowsers: this.bridge('sent_messages_total'),
            published: this.bridge('events_published_total'),
            delivered: this.bridge('events_delivered_total'),
            failed: this.bridge('events_failed_attempts_total'),
        };
        const gauges = {
            clients: this.broker('clients/connected') - this.broker('clients/channels'),
            browsers: this.bridge('connections'),
            roundTrip: this.roundTrip,
            commit: this.broker('store/commit/microseconds') / 1000,
        };
        const seconds = this.last ? now - this.last.now : 0;
        if (seconds > APART_S) {
            const point = { ...gauges };
            for (const [name, value] of Object.entries(counters)) {
                point[name] = Math.max(0, value - this.last.counters[name]) / seconds;
            }
            this.push(now, point);
            this.dispatchEvent(new Event('point'));
        }
        this.last = { now, counters };
    }

    /* Between what was before and what comes, the charts draw no line. */
    pushGap() {
        if (this.times.length > 0) {
            this.push(Date.now() / 1000, Object.fromEntries([...this.series.keys()].map((name) => [name, null])));
        }
    }

    push(now, point) {
        this.times.push(now);
        for (const [name, value] of Object.entries(point)) {
            if (!this.series.has(name)) {
                this.series.set(name, new Array(this.times.length - 1).fill(null));
            }
            this.series.get(name).push(value);
        }
        if (this.times.length > POINTS) {
            this.times.shift();
            this.series.forEach((values) => values.shift());
        }
    }
}
