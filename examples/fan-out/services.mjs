/* Three services that are told of orders, in one program: each may be switched off, and is then a
 * webhook that fails. The shop publishes orders with the official SDK of Azure Event Grid, and pages
 * see what has become of them by Azure Web PubSub's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { AzureKeyCredential, EventGridPublisherClient } from '@azure/eventgrid';
import fs from 'node:fs';
import path from 'node:path';
import { hubOf, inTurn, site, webhook } from '../shared/site.mjs';

const names = ['billing', 'stock', 'shipping'];
const hub = hubOf('shop');
const FILE = path.join(process.env.FOLDER, 'orders.json'); // events wait for the next run, which has to know them
const { orders, services } = fs.existsSync(FILE) ? JSON.parse(fs.readFileSync(FILE)) : {
    orders: [],
    services: Object.fromEntries(names.map((name) => [name, { name, isUp: true, done: [], attempts: 0 }])),
};
let last = Math.max(0, ...orders);

const topic = new EventGridPublisherClient(
    `${process.env.SERVER}/topics/orders/api/events`,
    'CloudEvent',
    new AzureKeyCredential(process.env.TOPIC_KEY),
    { allowInsecureConnection: true },
);

const state = () => ({ orders, services: Object.values(services) });
const show = inTurn(() => {
    fs.writeFileSync(FILE, JSON.stringify({ orders, services }));
    return hub.sendToAll(state());
});

/* An order is placed when its event was accepted, or has come. */
function place(order) {
    if (!orders.includes(order)) {
        orders.push(order);
        orders.sort((one, other) => one - other);
    }
}

/* What the service does with an event. One that came already is done already. */
async function take(service, { data: { order } }) {
    service.attempts += 1;
    place(order);
    if (!service.isUp) {
        await show();
        throw Object.assign(new Error(`${service.name} is down`), { status: 503 });
    }
    if (!service.done.includes(order)) {
        service.done.push(order);
    }
    await show();
}

async function order(body) {
    const { count } = JSON.parse(body);
    const placed = Array.from({ length: count }, () => (last += 1));
    await topic.send(
        placed.map((number) => ({
            type: 'order.placed',
            source: '/shop',
            subject: `orders/${number}`,
            data: { order: number },
        })),
    );
    placed.forEach(place);
    await show();
}

function turn(body) {
    const { name, isUp } = JSON.parse(body);
    services[name].isUp = isUp;
    return show();
}

site(import.meta.url, {
    ...Object.assign({}, ...names.map((name) => webhook(`/services/${name}`, (event) => take(services[name], event)))),
    'GET /negotiate': () => hub.getClientAccessToken(),
    'GET /state': state,
    'POST /order': order,
    'POST /switch': turn,
});
