/* The console: signing in with an access key, and which view is shown. Each view is a function of what they share,
 * { session, system, numbers }, and answers { element, shown(), close() }; the address's hash names it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { connections } from './connections.js';
import { card, field, make, problem } from './dom.js';
import { events } from './events.js';
import { hubs } from './hubs.js';
import { Numbers } from './numbers.js';
import { overview } from './overview.js';
import { playground } from './playground.js';
import { Session } from './session.js';
import { System } from './system.js';
import { topics } from './topics.js';

const views = {
    overview: ['Overview', overview],
    connections: ['Connections', connections],
    topics: ['Topics', topics],
    hubs: ['Hubs', hubs],
    events: ['Events', events],
    playground: ['Playground', playground],
};

const stateTexts = { offline: 'Not connected', connecting: 'Connecting…', online: 'Live' };

const $ = (id) => document.getElementById(id);

let shared = null; // of who is signed in
let view = null;

function showState(state) {
    $('state').dataset.state = state;
    $('state').textContent = stateTexts[state];
}

/* ---------------------------------------------------------------- views */

/* '#topics/factory%2F%2B' is the view `topics` with the place 'factory/+'. What is wrong with an address is said, above the overview. */
function placeOf(hash) {
    const [name, ...rest] = hash.slice(1).split('/');
    try {
        const place = rest.map(decodeURIComponent);
        if (Object.hasOwn(views, name || 'overview')) {
            return { name: name || 'overview', place, wrong: null };
        }
    } catch {
        // no percent-encoding
    }
    return { name: 'overview', place: [], wrong: new Error(`The console has no place ${hash}; this is the overview.`) };
}

function show() {
    if (!shared) {
        return;
    }
    const { name, place, wrong } = placeOf(location.hash);
    const [title, open] = views[name];
    view?.close();
    view = open(shared, place);
    $('view').replaceChildren(make('h1', {}, title), ...(wrong ? [problem(wrong)] : []), view.element);
    window.scrollTo(0, 0);
    document.title = `${title} – Pubgrid console`;
    for (const link of $('tabs').children) {
        link.ariaCurrent = link.textContent === title ? 'page' : null;
    }
    view.shown?.();
}

/* What could not be read while the server was away. */
function tryAgain() {
    if (view?.element.querySelector('[role="alert"]')) {
        view.shown?.();
    }
}

/* ---------------------------------------------------------------- signing in */

async function enter(written) {
    const session = await Session.open(written);
    const system = new System(session);
    system.addEventListener('state', ({ detail }) => showState(detail));
    system.addEventListener('state', ({ detail }) => detail === 'online' && tryAgain());
    system.addEventListener('refused', ({ detail }) => signOut(detail));
    await system.open();
    shared = { session, system, numbers: new Numbers(system) };
    $('tabs').hidden = $('sign-out').hidden = false;
    show();
}

function signOut(error = null) {
    Session.forget();
    view?.close();
    shared?.numbers.close();
    shared?.system.close();
    shared = view = null;
    $('tabs').hidden = $('sign-out').hidden = true;
    showState('offline');
    signIn(error);
}

const reasonOf = (refusal) => (refusal.status === 401 ? new Error('This is not an access key of this server.') : refusal);

function signIn(error = null) {
    const input = make('input', { type: 'password', required: true, autocomplete: 'off', name: 'key', value: Session.remembered() ?? '' });
    const button = make('button', { className: 'primary' }, 'Sign in');
    const trouble = make('div', {});
    const form = make('form', {
        async onsubmit(event) {
            event.preventDefault();
            trouble.replaceChildren();
            button.disabled = true; // once is enough
            try {
                await enter(input.value);
            } catch (refusal) {
                trouble.replaceChildren(problem(reasonOf(refusal)));
            } finally {
                button.disabled = false;
            }
        },
    }, field('Access key, or connection string', input), button);
    trouble.append(...(error ? [problem(reasonOf(error))] : []));
    $('view').replaceChildren(make('h1', {}, 'Sign in'), card(null,
        make('p', {}, 'An access key opens everything on this server. ', make('code', {}, 'pubgrid keys'),
            ' prints it. It stays in this tab, which signs its requests with it.'),
        form, trouble));
    input.focus();
}

$('tabs').append(...Object.entries(views).map(([name, [title]]) => make('a', { href: `#${name}` }, title)));
$('sign-out').onclick = () => signOut();
window.addEventListener('hashchange', show);

/* Who asks for what is there, wants to see what has changed; the link to the content is no place of the console. */
document.addEventListener('click', (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link?.matches('.skip')) {
        event.preventDefault();
        $('view').focus();
    } else if (link?.hash === location.hash) {
        show();
    }
});

const key = Session.remembered();
if (key) {
    enter(key).catch((error) => {
        if (error.status === 401) {
            Session.forget();
        }
        signIn(error);
    });
} else {
    signIn();
}
