/* A page's connection to its hub: a WebSocket with the subprotocol json.webpubsub.azure.v1, which
 * comes back by itself. Its state is shown in the element with role=status.
 *
 *     const connection = live({ negotiate: '/negotiate', onmessage(data, { group, from }) { } });
 *     connection.send('group', { any: 'JSON' });
 *     connection.event('name', { any: 'JSON' });
 *
 * SPDX-License-Identifier: Apache-2.0 */
const AGAIN_MS = 1000;

export function live({ negotiate = 'negotiate', onmessage, onopen }) {
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

  async function open() {
    try {
      const { url } = await (await fetch(negotiate)).json();
      socket = new WebSocket(url, 'json.webpubsub.azure.v1');
    } catch {
      setTimeout(open, AGAIN_MS);
      return;
    }
    socket.onclose = () => { show('Connecting'); setTimeout(open, AGAIN_MS); };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === 'message') {
        onmessage?.(message.data, { group: message.group, from: message.fromUserId });
      } else if (message.event === 'connected') {
        Promise.resolve(onopen?.(message)).then(() => show('Live'));
        waiting.splice(0).forEach(put);
      }
    };
  }

  show('Connecting');
  open();
  return {
    send: (group, data) => put({ type: 'sendToGroup', group, dataType: 'json', data, noEcho: true }),
    event: (name, data) => put({ type: 'event', event: name, dataType: 'json', data }),
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

/* Posts JSON to the site. */
export async function post(target, data) {
  const answer = await fetch(target, { method: 'POST', body: JSON.stringify(data) });
  return answer.headers.get('Content-Length') === '0' ? undefined : answer.json();
}
