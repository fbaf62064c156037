/* Event Grid: topics and namespaces, event subscriptions, and a composer of events that says which event subscriptions would get
 * one, and why not.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { ask, button, card, choice, counted, field, fill, make, problem, properties, table } from './dom.js';
import { namespaceCards } from './namespace.js';
import { API, hashOf, keepsEvents, schemaOf, sourcesOf } from './sources.js';
import { destinationText, subscriptionView } from './subscription.js';

/* In a schema of one's own: what its mapping names. */
function ownSample(mapping, values) {
    const named = Object.entries(values).filter(([name]) => mapping[name]?.sourceField);
    return { ...Object.fromEntries(named.map(([name, value]) => [mapping[name].sourceField, value])), color: 'blue' };
}

/* A first event to change, in the source's schema. Events of domains say of which topic they are. */
function sample(source, schema) {
    const id = crypto.randomUUID(), now = new Date().toISOString();
    const topic = source.kind.names ? source.name : null;
    if (schema === 'CustomEventSchema') {
        return ownSample(source.properties.inputSchemaMapping?.properties ?? {}, { id, subject: 'a/subject', eventType: 'Console.Tried', eventTime: now });
    }
    return schema === 'CloudEventSchemaV1_0'
        ? { specversion: '1.0', id, source: topic ?? '/console', type: 'Console.Tried', subject: 'a/subject', time: now, data: { color: 'blue' } }
        : { id, ...(topic ? { topic } : {}), subject: 'a/subject', eventType: 'Console.Tried', eventTime: now, dataVersion: '1', data: { color: 'blue' } };
}

/* ---------------------------------------------------------------- the composer */

function composer(session, source, schema, subscriptions) {
    const editor = make('textarea', { rows: 12, spellcheck: false, value: JSON.stringify(sample(source, schema), null, 2) });
    const result = make('div', { ariaLive: 'polite' });
    const isCloudEvent = schema === 'CloudEventSchemaV1_0';
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
            keepsEvents(source) ? button('Replay what the topic has kept', () => replay(session, source, subscriptions, result)) : null),
        result);
}

async function replay(session, source, subscriptions, result) {
    const names = choice(['all whose filters take it', ...subscriptions.map(({ name }) => name)], { name: 'to' });
    const said = await ask(`Replay events of ${source.name}`, [
        field('Accepted since', { type: 'datetime-local', name: 'since', required: true }),
        field('To', names),
    ], 'Replay');
    if (said) {
        await fill(result, async () => {
            const answer = await session.sendJson('POST', `${API}${source.path}/replay`, {
                since: new Date(said.get('since')).toISOString(),
                ...(names.selectedIndex > 0 ? { eventSubscriptions: [said.get('to')] } : {}),
            });
            return make('p', {}, `On the way again: ${counted(answer?.events ?? 0, 'event')}.`);
        });
    }
}

/* ---------------------------------------------------------------- the view */

export function events(shared, place) {
    const { session } = shared;
    const list = make('div', {}), one = make('div', {}), inner = make('div', {});
    let opened = null, found = null, isClosed = false;
    const sources = () => (found ??= sourcesOf(session)); // asked for once, for the list and what it is chosen from

    async function loadList() {
        const known = await sources();
        return table('Event topics', [
            { title: 'Name', cell: (row) => make('a', { href: hashOf(row.path) }, row.path) },
            { title: 'Kind', cell: (row) => row.kind.title },
            { title: 'Schema', cell: (row) => (row.kind.publish ? schemaOf(row, known) : '') },
        ], known, 'There is no event topic. pubgrid event topic create NAME makes one.');
    }

    /* The address follows, so that the page comes back to it; what was composed stays. */
    function open(path, subscription) {
        opened?.close();
        opened = subscriptionView(shared, path, subscription);
        inner.replaceChildren(opened.element);
        opened.loaded.then(() => opened.element.scrollIntoView());
        history.replaceState(null, '', hashOf(`${path}/eventSubscriptions/${subscription.name}`));
    }

    /* `name`: of the event subscription that is open from the start. */
    async function loadSource(path, name) {
        const known = await sources();
        const source = known.find((other) => other.path === path);
        if (!source) {
            throw new Error(`There is no ${path}.`);
        }
        if (!source.kind.publish) {
            return namespaceCards(session, source, known.filter((other) => other.path.startsWith(`${path}/`)));
        }
        const subscriptions = await session.list(`${API}${path}/eventSubscriptions?$top=100`);
        const first = subscriptions.find((subscription) => subscription.name === name);
        if (first && !isClosed) {
            open(path, first);
        }
        return [
            name && !first ? problem(new Error(`It has no event subscription ${name}.`)) : null,
            card(path, properties(source.properties),
                make('h3', {}, 'Event subscriptions'),
                table('Event subscriptions', [
                    { title: 'Name', cell: (row) => button(row.name, () => open(path, row), { className: 'link' }) },
                    { title: 'State', cell: (row) => row.properties.provisioningState },
                    { title: 'Goes to', cell: destinationText },
                ], subscriptions, 'None, so nobody gets its events.')),
            composer(session, source, schemaOf(source, known), subscriptions),
            inner,
        ];
    }

    return {
        element: make('div', {}, card(null, list), one),
        shown() {
            const at = place.indexOf('eventSubscriptions');
            const path = (at < 0 ? place : place.slice(0, at)).join('/');
            fill(list, loadList);
            if (path) {
                fill(one, () => loadSource(path, at < 0 ? null : place[at + 1])).then(() => {
                    if (!opened) {
                        one.firstChild.scrollIntoView();
                    }
                });
            }
        },
        close() {
            isClosed = true; // what is still loading opens nothing any more
            opened?.close();
        },
    };
}
