/* Hubs of Web PubSub: settings, who is there, what became of their webhooks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { ask, button, card, clock, code, counted, field, fill, make, problem, short, table } from './dom.js';

const path = (hub, rest = '') => `/api/hubs/${encodeURIComponent(hub)}${rest}`;

/* Hubs that have settings, and those that have connections. */
async function namesOf(session, numbers) {
    const { value } = await session.get('/api/hubs');
    const names = new Map(value.map(({ name, source }) => [name, source]));
    for (const topic of numbers.values.keys()) {
        const [, hub] = /^bridge\/\d+\/connections\/([^/]+)\//.exec(topic) ?? [];
        if (hub && !hub.startsWith('_') && !names.has(hub)) {
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

    const connectionsOf = (hub) => numbers.bridge('connections', ([name]) => name === hub);

    const loadList = async () => table('Hubs', [
        { title: 'Hub', cell: (row) => make('a', { href: `#hubs/${encodeURIComponent(row.name)}` }, row.name) },
        { title: 'Settings', cell: (row) => row.source },
        { title: 'Connections', number: true, cell: (row) => short(connectionsOf(row.name)) },
    ], await namesOf(session, numbers), 'No hub has connections or settings of its own.');

    /* What counts for hubs without settings of their own: it is changed in the configuration file. */
    async function loadDefault(hub) {
        const { value } = await session.get('/api/hubs');
        return card('All other hubs', code(value.find(({ name }) => name === hub)?.settings ?? {}));
    }

    async function loadHub(hub) {
        if (hub.startsWith('_')) {
            return loadDefault(hub);
        }
        const [settings, { value: all }, count, groups, users, log] = await Promise.all([
            session.get(path(hub)),
            session.get('/api/hubs'),
            session.get(path(hub, '/:count')),
            session.list(path(hub, '/groups'), 200),
            session.list(path(hub, '/users'), 200),
            session.list(path(hub, '/:log?top=50'), 50),
        ]);
        const check = make('div', {});
        const isSet = all.some(({ name, source }) => name === hub && source === 'runTime');
        return [
            card(`Hub ${hub}`,
                make('p', {}, ['connection', 'user', 'group'].map((noun) => counted(count[`${noun}s`], noun)).join(', ')),
                make('div', { className: 'actions' },
                    button('Change settings', () => change(hub, settings)),
                    isSet ? button('As in the configuration', () => reset(hub), { className: 'grave' }) : null,
                    button('Check its webhooks', () => fill(check, async () => {
                        const { good, lines } = await session.send('POST', path(hub, '/:check'));
                        return [make('p', {}, good ? 'All of them agree.' : 'Not all of them agree:'), code(lines.join('\n'))];
                    }))),
                check, code(settings)),
            make('div', { className: 'halves' },
                card('Groups', names('Groups', groups, ({ group }) => group)),
                card('Users', names('Users', users, ({ userId }) =>
                    make('a', { href: `#connections/${encodeURIComponent(userId)}` }, userId)))),
            card('Requests to its webhooks', table('Requests to webhooks', logColumns, log, 'None yet.')),
        ];
    }

    const names = (label, rows, cell) => table(label, [
        { title: 'Name', cell },
        { title: 'Connections', number: true, cell: (row) => String(row.connections) },
    ], rows, 'None.');

    async function change(hub, settings) {
        const editor = make('textarea', { name: 'settings', rows: 18, spellcheck: false, value: JSON.stringify(settings, null, 2) });
        const said = await ask(`Settings of hub ${hub}`, [field('JSON; what is left out has its default', editor)], 'Set');
        if (said) {
            await act(hub, () => session.send('PUT', path(hub), said.get('settings'), { 'content-type': 'application/json' }));
        }
    }

    async function reset(hub) {
        if (await ask(`Take the settings of hub ${hub} back?`, [make('p', {}, 'Those of the configuration file count again.')], 'Take back', true)) {
            await act(hub, () => session.send('DELETE', path(hub)));
        }
    }

    async function act(hub, work) {
        try {
            await work();
            await fill(one, () => loadHub(hub));
        } catch (error) {
            one.prepend(problem(error));
        }
    }

    return {
        element: make('div', {}, card(null, list), one),
        shown() {
            fill(list, loadList);
            if (chosen) {
                fill(one, () => loadHub(chosen));
            }
        },
        close() {},
    };
}
