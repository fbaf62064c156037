"""MQTT 3.1.1 and 5 on raw sockets, for the crash tests: exact about every packet, and quick.

`Client` is blocking, for tests that go step by step. `Loop` and `Wire` serve many connections in
one thread; what the packets mean is their owner's business.

SPDX-License-Identifier: Apache-2.0
"""
import heapq
import itertools
import select
import selectors
import socket
import time

PATIENCE = 60  # seconds until a condition that never comes true fails its test
NEVER = 0xFFFFFFFF  # Session Expiry Interval of a session that does not expire

CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 0x20, 0x30, 0x40, 0x50, 0x60, 0x70
SUBACK, PINGRESP, DISCONNECT = 0x90, 0xD0, 0xE0
PINGREQ, GOODBYE = b"\xc0\0", b"\xe0\0"


class Gone(Exception):
    """The peer has closed the connection, or there was none to be had."""


# ---------------------------------------------------------------- packets


def text(value):
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def packet(first, body):
    length = len(body)
    if length < 128:
        return bytes((first, length)) + body
    encoded = bytearray((first,))
    while length > 127:
        encoded.append(length & 127 | 128)
        length >>= 7
    encoded.append(length)
    return bytes(encoded) + body


def connect(name, version, clean, expiry=NEVER, receive_maximum=None):
    """CONNECT. `clean`: Clean Session or Clean Start; a session that is not never expires."""
    body = text("MQTT") + bytes((version, 2 if clean else 0)) + b"\0\0"
    if version == 5:
        properties = b"" if clean else b"\x11" + expiry.to_bytes(4, "big")
        if receive_maximum:
            properties += b"\x21" + receive_maximum.to_bytes(2, "big")
        body += bytes((len(properties),)) + properties
    return packet(0x10, body + text(name))


def publish(version, topic, payload, qos=0, identifier=0, retain=False, dup=False, properties=b""):
    """PUBLISH; `properties` (of MQTT 5, less than 128 bytes) as they are sent."""
    body = text(topic)
    if qos:
        body += identifier.to_bytes(2, "big")
    if version == 5:
        body += bytes((len(properties),)) + properties
    return packet(PUBLISH | (8 if dup else 0) | qos << 1 | (1 if retain else 0), body + payload)


def subscribe(version, identifier, topic_filter, qos, properties=b""):
    body = identifier.to_bytes(2, "big")
    if version == 5:
        body += bytes((len(properties),)) + properties
    return packet(0x82, body + text(topic_filter) + bytes((qos,)))


def acknowledgement(kind, identifier):
    return bytes((kind | 2 if kind == PUBREL else kind, 2, identifier >> 8, identifier & 255))


