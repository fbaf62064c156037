/* Connections and sessions of all kinds, as the broker has them: finding one, looking inside, closing it with a reason.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { ask, bytes, button, card, counted, facts, field, fill, make, paged, problem, span, standAt, table } from './dom.js';

const PAGE = 100;

/* Of browsers' sessions: '$wps/HUB/ID' is a Web PubSub connection. */
function hubConnection(clientId) {
    const [, hub, id] = /^\$wps\/([^/]+)\/([A-Za-z0-9_-]{22})$/.exec(clientId) ?? [];
    return hub ? { hub, id } : null;
}

function kind(session, system) {
    if (session.clientId === system.name) {
        return 'this page';
    }
    const browser = hubConnection(session.clientId);
    if (browser) {
        return `Web PubSub, hub ${browser.hub}`;
    }
    return `MQTT ${session.protocolVersion === 5 ? '5' : '3.1.1'}`;
}

function expiry({ expiryInterval }) {
    if (expiryInterval === null) {
        return 'never';
    }
    return expiryInterval === 0 ? 'with its connection' : `${span(expiryInterval)} after its connection`;
}

const details = (session, system) => facts([
    ['Client identifier', session.clientId],
    ['User', session.userName || 'none'],
    ['Kind', kind(session, system)],
    ['Connected', session.isConnected ? `from ${session.peer}` : 'no'],
    ['Waiting', `${counted(session.waiting, 'message')}, ${bytes(session.waitingBytes)}`],
    ['Sent, not acknowledged', String(session.unacknowledged)],
    ['Session expires', expiry(session)],
    ['Kept on the disk', session.isDurable ? 'yes' : 'no'],
]);

export function connections({ session, system }, [place]) {
    const list = make('div', {}), one = make('div', {});
    const contains = make('input', { type: 'search', value: place ?? '' });
    const all = make('input', { type: 'checkbox' });
    const load = paged(list, async (after) => {
        const parameters = { contains: contains.value, limit: String(PAGE) };
        const page = await system.ask('sessions', {
            ...parameters, ...(all.checked ? { all: '1' } : {}), ...(after ? { after } : {}),
        });
        return { items: page.sessions, next: page.after };
    }, (rows) => table('Sessions', [
        { title: 'Client identifier', cell: (row) => button(row.clientId || '(empty)', () => look(row.clientId), { className: 'link' }) },
        { title: 'User', cell: (row) => row.userName },
        { title: 'Kind', cell: (row) => kind(row, system) },
        { title: 'From', cell: (row) => (row.isConnected ? row.peer : 'away') },
        { title: 'Subscriptions', number: true, cell: (row) => String(row.subscriptions) },
        { title: 'Waiting', number: true, cell: (row) => String(row.waiting) },
    ], rows, 'No session fits.'));

    function look(clientId) {
        const looked = fill(one, async () => {
            const { session: found } = await system.ask('session', { clientId });
            if (!found) {
                return card('Session', make('p', { className: 'note' }, 'It is gone.'));
            }
            return card(`Session ${clientId}`, details(found, system),
                make('div', { className: 'actions' },
                    found.isConnected ? button('Close the connection', () => close(found), { className: 'grave' }) : null,
                    button('End the session', () => end(found), { className: 'grave' }),
                    button('Look again', () => look(clientId))),
                make('h3', {}, 'Subscriptions'),
                table('Subscriptions', [
                    { title: 'Topic filter', cell: (row) => row.filter },
                    { title: 'QoS', number: true, cell: (row) => String(row.qos) },
                ], found.filters, 'None.'));
        });
        looked.then(() => one.firstChild.scrollIntoView({ block: 'nearest' }));
    }

    async function act({ clientId }, work) {
        try {
            await work();
            look(clientId);
            load();
        } catch (error) {
            one.prepend(problem(error));
        }
    }

    /* A browser is told the reason; MQTT has a code for it, 0x98. */
    async function close(found) {
        const browser = hubConnection(found.clientId);
        const reason = browser ? field('Reason, as the client is told', { name: 'reason' }) : null;
        const said = await ask(`Close the connection of ${found.clientId}?`, [reason ?? make('p', {}, 'The client gets DISCONNECT 0x98.')], 'Close it', true);
        if (!said) {
            return;
        }
        const query = said.get('reason') ? `?reason=${encodeURIComponent(said.get('reason'))}` : '';
        await act(found, () => (browser
            ? session.send('DELETE', `/api/hubs/${browser.hub}/connections/${browser.id}${query}`)
            : system.ask('close', { clientId: found.clientId })));
    }

    async function end(found) {
        const said = await ask(`End the session of ${found.clientId}?`,
            [make('p', {}, 'Its subscriptions and the messages that wait for it are lost.')], 'End it', true);
        if (said) {
            await act(found, () => system.ask('end', { clientId: found.clientId }));
        }
    }

    const search = make('form', {
        className: 'row',
        onsubmit(event) {
            event.preventDefault();
            standAt('connections', contains.value);
            load();
        },
    }, field('Client identifier or user contains', contains),
    make('label', { className: 'check' }, all, ' also those of the bridge itself'),
    make('button', { className: 'primary' }, 'Find'));

    return {
        element: make('div', {}, card(null, search, list), one),
        shown: load,
        close() {},
    };
}
