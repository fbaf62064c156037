/* Publishes a price as an event, with the official SDK of Azure Event Grid: once, or every second.
 *
 *     TOPIC_ENDPOINT=http://127.0.0.1:8090/topics/prices/api/events TOPIC_KEY=... node publish.mjs [--forever]
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { AzureKeyCredential, EventGridPublisherClient } from '@azure/eventgrid';
import { setTimeout } from 'node:timers/promises';

const topic = new EventGridPublisherClient(
    process.env.TOPIC_ENDPOINT,
    'CloudEvent',
    new AzureKeyCredential(process.env.TOPIC_KEY),
    { allowInsecureConnection: true },
);
const prices = { PUB: 100, GRID: 42 };

async function publish(symbol) {
    const before = prices[symbol];
    const price = Number((before * (0.98 + Math.random() * 0.04)).toFixed(2));
    prices[symbol] = price;
    await topic.send([
        { type: 'price.changed', source: '/exchange', subject: symbol, data: { symbol, price, before } },
    ]);
}

do {
    for (const symbol of Object.keys(prices)) {
        await publish(symbol);
    }
    if (process.argv.includes('--forever')) {
        await setTimeout(1000);
    }
} while (process.argv.includes('--forever'));
