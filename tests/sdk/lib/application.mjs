/* An application with the official express middleware, unmodified, as the handler of one hub's events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { Hub } from './rest.mjs';
import { until } from './wait.mjs';

/* A hub of the server whose application, at the webhook, is this: connect and user are the handlers,
 * without which all succeeds; options: further ones of the middleware. hub.events is what it was told,
 * as [event, request]; hub.told(event) are the requests alone. */
export function application(server, hook, handlers = {}, name = undefined) {
    const hub = name ? new Hub(server, name) : Hub.fresh(server, 'Events');
    hub.events = [];
    const told = (event, answer) => (request, response) => {
        hub.events.push([event, request]);
        return answer?.(request, response);
    };
    const succeed = (_, response) => response.success();
    hook.useExpress(hub.name, {
        ...handlers.options,
        handleConnect: told('connect', handlers.connect ?? succeed),
        handleUserEvent: told('user', handlers.user ?? succeed),
        onConnected: told('connected'),
        onDisconnected: told('disconnected'),
        onGroupJoined: told('joined'),
        onGroupLeft: told('left'),
    });
    hub.told = (event) =>
        hub.events.filter(([name]) => name === event).map(([, request]) => request);
    hub.untilTold = (event, count = 1) =>
        until(`${count} ${event}`, () => hub.told(event).length >= count && hub.told(event));
    /* The names of one connection's events. */
    hub.toldOf = (connectionId) =>
        hub.events
            .filter(([, { context }]) => context.connectionId === connectionId)
            .map(([event]) => event);
    return hub;
}

/* A user event's handler that answers what it was sent. */
export function echo({ data, dataType }, response) {
    response.success(dataType === 'json' ? JSON.stringify(data) : data, dataType);
}
