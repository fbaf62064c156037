/* A small test runner whose last line is counted: `N passed, N failed`.
 *
 *     test('what holds', async () => { ... });
 *     await run();
 *
 * Tests run one after the other, each with a deadline. `node FILE WORD...` runs those whose names
 * hold one of the words.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { webcrypto } from 'node:crypto';

/* Debian 12 has Node.js 18, which lacks these. */
globalThis.crypto ??= webcrypto;
globalThis.CustomEvent ??= class extends Event {
    constructor(type, { detail = null, ...options } = {}) {
        super(type, options);
        this.detail = detail;
    }
};
Array.prototype.toSorted ??= function toSorted(compare) {
    return [...this].sort(compare);
};
Array.prototype.toReversed ??= function toReversed() {
    return [...this].reverse();
};

const DEADLINE = 120_000; // ms; only what hangs takes as long

const strays = []; // errors that no test has waited for
let runs = false;

/* What fails before the tests run is the end. */
function stray(error) {
    strays.push(error);
    if (!runs) {
        console.log(indented(error.stack));
        process.exit(1);
    }
}
process.on('unhandledRejection', stray);
process.on('uncaughtException', stray);

const tests = [];
const endings = [];
const explanations = [];

export function test(name, body) {
    tests.push({ name, body });
}

/* Done when all tests are; what fails then counts as a failed test. */
export function atEnd(name, body) {
    endings.unshift({ name, body });
}

/* Text that may help to understand a test that has failed. */
export function explain(text) {
    explanations.push(text);
}

const indented = (text) => String(text).replace(/^/gm, '    ');

async function succeeds({ name, body }) {
    const begin = performance.now();
    const seconds = () => ((performance.now() - begin) / 1000).toFixed(1);
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not done after ${DEADLINE} ms`)), DEADLINE);
    });
    try {
        await Promise.race([body(), late]);
        if (strays.length) {
            throw strays.shift();
        }
        console.log(`ok ${name} (${seconds()} s)`);
        return true;
    } catch (error) {
        console.log(`not ok ${name} (${seconds()} s)`);
        [error.stack, ...explanations.map((text) => text())].forEach((text) =>
            console.log(indented(text)),
        );
        return false;
    } finally {
        clearTimeout(timer);
        strays.length = 0;
    }
}

export async function run() {
    runs = true;
    const words = process.argv.slice(2);
    const wanted = tests.filter(
        ({ name }) => !words.length || words.some((word) => name.includes(word)),
    );
    let passed = 0;
    let failed = 0;
    for (const one of [...wanted, ...endings]) {
        if (await succeeds(one)) {
            passed += 1;
        } else {
            failed += 1;
        }
    }
    console.log(`${passed} passed, ${failed} failed`);
    process.exit(failed === 0 && passed > endings.length ? 0 : 1);
}
