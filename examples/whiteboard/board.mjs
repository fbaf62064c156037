/* The whiteboard's site, and its memory: a client in the group, with the official client SDK, hears
 * every stroke and has the picture for who comes late. Pages send to each other without it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { WebPubSubClient } from '@azure/web-pubsub-client';
import { hubOf, parameter, site } from '../shared/site.mjs';

const KEPT = 20_000; // pieces of strokes
const GROUP = 'board';
const MAY = { roles: [`webpubsub.sendToGroup.${GROUP}`], groups: [GROUP] };

const hub = hubOf('whiteboard');
let picture = [];

const memory = new WebPubSubClient({
    getClientAccessUrl: async () => (await hub.getClientAccessToken({ userId: 'memory', groups: [GROUP] })).url,
});

memory.on('group-message', ({ message: { data } }) => {
    if (data.kind === 'stroke') {
        picture.push(data);
        picture = picture.slice(-KEPT);
    } else if (data.kind === 'clear') {
        picture = [];
    }
});

await memory.start();
site(import.meta.url, {
    'GET /negotiate': (_, request) => hub.getClientAccessToken({ ...MAY, userId: parameter(request, 'name') }),
    'GET /picture': () => picture,
});
