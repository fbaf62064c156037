/* Hubs of Web PubSub: settings, who is there, what became of their webhooks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { ask, button, card, clock, code, counted, field, fill, make, paged, problem, short, table } from './dom.js';

const NAMES_AT_ONCE = 100;

const path = (hub, rest = '') => `/api/hubs/${encodeURIComponent(hub)}${rest}`;

/* Hubs that have settings (`known`, with where they come from), and those that have connections. */
function hubsOf(known, numbers) {
    const names = new Map(known.map(({ name, source }) => [name, source]));
    for (const [topic, count] of numbers.values) {
        const [, hub] = /^bridge\/\d+\/connections\/([^/]+)\//.exec(topic) ?? [];
        if (hub && count !== '0' && !hub.startsWith('_') && !names.has(hub)) {
            names.set(hub, 'none of its own');
        }
    }
    return [...names].map(([name, source]) => ({ name, source })).sort((a, b) => a.name.localeCompare(b.name));
}

const logColumns = [
    { title: 'Time', cell: (row) => clock(row.time) },
    { title: 'Event', cell: (row) => row.event },
    { title: 'Status', number: true, cell: (row) => String(row.status || '–') },
    { title: 'ms', number: true, cell: (row) => String(row.latencyMs) },
    { title: 'Attempt', number: true, cell: (row) => String(row.attempt) },
    { title: 'URL', cell: (row) => row.url },
    { title: 'What was wrong', cell: (row) => row.reason },
];

export function hubs({ session, numbers }, [chosen]) {
    const list = make('div', {}), one = make('div', {});
    const counts = new Map(); // hub -> where its connections are counted
    let known = null;

    const connectionsOf = (hub) => short(numbers.bridge('connections', ([name]) => name === hub));

    const loadList = () => fill(list, async () => {
        ({ value: known } = await session.get('/api/hubs'));
        const rows = hubsOf(known, numbers);
        counts.clear();
        rows.forEach(({ name }) => counts.set(name, make('span', {}, connectionsOf(name))));
        return table('Hubs', [
            { title: 'Hub', cell: (row) => make('a', { href: `#hubs/${encodeURIComponent(row.name)}` }, row.name) },
            { title: 'Settings', cell: (row) => row.source },
            { title: 'Connections', number: true, cell: (row) => counts.get(row.name) },
        ], rows, 'No hub has connections or settings of its own.');
    });

    /* Hubs come with their first connection. What is counted changes in its place: where one may be clicking, nothing else does. */
    function update() {
        if (known && hubsOf(known, numbers).map(({ name }) => name).join() !== [...counts.keys()].join()) {
            loadList();
        }
        counts.forEach((place, hub) => { place.textContent = connectionsOf(hub); });
    }

    /* What counts for hubs without settings of their own: it is changed in the configuration file. */
    async function loadDefault(hub) {
        const { value } = await session.get('/api/hubs');
        return card('All other hubs', code(value.find(({ name }) => name === hub)?.settings ?? {}));
    }

    async function loadHub(hub) {
        if (hub.startsWith('_')) {
            return loadDefault(hub);
        }
        const [settings, { value: all }, count, log] = await Promise.all([
            session.get(path(hub)),
            session.get('/api/hubs'),
            session.get(path(hub, '/:count')),
            session.list(path(hub, '/:log?top=50'), 50),
        ]);
        const check = make('div', {});
        const isSet = all.some(({ name, source }) => name === hub && source === 'runTime');
        return [
            card(`Hub ${hub}`,
                make('p', {}, ['connection', 'user', 'group'].map((noun) => counted(count[`${noun}s`], noun)).join(', ')),
                make('div', { className: 'actions' },
                    button('Change settings', () => change(hub, JSON.stringify(settings, null, 2))),
                    isSet ? button('As in the configuration', () => reset(hub), { className: 'grave' }) : null,
                    button('Check its webhooks', () => fill(check, async () => {
                        const { good, lines } = await session.send('POST', path(hub, '/:check'));
                        return [make('p', {}, good ? 'All of them agree.' : 'Not all of them agree:'), code(lines.join('\n'))];
                    }))),
                check, code(settings)),
            make('div', { className: 'halves' },
                names('Groups', path(hub, '/groups'), ({ group }) => group),
                names('Users', path(hub, '/users'), ({ userId }) =>
                    make('a', { href: `#connections/${encodeURIComponent(userId)}` }, userId))),
            card('Requests to its webhooks', table('Requests to webhooks', logColumns, log, 'None yet.')),
        ];
    }

    /* There may be any number of them. */
    function names(label, target, cell) {
        const place = make('div', {});
        paged(place, (next) => session.page(next ?? `${target}?maxpagesize=${NAMES_AT_ONCE}`), (rows) => table(label, [
            { title: 'Name', cell },
            { title: 'Connections', number: true, cell: (row) => String(row.connections) },
        ], rows, 'None.'))();
        return card(label, place);
    }

    /* What is refused is there to be mended. */
    async function change(hub, text, refusal = null) {
        const editor = make('textarea', { name: 'settings', rows: 18, spellcheck: false, value: text });
        const said = await ask(`Settings of hub ${hub}`,
            [refusal ? problem(refusal) : null, field('JSON; what is left out has its default', editor)], 'Set');
        if (!said) {
            return;
        }
        try {
            await session.send('PUT', path(hub), said.get('settings'), { 'content-type': 'application/json' });
        } catch (error) {
            change(hub, said.get('settings'), error);
            return;
        }
        reload(hub);
    }

    function reload(hub) {
        loadList();
        return fill(one, () => loadHub(hub));
    }

    async function reset(hub) {
        if (await ask(`Take the settings of hub ${hub} back?`, [make('p', {}, 'Those of the configuration file count again.')], 'Take back', true)) {
            await act(hub, () => session.send('DELETE', path(hub)));
        }
    }

    async function act(hub, work) {
        try {
            await work();
            await reload(hub);
        } catch (error) {
            one.prepend(problem(error));
        }
    }

    return {
        element: make('div', {}, card(null, list), one),
        shown() {
            numbers.addEventListener('point', update);
            loadList();
            if (chosen) {
                fill(one, () => loadHub(chosen));
            }
        },
        close() {
            numbers.removeEventListener('point', update);
        },
    };
}
