/* Where events come from: topics, domains and theirs, system topics, namespaces and theirs.
 *
 * SPDX-License-Identifier: Apache-2.0 */

export const API = '/api/eventgrid/';

/* Kinds of sources: their list, where one publishes to one, and what is below. */
const inNamespace = { list: 'topics', title: 'Namespace topic', publish: (path) => `/${path}:publish` };
const inDomain = { list: 'topics', title: 'Domain topic', publish: (path) => `/${path.slice(0, path.lastIndexOf('/topics/'))}/api/events`, names: true };
const asTopic = (path) => `/${path}/api/events`;
const kinds = [
    { list: 'topics', title: 'Topic', publish: asTopic, keeps: true },
    { list: 'domains', title: 'Domain', publish: asTopic, keeps: true, names: true, below: inDomain },
    { list: 'systemTopics', title: 'System topic', publish: asTopic, keeps: true },
    { list: 'namespaces', title: 'Namespace', publish: null, below: inNamespace },
];

async function sourcesAt(session, kind, place) {
    const items = await session.list(`${API}${place}${kind.list}?$top=100`);
    return items.map((item) => ({ ...item, kind, path: `${place}${kind.list}/${item.name}` }));
}

/* All of them, each before what is below it: a resource with its `kind` and its `path` below API. */
export async function sourcesOf(session) {
    const lists = await Promise.all(kinds.map((kind) => sourcesAt(session, kind, '')));
    const families = await Promise.all(lists.flat().map(async (source) => {
        const { below } = source.kind;
        return [source, ...(below ? await sourcesAt(session, below, `${source.path}/`) : [])];
    }));
    return families.flat();
}

/* The place in the console of a path below API. */
export const hashOf = (path) => `#events/${path.split('/').map(encodeURIComponent).join('/')}`;

/* Its own, or that of its domain. */
export const schemaOf = (source, sources) =>
    source.properties.inputSchema ??
    sources.find(({ path }) => source.kind === inDomain && source.path.startsWith(`${path}/`))?.properties.inputSchema ??
    'EventGridSchema';

/* Does it keep events, so that they can be sent once more? */
export const keepsEvents = ({ kind, properties }) => Boolean(kind.keeps) && (properties.eventRetentionInDays ?? 0) > 0;
