/* The first view: what goes through the server, live.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { Chart } from './chart.js';
import { bytes, make, short, span } from './dom.js';

const milliseconds = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
const rate = (value) => `${bytes(value)}/s`;
const powersOfTwo = Array.from({ length: 50 }, (_, i) => 2 ** i);

const charts = () => [
    new Chart('Messages a second', [
        { name: 'received', label: 'published', colour: '--series-1' },
        { name: 'sent', label: 'delivered', colour: '--series-2' },
        { name: 'fromBrowsers', label: 'from browsers', colour: '--series-3' },
        { name: 'toBrowsers', label: 'to browsers', colour: '--series-4' },
    ]),
    new Chart('Latency', [
        { name: 'roundTrip', label: 'this page to the broker and back', colour: '--series-1' },
        { name: 'commit', label: 'a commit of the store', colour: '--series-2' },
    ], milliseconds),
    new Chart('Connections', [
        { name: 'clients', label: 'MQTT', colour: '--series-1' },
        { name: 'browsers', label: 'WebSocket', colour: '--series-2' },
    ]),
    new Chart('Events a second', [
        { name: 'published', label: 'published', colour: '--series-1' },
        { name: 'delivered', label: 'delivered', colour: '--series-2' },
        { name: 'failed', label: 'failed attempts', colour: '--series-5' },
    ]),
    new Chart('Bytes a second', [
        { name: 'bytesIn', label: 'in', colour: '--series-1' },
        { name: 'bytesOut', label: 'out', colour: '--series-2' },
    ], rate, powersOfTwo),
];

/* Label, and its value out of the numbers. What the views of connections and topics list is counted: not the server's own. */
const tiles = [
    ['Sessions', (n) => short(n.broker('clients/total') - n.broker('clients/internal'))],
    ['Subscriptions', (n) => short(n.broker('subscriptions/count') - n.broker('subscriptions/internal'))],
    ['Retained messages', (n) => short(n.broker('retained messages/count') - n.broker('retained messages/internal'))],
    ['Messages waiting', (n) => short(n.broker('store/messages/count'))],
    ['Dropped', (n) => short(n.broker('publish/messages/dropped') + n.broker('session/queue/dropped'))],
    ['Refused', (n) => short(n.broker('publish/messages/refused'))],
    ['Dead-lettered', (n) => short(n.bridge('events_dead_lettered_total'))],
    ['Store', (n) => `${bytes(n.broker('store/bytes'))}, ${n.text('broker/store/state') || 'unknown'}`],
    ['Memory of the broker', (n) => bytes(n.broker('heap/current'))],
    ['Up for', (n) => span(n.broker('uptime'))],
    ['Version', (n) => n.text('broker/version').split(' ').at(-1)],
];

export function overview({ numbers }) {
    const drawn = charts();
    const values = tiles.map(() => make('dd', {}, '–'));
    const update = () => {
        tiles.forEach(([, read], i) => { values[i].textContent = read(numbers); });
        drawn.forEach((chart) => chart.update(numbers));
    };
    numbers.addEventListener('point', update);
    const element = make('div', {},
        make('dl', { className: 'tiles' },
            tiles.map(([label], i) => make('div', { className: 'card' }, make('dt', {}, label), values[i]))),
        make('div', { className: 'charts' }, drawn.map((chart) => chart.element)));
    return {
        element,
        shown: () => numbers.times.length > 0 && update(),
        close() {
            numbers.removeEventListener('point', update);
            drawn.forEach((chart) => chart.close());
        },
    };
}
