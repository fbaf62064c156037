/* An event subscription: what waits for it, what became of deliveries, and its dead letters.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { button, card, clock, code, counted, facts, fill, make, paged, problem, properties, table } from './dom.js';
import { API } from './sources.js';

const AGAIN_MS = 3000;
const LETTERS_AT_ONCE = 20;

/* Where its events go; null: receivers fetch them. */
export function destination({ properties: of }) {
    const push = of.deliveryConfiguration?.push;
    return of.destination ?? of.deliveryWithResourceIdentity?.destination ??
        push?.destination ?? push?.deliveryWithResourceIdentity?.destination ?? null;
}

export function destinationText(subscription) {
    const to = destination(subscription);
    const { endpointBaseUrl, hub, topic, topicName, resourceId } = to?.properties ?? {};
    return to ? `${to.endpointType} ${endpointBaseUrl ?? hub ?? topic ?? topicName ?? resourceId ?? ''}` : 'a queue that receivers fetch from';
}

const hasDeadLetters = ({ properties: of }) => {
    const { queue, push } = of.deliveryConfiguration ?? {};
    return [of, queue ?? {}, push ?? {}].some((at) => at.deadLetterDestination || at.deadLetterWithResourceIdentity ||
        at.deadLetterDestinationWithResourceIdentity);
};

/* ---------------------------------------------------------------- what waits */

const eventColumns = [
    { title: 'Event', cell: (row) => row.eventId },
    { title: 'State', cell: (row) => row.state },
    { title: 'Delivery count', number: true, cell: (row) => String(row.deliveryCount) },
    { title: 'Published', cell: (row) => clock(row.publishTime) },
    { title: 'Until', cell: (row) => (row.until ? clock(row.until) : '') },
];

/* What the bridge has at hand, and what the broker has beyond. */
async function queueOf({ session, system }, base, isQueue) {
    const state = await session.get(`${base}/queue`);
    const [{ session: kept }, { delayed }] = await Promise.all([
        system.ask('session', { clientId: state.session }),
        system.ask('delayed', { topic: state.session }),
    ]);
    const beyond = kept?.waiting ?? 0;
    return [
        facts([
            ['Waiting', `${counted(state.ready + beyond, 'event')}${beyond > 0 ? `, ${beyond} of them not yet at hand` : ''}`],
            isQueue ? ['Locked by receivers', String(state.locked)] : ['Being delivered', String(state.delivering)],
            isQueue ? ['Released with a delay', String(delayed)] : ['Waiting for another attempt', String(delayed + state.held)],
            ...(isQueue ? [['Receivers that wait', String(state.receivers)]] : []),
        ]),
        state.events.length > 0 ? make('h3', {}, 'The first of them') : null,
        state.events.length > 0 ? table('Events at hand', eventColumns, state.events) : null,
    ];
}

/* ---------------------------------------------------------------- attempts */

const attemptColumns = [
    { title: 'Time', cell: (row) => clock(row.time) },
    { title: 'Event', cell: (row) => row.eventId },
    { title: 'Outcome', cell: (row) => row.outcome },
    { title: 'Status', number: true, cell: (row) => String(row.status || '–') },
    { title: 'ms', number: true, cell: (row) => String(row.latencyMs) },
    { title: 'Attempt', number: true, cell: (row) => String(row.attempt) },
    { title: 'Next attempt', cell: (row) => (row.nextAttempt ? clock(row.nextAttempt) : row.deadLetterReason ? `none: ${row.deadLetterReason}` : '') },
];

/* ---------------------------------------------------------------- dead letters */

const idOf = ({ event }) => event.id ?? event.event?.id;
const reasonOf = ({ event }) => event.deadLetterReason ?? event.deadletterreason ?? event.deadLetterProperties?.deadletterreason;

function deadLetters(session, base) {
    const list = make('div', {}), said = make('div', { role: 'status' });
    let first = null, isPaged = false; // the first page as it was told; are there others below it?
    const get = (after = '') => session.get(`${base}/deadLetters?top=${LETTERS_AT_ONCE}${after}`);
    const load = paged(list, async (next) => {
        isPaged = next !== null;
        first = isPaged ? first : null;
        const page = await get(next ? `&after=${encodeURIComponent(next)}` : '');
        first ??= JSON.stringify(page);
        return { items: page.value, next: page.next };
    }, (rows) => [
        rows.length > 0 ? make('div', { className: 'actions' }, button('Send all again', () => resend({}))) : null,
        table('Dead letters', [
            { title: 'Event', cell: (row) => make('details', {}, make('summary', {}, String(idOf(row))), code(row.event)) },
            { title: 'Why', cell: reasonOf },
            { title: 'Again', cell: (row) => button('Send again', () => resend({ id: idOf(row) })) },
        ], rows, 'None.'),
    ]);
    async function resend(body) {
        try {
            const { events } = await session.sendJson('POST', `${base}/resend`, body);
            said.replaceChildren(`On the way again: ${counted(events, 'event')}.`);
            await load();
        } catch (error) {
            said.replaceChildren(problem(error));
        }
    }
    /* Who reads on, or marks something, is disturbed by nothing but other letters. */
    async function loadChanged() {
        const page = isPaged ? null : await get().catch(() => null);
        if (page && JSON.stringify(page) !== first) {
            await load();
        }
    }
    return { element: make('div', {}, said, list), load, loadChanged };
}

/* Answers { element, loaded, close() }; `loaded` is a promise. `path`: of what it subscribes to. */
export function subscriptionView(shared, path, subscription) {
    const { session } = shared;
    const base = `${API}${path}/eventSubscriptions/${encodeURIComponent(subscription.name)}`;
    const isQueue = destination(subscription) === null;
    const queue = make('div', { className: 'bounded' }), log = make('div', { className: 'bounded' });
    const letters = hasDeadLetters(subscription) ? deadLetters(session, base) : null;
    const onlyFailures = make('input', { type: 'checkbox', onchange: loadLog });

    function loadLog() {
        return fill(log, async () => {
            const { value } = await session.get(`${base}/log?top=50&failures=${onlyFailures.checked}`);
            return table('Attempts to deliver', attemptColumns, value, onlyFailures.checked ? 'None has failed.' : 'No attempt yet.');
        });
    }
    const load = () => Promise.all([fill(queue, () => queueOf(shared, base, isQueue)), loadLog()]);
    const loaded = Promise.all([load(), letters?.load()]);
    let timer = null, isClosed = false;
    /* So long after the answers: questions to a slow server do not pile up. */
    function goOn() {
        timer = isClosed ? null : setTimeout(async () => {
            if (!document.hidden) {
                await Promise.all([load(), letters?.loadChanged()]);
            }
            goOn();
        }, AGAIN_MS);
    }
    loaded.then(goOn);
    return {
        element: card(`Event subscription ${subscription.name}`, properties(subscription.properties),
            make('h3', {}, isQueue ? 'Its queue' : 'What waits for it'), queue,
            make('h3', {}, 'Attempts to deliver'),
            make('label', { className: 'check' }, onlyFailures, ' only those that failed'), log,
            make('h3', {}, 'Dead letters'),
            letters?.element ?? make('p', { className: 'note' }, 'It keeps none: it has no deadLetterDestination.')),
        loaded,
        close() {
            isClosed = true;
            clearTimeout(timer);
        },
    };
}
