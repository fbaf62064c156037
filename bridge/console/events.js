/* Event Grid: topics, event subscriptions with their delivery log and dead letters, and a composer of events that says which
 * event subscriptions would get one, and why not.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { ask, button, card, choice, clock, code, field, fill, make, problem, table } from './dom.js';

const API = '/api/eventgrid/';

/* Kinds of sources: their list, and where one publishes to one. */
const kinds = [
    { list: 'topics', title: 'Topic', publish: (path) => `/${path}/api/events` },
    { list: 'domains', title: 'Domain', publish: (path) => `/${path}/api/events` },
    { list: 'systemTopics', title: 'System topic', publish: (path) => `/${path}/api/events` },
    { list: 'namespaces', title: 'Namespace', publish: null },
];

async function sourcesOf(session) {
    const lists = await Promise.all(kinds.map(async (kind) => {
        const items = await session.list(`${API}${kind.list}?$top=100`);
        return items.map((item) => ({ ...item, kind, path: `${kind.list}/${item.name}` }));
    }));
    const sources = lists.flat();
    const below = await Promise.all(sources.filter(({ kind }) => kind.list === 'namespaces').map(async (namespace) => {
        const items = await session.list(`${API}${namespace.path}/topics?$top=100`);
        const kind = { title: 'Namespace topic', publish: (path) => `/${path}:publish` };
        return items.map((item) => ({ ...item, kind, path: `${namespace.path}/topics/${item.name}` }));
    }));
    return [...sources, ...below.flat()];
}

const schemaOf = (source) => source.properties.inputSchema ?? 'EventGridSchema';

/* A first event to change, in the source's schema. */
function sample(schema) {
    const id = crypto.randomUUID(), now = new Date().toISOString();
    return schema === 'CloudEventSchemaV1_0'
        ? { specversion: '1.0', id, source: '/console', type: 'Console.Tried', subject: 'a/subject', time: now, data: { color: 'blue' } }
        : { id, subject: 'a/subject', eventType: 'Console.Tried', eventTime: now, dataVersion: '1', data: { color: 'blue' } };
}

const destination = ({ properties }) => {
    const to = properties.destination ?? properties.deliveryConfiguration?.push?.destination;
    return to ? `${to.endpointType} ${to.properties?.endpointBaseUrl ?? to.properties?.hub ?? to.properties?.topic ?? ''}` : 'Queue';
};

