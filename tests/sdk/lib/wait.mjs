/* Waiting for conditions, never for a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { setTimeout as sleep } from 'node:timers/promises';

export const PATIENCE = 40_000; // ms until a condition that never comes true is a failure

/* Until `condition` (which may be async) returns something true; returns that. */
export async function until(what, condition, patience = PATIENCE) {
    const end = Date.now() + patience;
    for (;;) {
        const value = await condition();
        if (value) {
            return value;
        }
        if (Date.now() > end) {
            throw new Error(`not within ${patience} ms: ${what}`);
        }
        await sleep(20);
    }
}

/* A promise and the functions that settle it. */
export function deferred() {
    const all = {};
    all.promise = new Promise((resolve, reject) => Object.assign(all, { resolve, reject }));
    return all;
}

export async function within(what, promise, patience = PATIENCE) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(
            () => reject(new Error(`not within ${patience} ms: ${what()}`)),
            patience,
        );
    });
    try {
        return await Promise.race([promise, late]);
    } finally {
        clearTimeout(timer);
    }
}
