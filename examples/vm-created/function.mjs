/* The function: it is run when a virtual machine was created, gives it a tag and an address, and tells
 * the browsers, with the official SDKs. Here there is no Azure, so what a machine's creation would
 * raise is sent by `pubgrid event send`, with the template of that event.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { isSystemEvent } from '@azure/eventgrid';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { hubOf, site, webhook } from '../shared/site.mjs';

const hub = hubOf('azure');
const machines = new Map(); // what the function has done

async function take(event) {
    if (!isSystemEvent('Microsoft.Resources.ResourceWriteSuccess', event)) {
        return; // the filter lets no other in
    }
    const { resourceUri } = event.data;
    if (machines.has(resourceUri)) {
        return; // an event may come twice
    }
    const machine = {
        id: resourceUri,
        name: resourceUri.split('/').at(-1),
        tag: `owner=team-${(machines.size % 3) + 1}`,
        address: `10.0.0.${machines.size + 4}`,
    };
    machines.set(resourceUri, machine);
    await hub.group('function').sendToAll(machine);
}

const { PUBGRID, PUBGRID_CONFIG, SERVER } = process.env;
const SCOPE = '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/demo/providers';
const kinds = {
    'virtual machine': 'Microsoft.Compute/virtualMachines',
    'storage account': 'Microsoft.Storage/storageAccounts',
    'web app': 'Microsoft.Web/sites',
};

async function create(body) {
    const { kind, name } = JSON.parse(body);
    const words = ['event', 'send', 'systemTopics/azure', '--template', 'ResourceWriteSuccess'];
    const resource = ['--resource-id', `${SCOPE}/${kinds[kind]}/${name}`];
    await promisify(execFile)(PUBGRID, [...words, ...resource, '-c', PUBGRID_CONFIG, '--server', SERVER]);
}

site(import.meta.url, {
    ...webhook('/api/events', take),
    'GET /negotiate': () => hub.getClientAccessToken({ groups: ['activity', 'function'] }),
    'GET /machines': () => [...machines.values()],
    'POST /create': create,
});
