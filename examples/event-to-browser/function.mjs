/* The function: Event Grid calls it with each event (a webhook), and it tells a group of browsers,
 * with the official server SDK of Azure Web PubSub. It also serves the page, and lets it in.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { hubOf, site, webhook } from '../shared/site.mjs';

const hub = hubOf('prices');

/* What this function adds is the direction. */
async function take({ id, data: { symbol, price, before } }) {
    const arrow = price < before ? '▼' : '▲';
    await hub.group('function').sendToAll({ id, symbol, price, arrow });
}

site(import.meta.url, {
    ...webhook('/api/events', take),
    /* The address at which the page may listen, and to which groups. */
    'GET /negotiate': () => hub.getClientAccessToken({ groups: ['function', 'direct'] }),
});
