/* Small things that all views make elements with, and how numbers are written.
 *
 * SPDX-License-Identifier: Apache-2.0 */

/* make('p', { className: 'who', onclick }, 'Ann') is <p class="who">Ann</p>; children may be text, elements, or null. */
export function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
        if (name.startsWith('data-') || name.startsWith('aria-') || name === 'for') {
            element.setAttribute(name, value);
        } else {
            element[name] = value;
        }
    }
    element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return element;
}

export const button = (text, onclick, properties = {}) =>
    make('button', { type: 'button', onclick, ...properties }, text);

/* A labelled field; `input` is the properties of an <input>, or a <select> or <textarea> that was made. */
export function field(text, input) {
    const control = input instanceof Element ? input : make('input', { autocomplete: 'off', spellcheck: false, ...input });
    return make('label', {}, `${text} `, control);
}

export const choice = (options, properties = {}) =>
    make('select', properties, options.map((option) => make('option', {}, option)));

export const card = (title, ...children) =>
    make('section', { className: 'card' }, title ? make('h2', {}, title) : null, ...children);

/* A table of columns { title, cell(row) -> text or element, number? }. What wheels sideways on a phone is the table's own
 * frame, which the keyboard reaches, too. */
export function table(label, columns, rows, empty = 'There is nothing here.') {
    if (rows.length === 0) {
        return make('p', { className: 'note' }, empty);
    }
    const head = columns.map((column) =>
        make('th', { scope: 'col', className: column.number ? 'number' : '' }, column.title),
    );
    const body = rows.map((row) =>
        make('tr', {}, columns.map((column) =>
            make('td', { className: column.number ? 'number' : '' }, make('div', { className: 'cell' }, column.cell(row) ?? '')),
        )),
    );
    return make('div', { className: 'frame', tabIndex: 0, role: 'region', 'aria-label': label },
        make('table', {}, make('thead', {}, make('tr', {}, head)), make('tbody', {}, body)));
}

/* Names and what they are; text or elements. */
export const facts = (rows) => make('dl', { className: 'facts' },
    rows.map(([name, value]) => [make('dt', {}, name), make('dd', {}, value)]));

export const code = (value) => make('pre', { tabIndex: 0 }, typeof value === 'string' ? value : JSON.stringify(value, null, 2));

/* All that a resource has, for who wants that. */
export const properties = (of) => make('details', {}, make('summary', {}, 'Properties'), code(of));

export const problem = (error) => make('p', { className: 'problem', role: 'alert' }, error.message ?? String(error));

const focusable = 'a[href], button, input, select, textarea, summary, [tabindex]';

/* What a <details> is called, after those that it is in. */
function wayTo(details) {
    const outer = details.parentElement.closest('details');
    return (outer ? wayTo(outer) : '') + '\n' + details.querySelector('summary').textContent;
}

/* Puts other content in place of what is there, and leaves the keyboard, what was wheeled sideways and what was open where they were. */
function replace(place, content) {
    const open = new Map([...place.querySelectorAll('details')].map((details) => [wayTo(details), details.open]));
    const at = [...place.querySelectorAll(focusable)].indexOf(document.activeElement);
    const wheeled = [...place.querySelectorAll('.frame')].map((frame) => frame.scrollLeft);
    place.replaceChildren(...content);
    for (const details of place.querySelectorAll('details')) {
        details.open = open.get(wayTo(details)) ?? details.open;
    }
    place.querySelectorAll('.frame').forEach((frame, i) => { frame.scrollLeft = wheeled[i] ?? 0; });
    if (at >= 0) {
        (place.querySelectorAll(focusable)[at] ?? document.getElementById('view')).focus({ preventScroll: true });
    }
}

/* Shows what `work` comes to in `place`, or why it does not. What was begun later counts. */
export async function fill(place, work) {
    const turn = {};
    place.turn = turn;
    place.ariaBusy = 'true';
    if (place.childNodes.length === 0) {
        place.append(make('p', { className: 'note' }, 'Loading…'));
    }
    let content;
    try {
        content = await work();
    } catch (error) {
        content = problem(error);
    }
    if (place.turn === turn) {
        place.ariaBusy = 'false';
        replace(place, [content].flat().filter(Boolean));
    }
}

/* A list that comes in pages: ask(after) resolves with one, { items, next }, and show(items) is what all of them look like.
 * Answers load(), which begins anew. What comes when something else was asked for is no page of that. */
export function paged(place, ask, show) {
    let items = [], next = null;
    const load = (more) => fill(place, async () => {
        const { turn } = place;
        const page = await ask(more ? next : null);
        if (place.turn === turn) {
            items = more ? items.concat(page.items) : page.items;
            next = page.next ?? null;
        }
        return [show(items), next ? button('More', () => load(true)) : null].flat();
    });
    return () => load(false);
}

/* The address names what was looked for in a view, so that it is still there when the page is read anew. */
export const standAt = (view, place) => history.replaceState(null, '', `#${view}/${encodeURIComponent(place)}`);

/* A dialog with a form. `fields` are elements; resolves with the form's FormData, or null. */
export function ask(title, fields, action = 'OK', isGrave = false) {
    const dialog = document.getElementById('dialog');
    return new Promise((resolve) => {
        const form = make('form', { method: 'dialog' },
            make('h2', { id: 'dialog-title' }, title),
            ...fields,
            make('div', { className: 'actions' },
                make('button', { value: 'ok', className: isGrave ? 'grave' : 'primary' }, action),
                make('button', { value: '', formNoValidate: true }, 'Cancel')));
        dialog.onclose = () => resolve(dialog.returnValue === 'ok' ? new FormData(form) : null);
        dialog.returnValue = '';
        dialog.replaceChildren(form);
        dialog.showModal();
    });
}

/* ---------------------------------------------------------------- numbers */

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const plain = new Intl.NumberFormat('en');

export const short = (number) => (number < 10000 ? plain.format(Math.round(number * 10) / 10) : compact.format(number));

/* counted(1, 'event') is '1 event'. */
export const counted = (number, noun) => `${plain.format(number)} ${noun}${number === 1 ? '' : 's'}`;

export function bytes(number) {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let unit = 0;
    for (; number >= 1024 && unit < units.length - 1; unit++) {
        number /= 1024;
    }
    return `${unit > 0 && number < 100 ? number.toFixed(1) : Math.round(number)} ${units[unit]}`;
}

export function span(seconds) {
    const days = Math.floor(seconds / 86400), hours = Math.floor(seconds / 3600) % 24, minutes = Math.floor(seconds / 60) % 60;
    if (days > 0) {
        return `${days} d ${hours} h`;
    }
    return hours > 0 ? `${hours} h ${minutes} min` : minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`;
}

export const day = (time) => (time ? new Date(time).toLocaleDateString([], { dateStyle: 'medium' }) : '');

/* The time; with the day if that is not today. */
export function clock(time) {
    const moment = new Date(time), text = moment.toLocaleTimeString([], { hour12: false });
    return moment.toDateString() === new Date().toDateString() ? text : `${day(time)} ${text}`;
}
