/* The page: joins a group under a name, chats, shows who is there and how the connection is, and
 * writes the code to copy for the group that was joined. The protocol is in reliable.js.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { ReliableClient } from './reliable.js';

const HUB = 'playground';
const LOG_MAXIMUM = 500; // messages that stay on the page

const $ = (id) => document.getElementById(id);

/* ---------------------------------------------------------------- small things */

/* make('p', 'who', 'Ann') is <p class="who">Ann</p>; children may be text or elements. */
function make(tag, className, ...children) {
    const element = document.createElement(tag);
    element.className = className;
    element.append(...children);
    return element;
}

/* The face of a name: its first character on a colour of its own. */
function face(name) {
    let hash = 0;
    for (const character of name) {
        hash = (hash * 31 + character.codePointAt(0)) % 997;
    }
    const letter = name ? [...name][0].toUpperCase() : '⌁';
    const circle = make('span', name ? `face hue-${hash % 6}` : 'face device', letter);
    circle.ariaHidden = 'true';
    return circle;
}

const animals = [
    'Otter',
    'Heron',
    'Lynx',
    'Finch',
    'Marten',
    'Newt',
    'Stork',
    'Hare',
    'Wren',
    'Vole',
];
const anyAnimal = () => animals[Math.floor(Math.random() * animals.length)];

/* ---------------------------------------------------------------- the chat */

const stateTexts = {
    offline: 'Not connected',
    connecting: 'Connecting…',
    online: 'Connected',
    recovering: 'Connection lost, recovering…',
};

let chat = null; // the group that this tab is in

class Chat {
    constructor(name, group) {
        this.name = name;
        this.group = group;
        this.members = new Map(); // connection id -> { userId, state }
        this.client = new ReliableClient(() => this.negotiate());
        this.client.addEventListener('state', ({ detail }) => this.showState(detail));
        this.client.addEventListener('connected', () => this.join());
        this.client.addEventListener('message', ({ detail }) => this.receive(detail));
    }

    async negotiate() {
        const answer = await fetch(`negotiate?user=${encodeURIComponent(this.name)}`);
        if (!answer.ok) {
            if (answer.status < 500) {
                // trying again would not help
                leave(`The server does not let this name in: ${await answer.text()}`);
            }
            throw new Error(`negotiate: ${answer.status}`);
        }
        return (await answer.json()).url;
    }

    async join() {
        const { group } = this;
        try {
            await this.client.request('joinGroup', { group });
        } catch (error) {
            leave(`The group cannot be joined. ${error.message}`);
            return;
        }
        this.notice(`You are in ${group}.`);
        try {
            await this.tellPresence();
            await this.client.request('subscribeGroupState', { group });
        } catch {
            $('presence').hidden = true; // chatting works without
        }
    }

    /* Presence is the group's state: each member holds a small map that the others see. */
    tellPresence() {
        const status = document.hidden ? 'away' : 'here';
        return this.client.request('setGroupState', { group: this.group, state: { status } });
    }

    async say(text) {
        const entry = this.append(this.name, text, 'own waiting');
        try {
            await this.client.request('sendToGroup', {
                group: this.group,
                dataType: 'text',
                data: text,
                noEcho: true,
            });
            entry.className = 'own';
        } catch (error) {
            entry.className = 'own failed';
            entry.querySelector('.who').textContent = `Not sent: ${error.message}`;
        }
    }

    receive(frame) {
        if (frame.type === 'message' && frame.group === this.group) {
            const text = typeof frame.data === 'string' ? frame.data : JSON.stringify(frame.data);
            this.append(frame.fromUserId ?? '', text, '');
        } else if (frame.type === 'groupStateSnapshot') {
            this.members.clear();
            this.updateMembers(frame.items);
        } else if (frame.type === 'groupStateUpdate') {
            this.updateMembers(frame.items);
        }
    }

    updateMembers(items) {
        for (const { connectionId, userId, state } of items) {
            if (state) {
                this.members.set(connectionId, { userId: userId ?? 'anonymous', state });
            } else {
                this.members.delete(connectionId);
            }
        }
        const entries = [...this.members].map(([connectionId, { userId, state }]) => {
            const you = connectionId === this.client.connectionId ? ' (you)' : '';
            const away = state.status === 'away';
            const label = `${userId}${you}${away ? ', away' : ''}`;
            return make('li', away ? 'away' : '', face(userId), label);
        });
        $('members').replaceChildren(...entries);
        $('count').textContent = `(${entries.length})`;
        $('presence').hidden = false;
    }

    append(from, text, className) {
        const time = new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
        const who = make('p', 'who', className ? time : `${from || 'a device'}, ${time}`);
        const words = make('div', 'words', who, make('p', '', text));
        return this.show(
            className ? make('li', className, words) : make('li', '', face(from), words),
        );
    }

    notice(text) {
        this.show(make('li', 'notice', text));
    }

    show(entry) {
        const log = $('log');
        const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
        log.append(entry);
        if (log.children.length > LOG_MAXIMUM) {
            log.firstChild.remove();
        }
        if (atEnd) {
            log.scrollTop = log.scrollHeight;
        }
        return entry;
    }

    showState(state) {
        $('state').dataset.state = state;
        $('state').textContent = stateTexts[state];
        $('cut').disabled = state !== 'online';
    }
}

