/* A certificate authority of a test's own, and certificates for 127.0.0.1 that it has signed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pubgrid-certificates-'));
process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }));

/* Files NAME.pem and NAME.key; options: further ones of `openssl req`. */
function make(name, ...options) {
    const [certificate, key] = [`${name}.pem`, `${name}.key`].map((file) =>
        path.join(folder, file),
    );
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const files = ['-out', certificate, '-keyout', key];
    const all = ['req', '-x509', ...curve, '-days', '2', '-subj', `/CN=${name}`, ...files];
    execFileSync('openssl', [...all, ...options], { stdio: 'ignore' });
    return { certificate, key };
}

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
