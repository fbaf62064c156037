/* Who may publish and subscribe to what in a namespace whose MQTT is enabled, as a device finds out
 * (spec/eventgrid.md 6.3).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { fresh } from './eventgrid.mjs';
import { within } from './wait.mjs';

/* A client group with this query may do this (`Publisher`, `Subscriber` or both) on what these
 * templates say. Resolves to the names of what was made; group: instead of a query. */
export async function permit(namespace, { query, group = fresh('group'), templates, permissions }) {
    const space = fresh('space');
    if (query) {
        await namespace.put(`clientGroups/${group}`, { query });
    }
    await namespace.put(`topicSpaces/${space}`, { topicTemplates: templates });
    const bindings = [];
    for (const permission of [permissions].flat()) {
        const binding = fresh('binding');
        await namespace.put(`permissionBindings/${binding}`, {
            clientGroupName: group,
            topicSpaceName: space,
            permission,
        });
        bindings.push(binding);
    }
    return { group, space, bindings };
}

/* Everybody may publish to what has its own name, and to what has its attribute `kind`. */
export async function permitOwn(namespace) {
    await namespace.put('topicSpaces/own', {
        topicTemplates: ['own/${client.authenticationName}', 'kinds/${client.attributes.kind}'],
    });
    await namespace.put('permissionBindings/own', {
        clientGroupName: '$all',
        topicSpaceName: 'own',
        permission: 'Publisher',
    });
}

const REFUSED = 0x80; // reason codes from here on say no

/* The reason code of PUBACK (MQTT 5). */
export async function publishCode(client, topic, payload = 'x', options = {}) {
    const published = client.publishAsync(topic, payload, { qos: 1, ...options });
    const acknowledged = published.then(
        (packet) => packet?.reasonCode ?? 0,
        (error) => {
            if (typeof error.code !== 'number') {
                throw error;
            }
            return error.code;
        },
    );
    return within(() => `PUBACK for ${topic}`, acknowledged);
}

/* The reason code of SUBACK. */
export function subscribeCode(client, filter, options = {}) {
    const answered = new Promise((resolve, reject) => {
        client.subscribe(filter, { qos: 1, ...options }, (error, granted, packet) => {
            if (packet?.granted) {
                resolve(packet.granted[0]);
            } else {
                reject(error ?? new Error('no SUBACK'));
            }
        });
    });
    return within(() => `SUBACK for ${filter}`, answered);
}

export const mayPublish = async (...all) => (await publishCode(...all)) < REFUSED;
export const maySubscribe = async (...all) => (await subscribeCode(...all)) < REFUSED;
