/* Publishes prices as events, with the official SDK of Azure Event Grid: once, or every second.
 *
 *     SERVER=http://127.0.0.1:8090 TOPIC_KEY=... node publish.mjs [--forever]
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { AzureKeyCredential, EventGridPublisherClient } from '@azure/eventgrid';
import { setTimeout } from 'node:timers/promises';
import '../shared/webcrypto.mjs';

const topic = new EventGridPublisherClient(
    `${process.env.SERVER}/topics/prices/api/events`,
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
    console.log('published');
}

const isForever = process.argv.includes('--forever');
do {
    for (const symbol of Object.keys(prices)) {
        await publish(symbol).catch((error) => {
            if (!isForever) {
                throw error;
            }
            console.error(error.message); // the server is back soon
        });
    }
    if (isForever) {
        await setTimeout(1000);
    }
} while (isForever);
