/* A page's connection to its hub: a WebSocket with the subprotocol json.webpubsub.azure.v1, which
 * comes back by itself. Its state is shown in the element with role=status, what goes wrong in one with role=alert.
 *
 *     const connection = live({ negotiate: '/negotiate', onmessage(data, { group, from }) { } });
 *     connection.send('group', { any: 'JSON' });
 *     connection.event('name', { any: 'JSON' });
 *
 * SPDX-License-Identifier: Apache-2.0 */
const AGAIN_MS = 1000;
const COMPLAINT_MS = 10_000;

export function live({ negotiate = 'negotiate', onmessage, onopen, onclose }) {
  const status = document.querySelector('[role=status]');
  const waiting = [];
  let socket;
  let acks = 0;

  function show(text) {
    status.textContent = text;
    status.dataset.state = text.toLowerCase();
  }

  function put(message) {
    if (socket?.readyState === WebSocket.OPEN) {
      socket.send(JSON.stringify(message));
    } else {
      waiting.push(message);
    }
  }

  /* It is live when `onopen` is done; when that fails, all is tried again. */
  async function welcome(here, message) {
    const isDone = Promise.resolve(onopen?.(message));
    waiting.splice(0).forEach(put);
    await isDone.then(() => { if (here.readyState === WebSocket.OPEN) { show('Live'); } }, () => here.close());
  }

  async function open() {
    try {
      const { url } = await (await fetch(negotiate)).json();
      socket = new WebSocket(url, 'json.webpubsub.azure.v1');
    } catch {
      setTimeout(open, AGAIN_MS);
      return;
    }
    socket.onclose = () => { onclose?.(); show('Connecting'); setTimeout(open, AGAIN_MS); };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === 'message') {
        onmessage?.(message.data, { group: message.group, from: message.fromUserId });
      } else if (message.event === 'connected') {
        welcome(socket, message);
      } else if (message.type === 'ack' && !message.success) {
        complain(message.error?.message ?? 'That was refused.');
      }
    };
  }

  show('Connecting');
  open();
  return {
    isOpen: () => socket?.readyState === WebSocket.OPEN,
    send: (group, data) => put({ type: 'sendToGroup', group, dataType: 'json', data, noEcho: true }),
    event: (name, data) => put({ type: 'event', event: name, dataType: 'json', data, ackId: ++acks }),
    join: (group) => put({ type: 'joinGroup', group, ackId: ++acks }),
    leave: (group) => put({ type: 'leaveGroup', group, ackId: ++acks }),
  };
}

/* A new element: element('li', { className: 'x' }, 'text', child) */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/* Says for a while what went wrong. */
export function complain(text) {
  const place = document.querySelector('[role=alert]') ?? element('p', { role: 'alert', className: 'bad' });
  document.querySelector('header').append(place);
  place.textContent = text;
  clearTimeout(place.timer);
  place.timer = setTimeout(() => place.remove(), COMPLAINT_MS);
}

/* Posts a file, or anything else as JSON, to the site. */
export async function post(target, data) {
  const body = data instanceof Blob ? data : JSON.stringify(data);
  const answer = await fetch(target, { method: 'POST', body }).catch(() => undefined);
  if (!answer?.ok) {
    complain(`That did not work: ${(await answer?.text()) || 'the site does not answer.'}`);
  }
  return answer?.ok === true;
}
