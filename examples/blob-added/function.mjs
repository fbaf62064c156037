/* The back-end: it is told when a blob is added or removed, looks at it, and tells the browsers, with
 * the official SDKs of Azure Event Grid and Azure Web PubSub. It also is the site; what is uploaded
 * there is only put into the folder.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { isSystemEvent } from '@azure/eventgrid';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { hubOf, parameter, site, webhook } from '../shared/site.mjs';

const FOLDER = path.join(process.env.FOLDER, 'pictures');
const hub = hubOf('pictures');
const MEMORY = path.join(process.env.FOLDER, 'blobs.json');
const blobs = new Map(fs.existsSync(MEMORY) ? JSON.parse(fs.readFileSync(MEMORY)) : []); // that we have been told of

/* What a back-end does with a blob; here it makes a checksum. */
function lookAt({ url, contentType, contentLength, sequencer }) {
    const content = fs.readFileSync(fileURLToPath(url));
    const checksum = createHash('sha256').update(content).digest('hex').slice(0, 12);
    return { contentType, contentLength, checksum, sequencer };
}

async function take(event) {
    const name = event.subject.split('/blobs/').slice(1).join('/blobs/'); // 2031/cat.jpg, when it is in a folder
    if (isSystemEvent('Microsoft.Storage.BlobDeleted', event)) {
        blobs.delete(name);
        remember();
        await hub.sendToAll({ name });
    } else if (isSystemEvent('Microsoft.Storage.BlobCreated', event) && isNewer(name, event)) {
        blobs.set(name, { name, ...lookAt(event.data) });
        remember();
        await hub.sendToAll(blobs.get(name));
    }
}

/* What was told is not told again: also the next process has to know. */
function remember() {
    fs.writeFileSync(MEMORY, JSON.stringify([...blobs]));
}

/* Events may come twice, and in any order: the sequencer says which is the later one. */
function isNewer(name, { data: { url, sequencer } }) {
    return fs.existsSync(fileURLToPath(url)) && !(blobs.get(name)?.sequencer >= sequencer);
}

/* The file of that name in the folder, or below it: nothing else. */
const fileOf = (request) => path.join(FOLDER, path.join('/', parameter(request, 'name')));

site(import.meta.url, {
    ...webhook('/api/events', take),
    'GET /negotiate': () => hub.getClientAccessToken(),
    'GET /blobs': () => [...blobs.values()],
    'GET /blob': (_, request, response) => {
        response.setHeader('Content-Type', blobs.get(parameter(request, 'name'))?.contentType ?? 'text/plain');
        response.setHeader('Content-Security-Policy', 'sandbox'); // whoever has added it
        response.end(fs.readFileSync(fileOf(request)));
    },
    'POST /upload': (body, request) => {
        fs.writeFileSync(`${fileOf(request)}.part`, body); // of which nothing is told
        fs.renameSync(`${fileOf(request)}.part`, fileOf(request));
    },
    'POST /remove': (_, request) => fs.rmSync(fileOf(request), { force: true }),
});
