/* Azure's SDKs want the global `crypto` of Node.js 20. Debian 12 has Node.js 18, where it has to be put there.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { webcrypto } from 'node:crypto';

globalThis.crypto ??= webcrypto;
