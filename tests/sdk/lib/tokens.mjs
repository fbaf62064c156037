/* Connection tokens as the service SDKs make them: HS256 with the bytes of the access key's text
 * (spec/webpubsub.md 1.2), written here anew so that the server's own code is not what is tested
 * against.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { createHmac } from 'node:crypto';

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export function sign(claims, key) {
    const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
    return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
}

export const EVERYTHING = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];

/* Unix seconds, some from now. */
export const inSeconds = (seconds) => Math.floor(Date.now() / 1000) + seconds;
