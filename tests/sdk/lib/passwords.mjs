/* A password file with users, made with `pubgrid passwd`, and MQTT clients of theirs; the password of each
 * is its name.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { connectMqtt } from './device.mjs';
import { fresh } from './eventgrid.mjs';
import { BIN } from './server.mjs';

/* The part of the configuration that names it. */
export function passwordSection(...users) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pubgrid-passwords-'));
    process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
    const file = path.join(folder, 'passwords');
    for (const user of users) {
        const words = ['passwd', '-b', ...(fs.existsSync(file) ? [] : ['-c']), file, user, user];
        execFileSync(path.join(BIN, 'pubgrid'), words, { stdio: 'ignore' });
    }
    return `auth:\n  password_file: ${file}\n`;
}

export const connectAs = (server, user, options = {}) =>
    connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, {
        clientId: fresh('session'),
        username: user,
        password: user,
        ...options,
    });
