/* The site: it lets pages into the hub, with the official server SDK of Azure Web PubSub. They hear
 * what the device says, and may send to the group `switch`, which is a topic that the device hears.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { hubOf, site } from '../shared/site.mjs';

const hub = hubOf('greenhouse');

site(import.meta.url, {
    'GET /negotiate': () =>
        hub.getClientAccessToken({
            groups: ['temperature', 'heater', 'device'],
            roles: ['webpubsub.sendToGroup.switch'],
        }),
});
