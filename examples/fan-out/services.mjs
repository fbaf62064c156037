/* Three services that are told of orders, in one program: each may be switched off, and is then a
 * webhook that fails. The shop publishes orders with the official SDK of Azure Event Grid, and pages
 * see what has become of them by Azure Web PubSub's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { AzureKeyCredential, EventGridPublisherClient } from '@azure/eventgrid';
import { hubOf, inTurn, site, webhook } from '../shared/site.mjs';

const names = ['billing', 'stock', 'shipping'];
const hub = hubOf('shop');
const services = Object.fromEntries(
    names.map((name) => [name, { name, isUp: true, done: [], attempts: 0 }]),
);
const orders = [];

const topic = new EventGridPublisherClient(
    `${process.env.SERVER}/topics/orders/api/events`,
    'CloudEvent',
    new AzureKeyCredential(process.env.TOPIC_KEY),
    { allowInsecureConnection: true },
);

const state = () => ({ orders: orders.length, services: Object.values(services) });
const show = inTurn(() => hub.sendToAll(state()));

/* What the service does with an event. One that came already is done already. */
async function take(service, { data: { order } }) {
    service.attempts += 1;
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
    const placed = Array.from({ length: count }, (_, i) => orders.length + i + 1);
    orders.push(...placed);
    await topic.send(
        placed.map((number) => ({
            type: 'order.placed',
            source: '/shop',
            subject: `orders/${number}`,
            data: { order: number },
        })),
    );
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