export function events({ session }, place) {
    const list = make('div', {}), one = make('div', {}), inner = make('div', {});
    let timer = null, found = null;
    const sources = () => (found ??= sourcesOf(session)); // asked for once, for the list and what it is chosen from

    const loadList = async () => table('Event topics', [
        { title: 'Name', cell: (row) => make('a', { href: `#events/${encodeURIComponent(row.path)}` }, row.path) },
        { title: 'Kind', cell: (row) => row.kind.title },
        { title: 'Schema', cell: (row) => (row.kind.publish ? schemaOf(row) : '') },
    ], await sources(), 'There is no event topic. pubgrid event topic create NAME makes one.');

    async function loadSource(path) {
        const source = (await sources()).find((other) => other.path === path);
        if (!source) {
            throw new Error(`There is no ${path}.`);
        }
        if (!source.kind.publish) {
            return card(path, code(source.properties));
        }
        const subscriptions = await session.list(`${API}${path}/eventSubscriptions?$top=100`);
        return [
            card(path, make('details', {}, make('summary', {}, 'Properties'), code(source.properties)),
                make('h3', {}, 'Event subscriptions'),
                table('Event subscriptions', [
                    { title: 'Name', cell: (row) => button(row.name, () => open(path, row), { className: 'link' }) },
                    { title: 'State', cell: (row) => row.properties.provisioningState },
                    { title: 'Goes to', cell: destination },
                ], subscriptions, 'None.')),
            composer(source),
            inner,
        ];
    }

    /* ------------------------------------------------------------ a subscription */

    function open(path, subscription) {
        const base = `${API}${path}/eventSubscriptions/${encodeURIComponent(subscription.name)}`;
        const log = make('div', {}), letters = make('div', {});
        const isFailures = make('input', { type: 'checkbox' });
        clearInterval(timer);

        const loadLog = async () => table('Attempts to deliver', [
            { title: 'Time', cell: (row) => clock(row.time) },
            { title: 'Event', cell: (row) => row.eventId },
            { title: 'Outcome', cell: (row) => row.outcome },
            { title: 'Status', number: true, cell: (row) => String(row.status || '–') },
            { title: 'ms', number: true, cell: (row) => String(row.latencyMs) },
            { title: 'Attempt', number: true, cell: (row) => String(row.attempt) },
            { title: 'Next', cell: (row) => (row.nextAttempt ? clock(row.nextAttempt) : row.deadLetterReason ?? '') },
        ], (await session.get(`${base}/log?top=50&failures=${isFailures.checked}`)).value, 'No attempt yet.');

        const idOf = ({ event }) => event.id ?? event.event?.id;
        const resend = async (body) => {
            await session.sendJson('POST', `${base}/resend`, body);
            fill(letters, loadLetters);
        };
        const loadLetters = async () => {
            const { value } = await session.get(`${base}/deadLetters?top=20`);
            return [
                value.length > 0 ? button('Send all again', () => resend({})) : null,
                table('Dead letters', [
                    { title: 'Event', cell: (row) => make('details', {}, make('summary', {}, String(idOf(row))), code(row.event)) },
                    { title: 'Why', cell: (row) => row.event.deadLetterReason ?? row.event.deadletterreason ?? row.event.deadLetterProperties?.deadletterreason },
                    { title: '', cell: (row) => button('Send again', () => resend({ id: idOf(row) })) },
                ], value, 'None.'),
            ];
        };
        isFailures.onchange = () => fill(log, loadLog);
        inner.replaceChildren(
            card(`Event subscription ${subscription.name}`,
                make('details', {}, make('summary', {}, 'Properties'), code(subscription.properties)),
                make('h3', {}, 'Attempts to deliver'),
                make('label', { className: 'check' }, isFailures, ' only those that failed'), log,
                subscription.properties.deliveryConfiguration?.deliveryMode === 'Queue' ? null : make('h3', {}, 'Dead letters'), letters));
        fill(log, loadLog);
        fill(letters, loadLetters);
        timer = setInterval(() => {
            if (!document.hidden) {
                fill(log, loadLog);
            }
        }, 3000);
        inner.scrollIntoView({ block: 'nearest' });
    }

    /* ------------------------------------------------------------ the composer */

    function composer(source) {
        const editor = make('textarea', { rows: 12, spellcheck: false, value: JSON.stringify(sample(schemaOf(source)), null, 2) });
        const result = make('div', { ariaLive: 'polite' });
        const isCloudEvent = schemaOf(source) === 'CloudEventSchemaV1_0';
        const body = () => (isCloudEvent ? editor.value : `[${editor.value}]`);
        const headers = { 'content-type': isCloudEvent ? 'application/cloudevents+json' : 'application/json' };

        const test = async () => {
            const { value } = await session.send('POST', `${API}${source.path}/test`, body(), headers);
            return table('Who would get it', [
                { title: 'Event subscription', cell: (row) => row.name },
                { title: 'Gets it', cell: (row) => (row.takes ? 'yes' : 'no') },
                { title: 'Why not', cell: (row) => row.reason },
            ], value.flatMap((event) => event.eventSubscriptions), 'There is no event subscription.');
        };
        const publish = async () => {
            await session.send('POST', source.kind.publish(source.path), body(), headers);
            return make('p', {}, 'Published.');
        };
        return card('Compose an event', field('Event', editor),
            make('div', { className: 'actions' },
                button('Which subscriptions would get it?', () => fill(result, test), { className: 'primary' }),
                button('Publish', () => fill(result, publish)),
                button('Replay what the topic has kept', () => replay(source, result))),
            result);
    }

    async function replay(source, result) {
        const names = choice(['all whose filters take it', ...(await session.list(`${API}${source.path}/eventSubscriptions`)).map(({ name }) => name)], { name: 'to' });
        const said = await ask(`Replay events of ${source.name}`, [
            field('Accepted since', { type: 'datetime-local', name: 'since', required: true }),
            field('To', names),
        ], 'Replay');
        if (said) {
            await fill(result, async () => {
                const to = said.get('to');
                const answer = await session.sendJson('POST', `${API}${source.path}/replay`, {
                    since: new Date(said.get('since')).toISOString(),
                    ...(names.selectedIndex > 0 ? { eventSubscriptions: [to] } : {}),
                });
                return make('p', {}, `${answer?.events ?? 0} events are on their way.`);
            });
        }
    }

    return {
        element: make('div', {}, card(null, list), one),
        shown() {
            fill(list, loadList);
            if (place.length > 0) {
                fill(one, () => loadSource(place.join('/')));
            }
        },
        close: () => clearInterval(timer),
    };
}
