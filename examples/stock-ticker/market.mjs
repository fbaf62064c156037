/* The market: prices change, and everybody who watches is told, with the official server SDK of Azure
 * Web PubSub. Each symbol is a group, so that a page may watch only some.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { hubOf, site } from '../shared/site.mjs';

const TICK_MS = 500;
const KEPT = 120; // prices that who comes late gets

const market = hubOf('market');
const history = new Map(
    Object.entries({ PUB: 128.4, GRID: 64.2, MQTT: 19.9, EVNT: 87.5, WSKT: 42.1 }).map(
        ([symbol, price]) => [symbol, [{ time: Date.now(), price }]],
    ),
);

function change(prices) {
    const { price } = prices.at(-1);
    const tick = { time: Date.now(), price: Number((price * (0.994 + Math.random() * 0.012)).toFixed(2)) };
    prices.push(tick);
    if (prices.length > KEPT) {
        prices.shift();
    }
    return tick;
}

async function tick() {
    const told = [...history].map(([symbol, prices]) =>
        market.group(symbol).sendToAll({ symbol, ...change(prices) }),
    );
    await Promise.all(told).catch((error) => console.error(error.message)); // it is back soon
    setTimeout(tick, TICK_MS);
}

site(import.meta.url, {
    'GET /negotiate': () => market.getClientAccessToken({ groups: [...history.keys()] }),
    'GET /history': () => Object.fromEntries(history),
});
tick();