def varint(body, at):
    value = shift = 0
    while True:
        byte = body[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7


def parse_publish(version, first, body):
    """(topic, payload, identifier or 0, properties)"""
    at = 2 + (body[0] << 8 | body[1])
    topic, identifier, properties = body[2:at], 0, b""
    if first & 6:
        identifier = body[at] << 8 | body[at + 1]
        at += 2
    if version == 5:
        length, at = varint(body, at)
        properties = body[at:at + length]
        at += length
    return topic, body[at:], identifier, properties


def parse_acknowledgement(body):
    """(identifier, reason code)"""
    return body[0] << 8 | body[1], body[2] if len(body) > 2 else 0


def receive_maximum_of(body):
    """Receive Maximum in the body of an MQTT 5 CONNACK; other properties are skipped by length."""
    length, at = varint(body, 2)
    end, widths = at + length, {0x11: 4, 0x13: 2, 0x21: 2, 0x22: 2, 0x24: 1, 0x25: 1, 0x27: 4,
                                0x28: 1, 0x29: 1, 0x2A: 1}
    while at < end:
        kind = body[at]
        if kind == 0x21:
            return body[at + 1] << 8 | body[at + 2]
        if kind in widths:
            at += 1 + widths[kind]
        else:
            for _ in range(2 if kind == 0x26 else 1):
                at += 2 + (body[at + 1] << 8 | body[at + 2])
            at += 1
    return 65535


def packets(buffer):
    """All whole packets of a buffer as (first byte, body), then (None, what is left)."""
    at, end = 0, len(buffer)
    while end - at >= 2:
        length, start = buffer[at + 1], at + 2
        if length > 127:
            length, shift = length & 127, 7
            while start < end:
                byte = buffer[start]
                start += 1
                length |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            else:
                break
        if start + length > end:
            break
        yield buffer[at], buffer[start:start + length]
        at = start + length
    yield None, buffer[at:]


def open_socket(port, timeout=PATIENCE):
    stream = socket.socket()
    stream.settimeout(timeout)
    try:
        stream.connect(("127.0.0.1", port))
        if stream.getsockname() == stream.getpeername():
            raise Gone("connected to itself")  # TCP does that when nobody listens
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except (OSError, Gone) as error:
        stream.close()
        raise Gone(str(error)) from error
    return stream


# ---------------------------------------------------------------- step by step


class Client:
    """A blocking client. PUBLISHes that arrive meanwhile are acknowledged and collect in `messages`
    as (topic, payload, first byte); for QoS 2 when they are new."""

    def __init__(self, port, name, version=4, clean=True, timeout=PATIENCE):
        self.version, self.name, self.messages, self.held = version, name, [], set()
        self.timeout, self.buffer, self.identifiers = timeout, b"", itertools.cycle(range(1, 65536))
        self.queue = []
        self.socket = open_socket(port, timeout)
        self.send(connect(name, version, clean))
        body = self.expect(CONNACK)
        self.present, self.reason = bool(body[0] & 1), body[1]

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Gone(str(error)) from error

    def receive(self, timeout=None):
        """The next packet as (kind, body), None when there is none in time."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while not self.queue:
            left = deadline - time.monotonic()
            if not select.select([self.socket], [], [], max(left, 0))[0]:
                return None
            try:
                data = self.socket.recv(65536)
            except OSError as error:
                raise Gone(str(error)) from error
            if not data:
                raise Gone("closed")
            for first, body in packets(self.buffer + data):
                if first is None:
                    self.buffer = body
                else:
                    self.queue.append((first, body))
        first, body = self.queue.pop(0)
        self._handle(first, body)
        return first, body

    def _handle(self, first, body):
        kind = first & 0xF0
        if kind == PUBLISH:
            topic, payload, identifier, _ = parse_publish(self.version, first, body)
            qos = first >> 1 & 3
            if qos < 2 or identifier not in self.held:
                self.messages.append((topic.decode(), payload, first))
            if qos == 1:
                self.send(acknowledgement(PUBACK, identifier))
            elif qos == 2:
                self.held.add(identifier)
                self.send(acknowledgement(PUBREC, identifier))
        elif kind == PUBREL:
            identifier, _ = parse_acknowledgement(body)
            self.held.discard(identifier)
            self.send(acknowledgement(PUBCOMP, identifier))

    def expect(self, kind, identifier=None):
        """The body of the next packet of this kind (and identifier)."""
        while True:
            got = self.receive()
            if got is None:
                raise AssertionError(f"{self.name}: no packet {kind:#x} within {self.timeout} s")
            first, body = got
            if first & 0xF0 == kind and identifier in (None, body[:2]):
                return body

    def subscribe(self, topic_filter, qos):
        identifier = next(self.identifiers)
        self.send(subscribe(self.version, identifier, topic_filter, qos))
        return self.expect(SUBACK, identifier.to_bytes(2, "big"))[-1]

    def publish(self, topic, payload, qos=1, retain=False):
        """The reason code of the acknowledgement; 0 at QoS 0."""
        identifier = next(self.identifiers)
        self.send(publish(self.version, topic, payload, qos, identifier, retain))
        if qos == 0:
            return 0
        key = identifier.to_bytes(2, "big")
        body = self.expect(PUBACK if qos == 1 else PUBREC, key)
        reason = parse_acknowledgement(body)[1]
        if qos == 2 and reason < 0x80:
            self.send(acknowledgement(PUBREL, identifier))
            self.expect(PUBCOMP, key)
        return reason

    def ping(self):
        self.send(PINGREQ)
        self.expect(PINGRESP)

    def wait_for(self, condition, timeout=None):
        """Receives until the condition holds; False if it does not in time."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0 or self.receive(left) is None:
                return condition()
        return True

    def close(self, goodbye=True):
        try:
            if goodbye:
                self.socket.sendall(GOODBYE)
        except OSError:
            pass
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ---------------------------------------------------------------- many at once


class Loop:
    """Wires, and functions to call at a time."""

    def __init__(self):
        self.selector, self.dirty, self.timers = selectors.DefaultSelector(), set(), []
        self.order = itertools.count()

    def at(self, when, run):
        heapq.heappush(self.timers, (when, next(self.order), run))

    def step(self, wait):
        """Runs what is due, else waits that long for packets at most; returns the time."""
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            heapq.heappop(self.timers)[2]()
        if self.timers:
            wait = min(wait, max(self.timers[0][0] - now, 0))
        self.flush()
        for key, events in self.selector.select(wait):
            if events & selectors.EVENT_WRITE:
                self.dirty.add(key.data)
            if events & selectors.EVENT_READ:
                key.data.readable()
        self.flush()
        return time.monotonic()

    def flush(self):
        while self.dirty:
            self.dirty.pop().write()


class Wire:
    """A connection. Calls owner.packet(wire, first byte, body) and owner.closed(wire)."""

    def __init__(self, loop, port, owner):
        self.loop, self.owner, self.out, self.rest = loop, owner, bytearray(), b""
        self.socket, self.writing = open_socket(port), False
        self.socket.setblocking(False)
        loop.selector.register(self.socket, selectors.EVENT_READ, self)

    def send(self, data):
        self.out += data
        self.loop.dirty.add(self)

    def write(self):
        if not self.socket:
            return
        try:
            while self.out:
                del self.out[:self.socket.send(self.out)]
        except BlockingIOError:
            pass
        except OSError:
            # Broken, but what the peer has sent before is still to be read.
            self.out.clear()
        if bool(self.out) != self.writing:
            self.writing = bool(self.out)
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.writing else 0)
            self.loop.selector.modify(self.socket, events, self)

    def readable(self):
        if not self.socket:
            return
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            self.owner.closed(self)
            return
        for first, body in packets(self.rest + data if self.rest else data):
            if first is None:
                self.rest = body
            elif self.socket:
                self.owner.packet(self, first, body)

    def close(self):
        if self.socket:
            self.loop.selector.unregister(self.socket)
            self.socket.close()
            self.socket = None
            self.loop.dirty.discard(self)
