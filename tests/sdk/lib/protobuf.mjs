/* A protobuf client: the encoder and decoder that protobufjs generates from lib/webpubsub.proto, with
 * frames in the shape of the JSON subprotocols, so that one test serves both. Import it for its
 * effect on lib/peer.mjs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import protobuf from 'protobufjs';
import { PROTOBUF_RELIABLE, PROTOBUF_V1, addCodec } from './peer.mjs';

const root = protobuf.loadSync(new URL('webpubsub.proto', import.meta.url).pathname);
const Upstream = root.lookupType('azure.webpubsub.UpstreamMessage');
const Downstream = root.lookupType('azure.webpubsub.DownstreamMessage');
export const Any = root.lookupType('google.protobuf.Any');

/* ---------------------------------------------------------------- client to service */

const dataWriters = {
    json: (data) => ({ jsonData: JSON.stringify(data) }),
    text: (data) => ({ textData: data }),
    binary: (data) => ({ binaryData: Buffer.from(data, 'base64') }),
    protobuf: (data) => ({ protobufData: Any.decode(Buffer.from(data, 'base64')) }),
};

function writeFields({ type, dataType = 'json', data, state, ...fields }) {
    return {
        ...fields,
        ...(data !== undefined && { data: dataWriters[dataType](data) }),
        ...(state !== undefined && { state: { entries: state } }),
    };
}

const upstreamNames = {
    sendToGroup: 'sendToGroupMessage',
    event: 'eventMessage',
    joinGroup: 'joinGroupMessage',
    leaveGroup: 'leaveGroupMessage',
    sequenceAck: 'sequenceAckMessage',
    ping: 'pingMessage',
    invoke: 'invokeEventMessage',
    cancelInvocation: 'cancelInvocationMessage',
    streamData: 'streamDataMessage',
    streamEnd: 'streamEndMessage',
    setGroupState: 'setGroupStateMessage',
    subscribeGroupState: 'subscribeGroupStateMessage',
    unsubscribeGroupState: 'unsubscribeGroupStateMessage',
};

function encode(frame) {
    const message = Upstream.fromObject({ [upstreamNames[frame.type]]: writeFields(frame) });
    return Upstream.encode(message).finish();
}

/* ---------------------------------------------------------------- service to client */

const dataReaders = {
    jsonData: (data) => ({ dataType: 'json', data: JSON.parse(data) }),
    textData: (data) => ({ dataType: 'text', data }),
    binaryData: (data) => ({ dataType: 'binary', data: Buffer.from(data).toString('base64') }),
    protobufData: (data) => ({
        dataType: 'protobuf',
        data: Buffer.from(Any.encode(data).finish()).toString('base64'),
    }),
};

const readData = (data) => data && dataReaders[data.data](data[data.data]);

function readState({ items, ...rest }) {
    return {
        ...rest,
        items: (items ?? []).map(({ state, ...item }) => ({
            ...item,
            ...(state && { state: state.entries ?? {} }),
        })),
    };
}

const downstreamReaders = {
    ackMessage: (fields) => ({ type: 'ack', ackId: 0, success: false, ...fields }),
    dataMessage: ({ data, ...fields }) => ({ type: 'message', ...fields, ...readData(data) }),
    pongMessage: () => ({ type: 'pong' }),
    invokeResponseMessage: ({ data, ...fields }) => ({
        type: 'invokeResponse',
        success: false,
        ...fields,
        ...readData(data),
    }),
    streamAckMessage: (fields) => ({ type: 'streamAck', ...fields }),
    streamNackMessage: (fields) => ({ type: 'streamNack', ...fields }),
    streamClosedMessage: (fields) => ({ type: 'streamClosed', ...fields }),
    groupStateUpdateMessage: (fields) => ({ type: 'groupStateUpdate', ...readState(fields) }),
    groupStateSnapshotMessage: (fields) => ({ type: 'groupStateSnapshot', ...readState(fields) }),
    systemMessage({ message, connectedMessage, disconnectedMessage }) {
        return message === 'connectedMessage'
            ? { type: 'system', event: 'connected', ...connectedMessage }
            : { type: 'system', event: 'disconnected', message: disconnectedMessage.reason };
    },
};

function decode(data, isBinary) {
    assert.equal(isBinary, true, 'a text frame on a protobuf connection');
    /* `oneofs` names the member that is set; what is not set is left out, so it can be told apart. */
    const object = Downstream.toObject(Downstream.decode(data), { longs: Number, oneofs: true });
    assert.ok(object.message, `a message that nobody knows: ${data.toString('hex')}`);
    return downstreamReaders[object.message](object[object.message]);
}

addCodec(PROTOBUF_V1, { encode, decode });
addCodec(PROTOBUF_RELIABLE, { encode, decode });

/* base64 of an Any, as JSON clients send it. */
export function anyOf(typeUrl, bytes) {
    return Buffer.from(
        Any.encode({ type_url: typeUrl, value: Buffer.from(bytes) }).finish(),
    ).toString('base64');
}
