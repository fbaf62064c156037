/* Trying things out: a Web PubSub client of any hub, and MQTT on the whole tree.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { button, card, choice, clock, field, make } from './dom.js';
import { payloadText } from './system.js';

const SHOWN = 200;

/* Lines as they come, the newest first. */
function journal(label) {
    const first = make('li', { className: 'note' }, 'Nothing yet.'), lines = make('ol', {}, first);
    return {
        element: make('div', { className: 'log', tabIndex: 0, role: 'log', 'aria-label': label }, lines),
        add(direction, text) {
            first.remove();
            lines.prepend(make('li', { className: direction }, make('time', {}, clock(Date.now())), ' ', text));
            while (lines.children.length > SHOWN) {
                lines.lastChild.remove();
            }
        },
    };
}

const form = (onsubmit, ...children) => make('form', {
    className: 'row',
    onsubmit(event) {
        event.preventDefault();
        onsubmit(new FormData(event.target));
    },
}, ...children);

/* ---------------------------------------------------------------- Web PubSub */

function webPubSub(session) {
    const frames = journal('Frames of the WebSocket');
    const requests = make('fieldset', { disabled: true, className: 'plain' });
    const hint = make('p', { className: 'note' }, 'Joining, sending and raising events want a connection.');
    let socket = null, ackId = 0;

    function allow(isOpen) {
        requests.disabled = !isOpen;
        hint.hidden = isOpen;
    }

    function send(frame) {
        const text = JSON.stringify(frame);
        socket.send(text);
        frames.add('out', text);
    }

    async function connect(said) {
        socket?.close();
        const path = `/client/hubs/${encodeURIComponent(said.get('hub'))}`;
        const url = await session.socketUrl(path, {
            sub: said.get('user'), role: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'],
        });
        const opened = new WebSocket(url, said.get('subprotocol'));
        socket = opened;
        opened.onopen = () => {
            allow(true);
            frames.add('note', 'open');
        };
        opened.onmessage = ({ data }) => frames.add('in', data);
        opened.onclose = ({ code, reason }) => {
            frames.add('note', `closed with ${code} ${reason}`);
            if (socket === opened) {
                allow(false);
            }
        };
    }

    requests.append(
        form((said) => send({ type: 'joinGroup', group: said.get('group'), ackId: ++ackId }),
            field('Group', { name: 'group', required: true, value: 'lobby' }),
            make('button', {}, 'Join')),
        form((said) => send({
            type: 'sendToGroup', group: said.get('group'), dataType: 'text', data: said.get('text'), ackId: ++ackId,
        }), field('To group', { name: 'group', required: true, value: 'lobby' }),
        field('Text', { name: 'text', value: 'hello' }), make('button', {}, 'Send')),
        form((said) => send({ type: 'event', event: said.get('event'), dataType: 'text', data: said.get('text'), ackId: ++ackId }),
            field('Event', { name: 'event', required: true, value: 'message' }),
            field('Text', { name: 'text', value: 'hello' }), make('button', {}, 'Raise')),
    );
    return {
        element: card('Web PubSub client',
            form((said) => connect(said), field('Hub', { name: 'hub', required: true, value: 'playground' }),
                field('User', { name: 'user', value: 'console' }),
                field('Subprotocol', choice(['json.webpubsub.azure.v1', 'json.reliable.webpubsub.azure.v1'], { name: 'subprotocol' })),
                make('button', { className: 'primary' }, 'Connect'), button('Close', () => socket?.close())),
            hint, requests, frames.element),
        close: () => socket?.close(),
    };
}

/* ---------------------------------------------------------------- MQTT */

function mqttClient(system) {
    const messages = journal('MQTT messages');
    const subscriptions = new Map(); // filter -> function that ends it
    const list = make('p', { className: 'row' });

    function draw() {
        list.replaceChildren(...[...subscriptions].map(([filter, end]) => button(`${filter} ×`, () => {
            end();
            subscriptions.delete(filter);
            draw();
        }, { title: 'Unsubscribe' })));
    }

    function subscribe(said) {
        const filter = said.get('filter');
        subscriptions.get(filter)?.();
        try {
            subscriptions.set(filter, system.watch(filter,
                (topic, payload, packet) => messages.add('in', `${topic} (QoS ${packet.qos}${packet.retain ? ', retained' : ''}): ${payloadText(payload)}`),
                { qos: Number(said.get('qos')) }));
        } catch (error) {
            messages.add('note', error.message);
        }
        draw();
    }

    async function publish(said) {
        const topic = said.get('topic');
        messages.add('out', `${topic}: ${said.get('text')}`);
        try {
            await system.publish(topic, said.get('text'), { qos: Number(said.get('qos')), retain: said.has('retain') });
        } catch (error) {
            messages.add('note', `${topic}: ${error.message}`);
        }
    }

    const qos = () => field('QoS', choice(['0', '1', '2'], { name: 'qos' }));
    return {
        element: card('MQTT client',
            form(subscribe, field('Topic filter', { name: 'filter', required: true, value: 'hello/#' }), qos(),
                make('button', {}, 'Subscribe')),
            list,
            form(publish, field('Topic', { name: 'topic', required: true, value: 'hello/world' }),
                field('Payload', { name: 'text', value: 'first message' }), qos(),
                make('label', { className: 'check' }, make('input', { type: 'checkbox', name: 'retain' }), ' retain'),
                make('button', { className: 'primary' }, 'Publish')),
            messages.element),
        close: () => subscriptions.forEach((end) => end()),
    };
}

export function playground({ session, system }) {
    const parts = [webPubSub(session), mqttClient(system)];
    return {
        element: make('div', { className: 'halves' }, parts.map((part) => part.element)),
        close: () => parts.forEach((part) => part.close()),
    };
}
