/* A certificate authority of a test's own, and certificates for 127.0.0.1 that it has signed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pubgrid-certificates-'));
process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }));

const EC = ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
const RSA = ['rsa:2048'];
let count = 0;

/* The PEM files { certificate, key }; options: further ones of `openssl req`. */
function makeWith(algorithm, name, ...options) {
    count += 1;
    const [certificate, key] = ['pem', 'key'].map((end) => path.join(folder, `${count}.${end}`));
    const files = ['-out', certificate, '-keyout', key];
    const all = ['req', '-x509', '-newkey', ...algorithm, '-nodes', '-days', '2', ...files];
    execFileSync('openssl', [...all, '-subj', `/CN=${name}`, ...options], { stdio: 'ignore' });
    return { certificate, key };
}

const make = (...all) => makeWith(EC, ...all);

const authority = make('authority', '-addext', 'basicConstraints=critical,CA:TRUE');

/* The PEM file of the authority's own certificate. */
export const AUTHORITY = authority.certificate;

const HERE = ['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];

/* The PEM files { certificate, key } of somebody at 127.0.0.1. */
export function certificate(name) {
    return make(name, '-CA', authority.certificate, '-CAkey', authority.key, ...HERE);
}

/* The same of somebody whom nobody but himself has signed for. */
export const unknownCertificate = (name) => make(name, ...HERE);

const withText = (made) => ({ ...made, pem: fs.readFileSync(made.certificate, 'utf8') });

/* A certificate of a client, its text as `pem`. alternative: a further name of it, such as 'DNS:x'; by: who
 * has signed it, if not the authority; null: itself; isRsa: what its key is. */
export function clientCertificate(name, { alternative, by = authority, isRsa = false } = {}) {
    const options = [
        ...(by ? ['-CA', by.certificate, '-CAkey', by.key] : []),
        ...['-addext', 'basicConstraints=critical,CA:FALSE'],
        ...(alternative ? ['-addext', `subjectAltName=${alternative}`] : []),
    ];
    return withText(makeWith(isRsa ? RSA : EC, name, ...options));
}

/* An authority that nobody knows yet. */
export const otherAuthority = (name) =>
    withText(make(name, '-addext', 'basicConstraints=critical,CA:TRUE'));