function enter(name, group) {
    sessionStorage.setItem('name', name);
    location.hash = encodeURIComponent(group);
    chat = new Chat(name, group);
    $('chat-title').textContent = `${name} in ${group}`;
    $('another').href = `${location.pathname}#${encodeURIComponent(group)}`;
    $('log').replaceChildren();
    $('problem').hidden = true;
    $('welcome').hidden = true;
    $('chat').hidden = false;
    $('message').focus();
    showCode();
    chat.client.start();
}

function leave(problem = '') {
    chat?.client.stop();
    chat = null;
    $('problem').textContent = problem;
    $('problem').hidden = problem === '';
    $('presence').hidden = true;
    $('chat').hidden = true;
    $('welcome').hidden = false;
    $('name').focus();
}

/* ---------------------------------------------------------------- the code to copy */

const jsString = (text) => `'${text.replace(/[\\']/g, '\\$&')}'`;
const shellString = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const host = location.hostname.replace(/^\[|\]$/g, '');
/* A group's topic: what would be a wildcard is percent-escaped. */
const topicOf = (group) => `${HUB}/${group.replace(/[+#%]/g, encodeURIComponent)}`;

const snippets = {
    'tab-browser': {
        note: 'Nothing to install. For messages that survive a bad network take reliable.js from below.',
        code: (group) => `const answer = await fetch('${location.origin}/negotiate?user=me');
const socket = new WebSocket((await answer.json()).url, 'json.webpubsub.azure.v1');
const send = (request) => socket.send(JSON.stringify(request));

socket.onmessage = ({ data }) => console.log(JSON.parse(data));
socket.onopen = () => {
    send({ type: 'joinGroup', group: ${jsString(group)}, ackId: 1 });
    send({ type: 'sendToGroup', group: ${jsString(group)}, dataType: 'text', data: 'Hello' });
};`,
    },
    'tab-device': {
        note: "Any MQTT client: the group is the topic below the hub's name.",
        code: (group) => `mosquitto_sub -h ${host} -t ${shellString(topicOf(group))} -v
mosquitto_pub -h ${host} -t ${shellString(topicOf(group))} -m 'Hello from a device'`,
    },
    'tab-sdk': {
        note: 'The official client, for browsers and Node.js: npm install @azure/web-pubsub-client',
        code: (group) => `import { WebPubSubClient } from '@azure/web-pubsub-client';

const client = new WebPubSubClient({
    getClientAccessUrl: async () =>
        (await (await fetch('${location.origin}/negotiate?user=me')).json()).url,
});
client.on('group-message', ({ message }) => console.log(message.fromUserId, message.data));
await client.start();
await client.joinGroup(${jsString(group)});
await client.sendToGroup(${jsString(group)}, 'Hello', 'text');`,
    },
    'tab-own': {
        note: `This page's hub is called ${HUB}; a hub of yours needs no declaration, only a token.`,
        code: (group) => `pubgrid token --hub myhub --user me \\
    --role webpubsub.joinLeaveGroup --role webpubsub.sendToGroup --group ${shellString(group)}`,
    },
};

let snippetTab = 'tab-browser';

function showCode() {
    const { code, note } = snippets[snippetTab];
    $('snippet').textContent = code(chat?.group ?? ($('group').value || 'lobby'));
    $('note').textContent = note;
    $('code').setAttribute('aria-labelledby', snippetTab);
    for (const tab of document.querySelectorAll('[role=tab]')) {
        const isSelected = tab.id === snippetTab;
        tab.ariaSelected = String(isSelected);
        tab.tabIndex = isSelected ? 0 : -1;
    }
}

/* Arrow keys move between tabs, as in every tab list. */
function moveTab(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) {
        const names = Object.keys(snippets);
        snippetTab = names[(names.indexOf(snippetTab) + step + names.length) % names.length];
        showCode();
        $(snippetTab).focus();
    }
}

async function copyCode() {
    try {
        await navigator.clipboard.writeText($('snippet').textContent);
        $('copy').textContent = 'Copied';
    } catch {
        // no right to the clipboard: mark it, so that the keyboard's copy works
        getSelection().selectAllChildren($('snippet'));
        $('copy').textContent = 'Marked';
    }
    setTimeout(() => {
        $('copy').textContent = 'Copy';
    }, 1500);
}

/* ---------------------------------------------------------------- wiring */

$('join').addEventListener('submit', (event) => {
    event.preventDefault();
    enter($('name').value.trim() || anyAnimal(), $('group').value.trim() || 'lobby');
});
$('compose').addEventListener('submit', (event) => {
    event.preventDefault();
    chat.say($('message').value);
    $('message').value = '';
});
$('cut').addEventListener('click', () => chat.client.cut());
$('leave').addEventListener('click', () => leave());
$('group').addEventListener('input', showCode);
$('copy').addEventListener('click', copyCode);
for (const tab of document.querySelectorAll('[role=tab]')) {
    tab.addEventListener('click', () => {
        snippetTab = tab.id;
        showCode();
    });
    tab.addEventListener('keydown', moveTab);
}
document.addEventListener('visibilitychange', () => chat?.tellPresence().catch(() => {}));
/* A tab that closes has left at once; without this it would be waited for. */
addEventListener('pagehide', () => chat?.client.stop());
addEventListener('pageshow', ({ persisted }) => persisted && chat?.client.start());

$('name').value = sessionStorage.getItem('name') ?? anyAnimal();
if (location.hash.length > 1) {
    try {
        $('group').value = decodeURIComponent(location.hash.slice(1));
    } catch {
        /* not of this page's making: the default stays */
    }
}
showCode();
