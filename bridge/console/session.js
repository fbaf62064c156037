/* Who is at the console: an access key, the tokens signed with it, and requests to the server that show one.
 * The key stays in this tab (sessionStorage).
 *
 * SPDX-License-Identifier: Apache-2.0 */
const STORED = 'pubgrid.access-key';
const TOKEN_SECONDS = 3600;

const text = new TextEncoder();

function base64url(data) {
    return btoa(String.fromCharCode(...data)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/* The key in a connection string, or the key itself. */
export function keyOf(written) {
    const [, key] = /(?:^|;)\s*AccessKey=([^;]+)/i.exec(written) ?? [];
    return (key ?? written).trim();
}

/* What a request came to that was not carried out. */
export class Refusal extends Error {
    constructor(status, code, message) {
        super(`${message} (${[status, code].filter(Boolean).join(' ')})`);
        this.status = status;
    }
}

export const unreachable = () => new Error('The server cannot be reached.');

export class Session {
    static async open(written) {
        if (!crypto.subtle) {
            throw new Error('The browser signs tokens only on pages that came over https, or from this machine: ' +
                'open the console at an https:// listener, or through a tunnel at 127.0.0.1.');
        }
        const session = new Session(), key = keyOf(written);
        if (key === '') {
            throw new Error('There is no access key in this.');
        }
        session.key = await crypto.subtle.importKey('raw', text.encode(key),
            { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
        await session.check();
        sessionStorage.setItem(STORED, key);
        return session;
    }

    /* Throws unless the key is good. */
    async check() {
        await this.get('/api/hubs');
    }

    static remembered() {
        return sessionStorage.getItem(STORED);
    }

    static forget() {
        sessionStorage.removeItem(STORED);
    }

    /* For this path of the server; `claims` beyond audience and time. */
    async token(path, claims = {}, seconds = TOKEN_SECONDS) {
        const now = Math.floor(Date.now() / 1000);
        const parts = [{ alg: 'HS256', typ: 'JWT' }, { aud: location.origin + path, iat: now, exp: now + seconds, ...claims }];
        const signed = parts.map((part) => base64url(text.encode(JSON.stringify(part)))).join('.');
        const signature = await crypto.subtle.sign('HMAC', this.key, text.encode(signed));
        return `${signed}.${base64url(new Uint8Array(signature))}`;
    }

    /* The WebSocket's URL for this path. */
    async socketUrl(path, claims, seconds) {
        return `${location.origin.replace(/^http/, 'ws')}${path}?access_token=${await this.token(path, claims, seconds)}`;
    }

    /* Resolves with the answer's JSON (null if it has none); throws a Refusal. */
    async send(method, target, body, headers = {}) {
        const path = target.split('?')[0];
        const authorization = `Bearer ${await this.token(path)}`;
        let answer, content;
        try {
            answer = await fetch(target, { method, body, headers: { authorization, ...headers } });
            content = await answer.text();
        } catch {
            throw unreachable(); // each browser has its own words for that
        }
        let json = null;
        try {
            json = content ? JSON.parse(content) : null;
        } catch {
            json = content;
        }
        if (!answer.ok) {
            const { code, message } = json?.error ?? json ?? {};
            throw new Refusal(answer.status, code, message ?? (content || answer.statusText));
        }
        return json;
    }

    get(target) {
        return this.send('GET', target);
    }

    sendJson(method, target, value) {
        return this.send(method, target, JSON.stringify(value), { 'content-type': 'application/json' });
    }

    /* A page of a list: its items, and where the next one is; null: there is none. */
    async page(target) {
        const { value, nextLink } = await this.get(target);
        const { pathname, search } = new URL(nextLink ?? target, location.origin);
        return { items: value, next: nextLink ? pathname + search : null };
    }

    /* All pages of a list, up to `most` items. */
    async list(target, most = 1000) {
        const items = [];
        for (let next = target; next && items.length < most;) {
            const page = await this.page(next);
            items.push(...page.items);
            ({ next } = page);
        }
        return items;
    }
}
