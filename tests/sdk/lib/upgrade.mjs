/* The handshake alone, with Node's HTTP client: what `ws` would not let through or show.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import http from 'node:http';
import { deferred, within } from './wait.mjs';

/* Resolves to { status, headers } and hangs up. `protocol`: the Sec-WebSocket-Protocol header. */
export async function upgrade(url, { protocol, headers = {}, isUpgrade = true } = {}) {
    const answer = deferred();
    const request = http.request(url.replace(/^ws/, 'http'), {
        headers: {
            ...(isUpgrade && {
                connection: 'Upgrade',
                upgrade: 'websocket',
                'sec-websocket-version': '13',
                'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
            }),
            ...(protocol && { 'sec-websocket-protocol': protocol }),
            ...headers,
        },
    });
    const take = (response) => {
        answer.resolve({ status: response.statusCode, headers: response.headers });
        request.destroy();
    };
    request.on('response', take);
    request.on('upgrade', take);
    request.on('error', answer.reject);
    request.end();
    return within(() => `an answer to ${url}`, answer.promise);
}
