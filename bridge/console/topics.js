/* The topic tree: retained messages, and what comes while one watches.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { button, bytes, card, clock, code, field, fill, make, paged, problem, standAt, table } from './dom.js';
import { checkFilter, payloadText } from './system.js';

const PAGE = 300; // retained messages that are asked for at once, in several questions
const SHOWN = 200; // messages of a watch
const BURST = 200; // a second; beyond it the watch ends
const LETTERS = 200; // of a payload in the list of a watch

const shortened = (text) => (text.length > LETTERS ? `${text.slice(0, LETTERS)}…` : text);

/* Topics become a tree: Map of level -> { topic or null, children }. */
function treeOf(topics) {
    const root = new Map();
    for (const topic of topics) {
        let level = root;
        const names = topic.topic.split('/');
        names.forEach((name, i) => {
            if (!level.has(name)) {
                level.set(name, { topic: null, children: new Map() });
            }
            const node = level.get(name);
            node.topic = i === names.length - 1 ? topic : node.topic;
            level = node.children;
        });
    }
    return root;
}

export function topics({ system }, [place]) {
    const tree = make('div', { className: 'tree' }), one = make('div', { className: 'stays' }), live = make('div', {});
    const filter = make('input', { name: 'filter', required: true, value: place ?? '#', maxLength: 65535 });
    let stop = null;

    const leaf = ({ topic, size }, text) => make('li', {},
        button(text, () => look(topic), { className: 'link' }), make('span', { className: 'note' }, ` ${bytes(size)}`));

    /* A topic with topics below it, and a message of its own, has that as the first of them. */
    function branch(node, name, isTop) {
        const text = name || '(empty)';
        if (node.children.size === 0) {
            return leaf(node.topic, text);
        }
        return make('li', {}, make('details', { open: isTop && node.children.size < 50 },
            make('summary', {}, text),
            make('ul', {}, node.topic ? leaf(node.topic, `${text} itself`) : null,
                [...node.children].map(([level, child]) => branch(child, level, false)))));
    }

    const load = paged(tree, async (after) => {
        checkFilter(filter.value);
        const items = [];
        do {
            const page = await system.ask('retained', { filter: filter.value, ...(after ? { after } : {}) });
            items.push(...page.retained);
            after = page.after ?? null;
        } while (after !== null && items.length < PAGE);
        return { items, next: after };
    }, (items) => (items.length > 0
        ? make('ul', {}, [...treeOf(items)].map(([name, node]) => branch(node, name, true)))
        : make('p', { className: 'note' }, 'No retained message has such a topic.')));

    /* The retained message itself comes as to any subscriber. */
    function look(topic) {
        const looked = fill(one, () => new Promise((resolve) => {
            const timer = setTimeout(() => done(card(topic, make('p', { className: 'note' }, 'There is no message any more.'))), 3000);
            const end = system.watch(topic, (name, payload, packet) => packet.retain && done(show(name, payload, packet)), { qos: 2 });
            function done(content) {
                clearTimeout(timer);
                end();
                resolve(content);
            }
        }));
        looked.then(() => one.firstChild?.scrollIntoView({ block: 'nearest' }));
    }

    function show(topic, payload, packet) {
        const properties = packet.properties ?? {};
        return card(topic,
            make('p', { className: 'note' }, `QoS ${packet.qos}, ${bytes(payload.length)}`,
                properties.contentType ? `, ${properties.contentType}` : ''),
            code(payloadText(payload)),
            properties.userProperties ? code({ ...properties.userProperties }) : null,
            button('Clear it', () => fill(one, async () => {
                await system.publish(topic, '', { retain: true, qos: 1 });
                load();
                return null;
            }), { className: 'grave' }));
    }

    function watch() {
        const rows = [];
        let second = 0, count = 0, drawing = false;
        const place = make('div', {}), note = make('p', { className: 'note', role: 'status' }, `Watching ${filter.value}`);
        unwatch();
        try {
            checkFilter(filter.value);
        } catch (error) {
            live.replaceChildren(card('Live', problem(error)));
            return;
        }
        const draw = () => {
            drawing = false;
            place.replaceChildren(table('Messages', [
                { title: 'Time', cell: (row) => clock(row.time) },
                { title: 'Topic', cell: (row) => row.topic },
                { title: 'QoS', number: true, cell: (row) => String(row.qos) },
                { title: 'Payload', cell: (row) => row.text },
            ], rows, 'Nothing has come yet.'));
        };
        const end = system.watch(filter.value, (topic, payload, packet) => {
            const now = Math.floor(Date.now() / 1000);
            count = now === second ? count + 1 : 1;
            second = now;
            if (count > BURST) {
                unwatch();
                note.textContent = `More than ${BURST} messages a second fit ${filter.value}: watch fewer topics.`;
                return;
            }
            rows.unshift({ time: Date.now(), topic, qos: packet.qos, text: shortened(payloadText(payload)) });
            rows.length = Math.min(rows.length, SHOWN);
            if (!drawing) {
                drawing = true;
                requestAnimationFrame(draw);
            }
        }, { qos: 2, rh: 2 }); // nothing of what is retained: that may be more than BURST
        stop = () => {
            end();
            stop = null;
            note.textContent = `Not watching ${filter.value} any more.`;
        };
        live.replaceChildren(card('Live', note, make('div', { className: 'actions' }, button('Stop', unwatch)), place));
        draw();
    }

    function unwatch() {
        stop?.();
    }

    const search = make('form', {
        className: 'row',
        onsubmit(event) {
            event.preventDefault();
            standAt('topics', filter.value);
            load();
        },
    }, field('Topic filter', filter), make('button', { className: 'primary' }, 'Show retained'), button('Watch live', watch));

    return {
        element: make('div', {}, card(null, search), make('div', { className: 'halves' }, card('Retained messages', tree), one), live),
        shown: load,
        close: unwatch,
    };
}
