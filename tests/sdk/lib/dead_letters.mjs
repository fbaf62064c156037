/* The files of events that could not be delivered (spec/eventgrid.md 3.8).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import fs from 'node:fs';
import path from 'node:path';
import { until } from './wait.mjs';

/* Of a subscription: [{ name, events }], the name from the container on; none yet is []. */
export function deadLetterFiles(server, container, subscription) {
    const root = path.join(server.folder, 'store/dead-letters');
    const folder = path.join(root, container, subscription.toUpperCase());
    if (!fs.existsSync(folder)) {
        return [];
    }
    return fs
        .readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
        .map((entry) => {
            const file = path.join(entry.parentPath ?? entry.path, entry.name);
            return {
                name: path.relative(root, file),
                events: JSON.parse(fs.readFileSync(file, 'utf8')),
            };
        });
}

/* Until an event of this identifier is among them; resolves to it as it was written, with the `file`. */
export async function untilDeadLetter(server, container, subscription, id) {
    const { event, name } = await until(`a dead letter of ${id} for ${subscription}`, () => {
        const files = deadLetterFiles(server, container, subscription);
        const found = files.flatMap((file) =>
            file.events.map((one) => ({ event: one, name: file.name })),
        );
        return found.find((one) => one.event.id === id);
    });
    return { ...event, file: name };
}
