#!/usr/bin/env python3
"""Writes the seed corpora of the fuzz targets, corpus/<target>/<name>: run it after a change.

Bytes are written as in tests/bytes.h: hexadecimal pairs and 'text'. The packets' lengths are
computed, so a row is the first byte and the body.
SPDX-License-Identifier: Apache-2.0
"""
import pathlib
import re
import struct

# First input byte: bits 0 and 1 the version (unknown, 3.1.1, 5), bit 2 "from a server".
NEW, V3, V5, SERVER = 0, 1, 2, 4
PACKETS = {
    "connect-3": (NEW, "10", "0004 'MQTT' 04 EE 0E10 0003 'cid' 0003 'w/t' 0004 'will' 0001 'u' 0002 00FF"),
    "connect-5": (NEW, "10", "0004 'MQTT' 05 16 003C 08 11 00000E10 21 0014 0001 'c' 05 18 0000000A 0001 't' 0000"),
    "connect-5-auth": (NEW, "10", "0004 'MQTT' 05 02 003C 08 15 0001 'm' 16 0001 'd' 0000"),
    "connect-31": (NEW, "10", "0006 'MQIsdp' 03 02 003C 0001 'a'"),
    "connack-3": (V3 | SERVER, "20", "01 00"),
    "connack-5": (V5 | SERVER, "20", "00 00 0C 12 0002 'id' 13 003C 24 01 25 00"),
    "publish-3": (V3, "3D", "0003 'a/b' 1234 'payload'"),
    "publish-5": (V5, "32", "0003 'a/b' 0001 16 01 01 02 0000003C 03 0001 't' 08 0001 'r' 09 0001 'c' 23 0007 'data'"),
    "publish-5-user": (V5, "30", "0001 'a' 0E 26 0001 'k' 0001 'v' 26 0001 'k' 0001 'w' 'x'"),
    "publish-5-server": (V5 | SERVER, "31", "0001 'a' 05 0B 01 0B 8101 'x'"),
    "puback-3": (V3, "40", "0001"),
    "puback-5": (V5, "40", "0001 87 05 1F 0002 'no'"),
    "pubrec-5": (V5, "50", "0001 10"),
    "pubrel-5": (V5, "62", "0001 92 00"),
    "pubcomp-5": (V5, "70", "0001"),
    "subscribe-3": (V3, "82", "0001 0003 'a/+' 01 0001 '#' 02"),
    "subscribe-5": (V5, "82", "0001 02 0B 09 000A '$share/g/a' 01 0001 '#' 2D"),
    "suback-5": (V5 | SERVER, "90", "0001 00 00 02 87"),
    "suback-3": (V3 | SERVER, "90", "0001 00 01 02 80"),
    "unsubscribe-3": (V3, "A2", "0001 0001 'a' 0003 'b/#'"),
    "unsubscribe-5": (V5, "A2", "0001 07 26 0001 'k' 0001 'v' 0001 'a'"),
    "unsuback-5": (V5 | SERVER, "B0", "0001 00 00 11"),
    "pingreq": (V5, "C0", ""),
    "pingresp": (V5 | SERVER, "D0", ""),
    "disconnect-3": (V3, "E0", ""),
    "disconnect-5": (V5, "E0", "04 05 11 00000000"),
    "disconnect-5-server": (V5 | SERVER, "E0", "8E 05 1F 0002 'no'"),
    "auth": (V5, "F0", "18 08 15 0001 'm' 16 0001 'd'"),
    "auth-server": (V5 | SERVER, "F0", "00 04 15 0001 'm'"),
}
# The first byte is the number of the list's bit.
PROPERTIES = {
    "connect": "00 11 00000005 21 0014 27 00010000 22 0005 19 01 17 00 26 0001 'k' 0001 'v' 15 0001 'm' 16 0001 'd'",
    "connack": "01 11 00000005 21 0014 24 01 25 01 27 00010000 12 0002 'id' 22 0005 1F 0001 'r' 28 01 29 01 2A 01 13 003C 1A 0001 'i' 1C 0001 's'",
    "publish": "02 26 0001 'a' 0001 '1' 01 01 02 0000003C 0B 01 08 0001 'r' 0B 8101 09 0002 'cd' 03 0001 't' 23 0007",
    "will": "03 18 00000005 01 00 02 00000001 03 0000 08 0003 'a/b' 09 0000 26 0000 0000",
    "ack": "04 1F 0002 'no' 26 0001 'k' 0001 'v'",
    "subscribe": "05 0B FFFFFF7F 26 0001 'k' 0001 'v'",
    "disconnect": "09 11 FFFFFFFF 1F 0001 'r' 1C 0001 's'",
    "auth": "0A 15 0001 'm' 16 0001 'd' 1F 0001 'r'",
}
TOPICS = {
    "examples": "sport/tennis/+\nsport/#\nsport/tennis/player1",
    "parents": "/#\n/+/#\n/",
    "all": "#\n+/#\na",
    "dollar": "$SYS/#\n+/monitor\n$SYS/monitor",
    "share": "$share/group/a/+\na/#\na/b",
    "empty-levels": "//+\n+/+/+\n///",
    "text": "\u00e9/+/\U0001f321\n+/b/#\n\u00e9/b/\U0001f321",
    "wrong": "a#/b\n#/a\na/+",
}
CONFIGS = {
    "delivered": re.sub(r"^ *#.*\n|^\n", "", (pathlib.Path(__file__).parents[2] / "conf/pubgrid.yaml").read_text(), flags=re.M),
    "scalars": "workers: 2\nlog_level: debug\nmqtt: {maximum_packet_size: 64KiB, sys_interval: 500ms}\n",
    "listeners": "listeners:\n  - address: tcp://[::1]:1\n    allow_anonymous: yes\n  - address: unix:/x\n    mode: \"0600\"\n",
    "tls": "listeners:\n  - address: tls://h\n    certificate: a\n    key: b\n    ca: c\n    require_client_certificate: true\n",
    "rules": "groups:\n  - name: g\n    users: [a, b]\naccess:\n  - group: g\n    publish: [\"#\"]\n  - deny: true\n    subscribe: [a/%u/+]\n",
    "event-topics": (
        "event_grid:\n  retry_scale: 0.5\n  topics:\n    - name: orders\n      key1: MDEyMzQ1Njc4OWFiY2RlZg==\n      properties: "
        "{inputSchema: CustomEventSchema, inputSchemaMapping: {properties: {eventType: {defaultValue: '1'}, subject: {sourceField: s}, "
        "dataVersion: {defaultValue: \"\\u009f\\u2028\"}}}}\n      eventSubscriptions:\n        - name: all\n          properties:\n"
        "            destination: {endpointType: WebPubSub, properties: {hub: chat}}\n            filter: {advancedFilters: "
        "[{operatorType: NumberInRange, key: data.n, values: [[-1.5, 0x1F], [.5, 1e3]]}]}\n            expirationTimeUtc: ~\n"
        "  domains: [{name: shop, topics: [{name: a.b, eventSubscriptions: []}]}]\n"
        "  system_topics: [{name: abc, properties: {source: /x, topicType: !!str y}}]\n"),
    "unknown": "mqtt:\n  recieve_maximum: 1\n",
    "shape": "mqtt: [1]\nworkers: {a: b}\nlisteners: x\n",
    "alias": "a: &x 1\nb: *x\n",
    "set-size": "\x062MiB",
    "set-listeners": "\x2ftcp://127.0.0.1:1,unix:/a",
    "set-bridge-listeners": "\x30http://127.0.0.1:1,http://[::]",
    "set-public-endpoints": "\x31https://a,http://b:1/",
    "bridge": "bridge:\n  processes: 2\n  listeners:\n    - http://a:1\n    - address: https://b\n      certificate: c\n      key: d\n  public_endpoints: [\"https://a/\"]\n  trunk: /t\n",
    "hubs": "hubs:\n  - name: _default\n    wildcards: yes\n  - name: Chat\n    recovery_window: 1m\n    web_socket_keep_alive_interval: 2m\n",
    "events": "hubs:\n  - name: a\n    event_handlers:\n      - url_template: http://a/{event}\n        user_event_pattern: \"*\"\n        system_events: [connect]\n        group_presence_events: {event_names: [left], group_filters: [\"r.*\"]}\n        timeout: 1s\n    event_listeners:\n      - topic: log/{hub}\n        system_events: [connected]\n",
}
KEY = "A" * 43 + "="
# Settings of a hub as JSON (spec/webpubsub.md section 8, and beyond).
HUB_SETTINGS = {
    "empty": "{}",
    "azure": '{"eventHandlers":[{"urlTemplate":"http://127.0.0.1:3000/eventhandler/{event}","userEventPattern":"*",'
    '"systemEvents":["connect","connected","disconnected"],"auth":{"type":"None"},"groupPresenceEvents":'
    '{"eventNames":["joined","left"],"groupFilters":["room.*"]}}],"eventListeners":[],'
    '"anonymousConnectPolicy":"deny","webSocketKeepAliveIntervalInSeconds":20}',
    "beyond": '{"eventHandlers":[{"urlTemplate":"https://a/{hub}?x","userEventPattern":"a, b.c","timeoutInMilliseconds":'
    '1500,"attempts":2,"skipValidation":true}],"eventListeners":[{"topic":"log/{hub}/{event}","systemEvents":'
    '["connected"],"groupPresenceEvents":{"eventNames":["left"]}}],"recoveryWindowInSeconds":8,'
    '"queueMessagesMaximum":9,"queueBytesMaximum":2048,"reliableMessagesMaximum":11,"reliableBytesMaximum":3072,'
    '"retainedOnJoin":false,"wildcards":true,"protobufJsonAsText":true}',
    "unknown": '{"wildcard":true,"recoveryWindow":1,"eventHandlers":[{"url":1}]}',
    "shapes": '{"eventHandlers":[1,{"systemEvents":{}}],"eventListeners":{},"wildcards":null,"wildcards":"x"}',
    "values": '{"eventHandlers":[{"urlTemplate":"http://{event}/","userEventPattern":"a,,b","systemEvents":["came"],'
    '"attempts":99,"auth":{"type":"ManagedIdentity"}}],"eventListeners":[{"topic":"$SYS/#"}]}',
}

SCRAMS = {
    "rfc": "n,,n=user,r=rOprNGfwEbeRWgbNEkqO\nc=biws,r=rOprNGfwEbeRWgbNEkqOsrvnonce,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "escapes": "y,a=a=2Cb=3D,n=a=2Cb=3D,r=x,x=y\nc=eSws,r=xsrvnonce,p=" + KEY,
    "binding": "p=tls-unique,,n=u,r=x\nc=cD10,r=x,p=" + KEY,
    "lines": f"bob:$scrypt$ln=15,r=8,p=1$MDEyMzQ1Njc=${KEY}\nbob:$scram-sha-256$i=4096$MDEyMzQ1Njc=${KEY}${KEY}",
    "both": f"b:$scram-sha-256$i=4096$MDEyMzQ1Njc=${KEY}${KEY}:$scrypt$ln=10,r=1,p=1$MDEyMzQ1Njc=${KEY}\n# x",
}


# Scripts of session_fuzz.c: the settings, then steps `what client parameters`.
STEPS = {"connect": 0, "subscribe": 3, "unsubscribe": 6, "publish": 7, "plain": 10, "again": 12,
         "release": 13, "acknowledge": 14, "refuse": 16, "nothing": 18, "automatic": 19, "ping": 20,
         "authenticate": 21, "disconnect": 22, "drop": 23, "stall": 24, "cork": 25, "together": 26,
         "raw": 27, "advance": 28, "hold": 29, "commit": 30, "stop": 31}
SCRIPTS = {
    "qos-2": "00 connect0 00; connect1 01; subscribe0 02 42; plain1 10; acknowledge0; release1; "
             "acknowledge0; ping0; plain1 08; plain1 01; acknowledge0; unsubscribe0 02",
    "resumed": "01 connect0 20; connect1 00; subscribe0 04 02; plain1 12; plain1 0A; drop0; "
               "plain1 11; connect0 20; acknowledge0; drop0; plain1 12; connect0 60 01; "
               "automatic0; release1; release1; release1",
    "held": "01 hold0; connect0 30; connect1 20; subscribe0 02 02; plain1 10; plain1 08; drop1; "
            "connect1 20; again1 00; commit0; commit1; again1 00; hold1; release1; automatic0",
    "alias-and-limits": "00 connect0 40 34; connect1 00; subscribe0 82 0A 04 22; publish1 28 23; "
                        "publish1 28 23; publish1 28 1B; publish1 08 2D; drop0; connect0 40 39; "
                        "subscribe0 02 01; automatic0; publish1 28 63",
    "shared": "01 connect0 20; connect1 20; connect2 02; subscribe0 07 02; subscribe1 07 01; "
              "subscribe1 04 05; plain2 10; plain2 09; drop0; plain2 10; plain2 09; automatic1; "
              "connect0 20; automatic0",
    "will-and-time": "01 connect0 24 48; connect1 20; subscribe1 00 01; drop0; advance0 06; "
                     "connect0 64 30 C0; advance0 04; advance0 04; advance0 07; publish1 48 40; "
                     "publish1 68 20; advance0 05; subscribe1 02 01; automatic1",
    "stalled": "21 connect0 20; connect1 00; subscribe0 02 02; stall0; publish1 08 18; "
               "publish1 10 18; publish1 28 12; plain1 08; connect2 00; stall0; automatic0; "
               "acknowledge0; connect0 20; refuse0 01; nothing0 05; nothing0 06",
    "together": "03 together0 30; subscribe0 82 1A 04 01; plain0 10; publish0 30 00; ping0; cork0; "
                "automatic0; cork0; unsubscribe0 02; disconnect0 0B; cork0; connect0 31",
    "authentication": "01 connect0 C0 00; authenticate0 00; authenticate0 01; authenticate0 02; "
                      "connect0 D0 00; authenticate0 00; subscribe0 02 01; plain0 08; ping0",
    "raw": "00 connect0 00; raw0 02 C0 00; raw0 03 30 01 00; connect1 00; raw1 02 82 00; stop0",
    "connect-while-stopping": "21 together1 3A; stop1",
}


# Rows and frames of recover_fuzz.c: the settings, then `key = value` for a row, others are frames.
# A session is S, its number, its kind; numbers are as in core/facts.h.
SESSION = "01 'c' 00 00 05 B817 80D095FFBC31 00000001"
PROGRESS = "0000000000000001 00000005 00000003 00000001 "
RECOVERIES = {
    "session": f"00; S 1 a = {SESSION} 00",
    "connected": "01; S 1 a = 01 'c' 01 'u' 01 01 'g' 05 B817 00 00000001 00",
    "trusted": f"00; S 1 a = {SESSION} 00 03 02 E807; S 2 a = 01 'd' 00 00 05 B817 00 00000001 00 07 01 01",
    "will": f"04; S 1 a = {SESSION} 01 3C 01 4D 00 06 0A 0003 'w/t' 00 'will'",
    "subscriptions": f"02; S 1 a = {SESSION} 00; S 1 f 00000000 = 02 01 07 'a/#'; "
                     "S 1 f 00000001 = 01 00 00 '$share/g/b'",
    "progress": f"00; S 1 a = {SESSION} 00; S 1 p = {PROGRESS} 01 00000001 01 00000002 02 07 8001 00000002; "
                "S 1 q 00000000 = 03 01 01 10 01 00 03 20 20 06 02 07 8001 04 20 10 02 00",
    "retained": "00; 'R' 00112233445566778899AABBCCDDEEFF = 00 05 07 0003 'a/b' 00 'x'",
    "delayed": "02; 'D' 0000000000000003 = 80D095FFBC31 00 01 07 0003 'a/b' 00 'x'",
    "messages": f"01; S 1 a = {SESSION} 00; S 2 a = 01 'd' 00 00 05 B817 00 00000001 00; "
                "01 02 07 00 02 01 02 00 02 02 00 0003 'a/b' 00 'payload'; "
                "01 00 00 80D095FFBC31 05 02 02 01 07 01 01 05 02 07 8001 01 02 0001 'a' 00 'x'; "
                "02 01 00000001 01; 03 02 00000001 01; 04 01 00000002; 05 02 07; 02 01 00000002 01",
    "wrapped": f"00; S 1 a = {SESSION} 00; S 1 p = 0000000000000001 00000003 FFFFFFF0 FFFFFFF0 00 00 00 00000000; "
               "S 1 q 00000000 = 02 01 20 10 01 00 02 10 10 01 00; S 1 q 003FFFFF = 01 FF07 01 10 01 00; "
               "01 00 00 00 01 01 01 00 01 01 0001 'a' 00; 02 01 FFFFFFFF 02",
    "long-run": f"00; S 1 a = {SESSION} 00; 02 01 00000001 FFFFFFFFFFFFFFFFFF01",
    "far-due": "00; 'D' 0000000000000004 = FFFFFFFFFFFFFFFF7F 00 01 07 0003 'a/b' 00 'x'",
    "far-expiry": "00; 'D' 0000000000000005 = 01 FFFFFFFFFFFFFFFFFF01 01 07 0003 'a/b' 00 'x'",
    "far-end": "00; S 1 a = 01 'c' 00 00 05 B817 FFFFFFFFFFFFFFFF7F 00000001 00",
    "far-will": "00; S 2 a = 01 'd' 00 00 05 01 FFFFFFFFFFFFFFFFFF01 00000001 01 3C 01 4D 00 06 0A 0003 'w/t' 00 'will'",
    "no-sense": "00; S 1 f 00000000 = 02 01 07 'a/#'",
}

# Frames of trunk_frame_fuzz.c; their lengths are computed.
FRAMES = {
    "hello": "94 00 02 CDFFFF 00; 94 00 02 01 04",
    "open": "97 01 05 03 AE '127.0.0.1:1234' A3 'ann' 00 00; 97 01 CE000FFFFF 07 A0 A0 CD03E8 CF0000010000000000",
    "bytes": "93 02 05 C4 02 C000; 93 02 CD0101 C5 0003 E00081",
    "publish": "95 03 05 C3 C4 10 01000000 01000000 02000000 0500FFFF C4 08 3206 0001 'a' 0001 00; "
               "95 03 04 C2 C4 08 01000000 FFFF0F00 C6 0000000C 3004 0001 'ax' 3004 0001 'ay'",
    "credit": "92 04 C4 10 01000000 00800000 02000000 FFFFFFFF",
    "close": "93 05 01 00; 93 05 01 CC97",
    "subscriptions": "93 06 07 C4 08 0003 'h/g' 0001 '#'; 93 06 01 C4 00",
    "read": "96 07 07 C3 64 A3 'a/#' A3 'a/b'; 96 07 01 C2 01 A1 '#' A0",
    "retained": "95 08 07 CC87 A0 C4 00; 95 08 07 00 A1 'n' C4 1A 0807060504030201 0300000000000000 09000000 02000000 3100",
    "forms": "DD00000003 CF0000000000000005 CD0001 CC80; DC0003 05 CE00000001 D1 0001",
    "wrong": "93 05 91 01 00",
}

# What json_frame_fuzz.c gets: the byte that chooses sequence id and type of payload, then a frame.
JSON_FRAMES = {
    "join": r'{"type":"joinGroup","group":"g1","ackId":1}',
    "leave": r'{"type":"LEAVEGROUP","group":"caf\u00e9","ackId":18446744073709551615}',
    "send-json": r'{"type":"sendToGroup","group":"g1","ackId":2,"noEcho":false,"dataType":"json","data":{"a":[1.50e+3,"\ud83c\udf21",null]}}',
    "send-text": r'{"type":"sendToGroup","group":"g1","noEcho":true,"dataType":"text","data":"t\n\ud800","ttlSeconds":300,"metadata":{"k":"v","x-1":""}}',
    "send-binary": r'{"type":"sendToGroup","group":"g1","ackId":3,"dataType":"binary","data":"AQI="}',
    "send-protobuf": r'{"type":"sendToGroup","group":"g1","dataType":"protobuf","data":"\/\/++"}',
    "event": r'{ "event" : "ev1", "type" : "event", "ackId":null, "data" : -0.10E+0300 , "x":[{}] }',
    "event-metadata": r'{"type":"event","event":"e","metadata":{"k":"v"}}',
    "ping": r'{"type":"p\u0069ng"}',
    "sequence-ack": r'{"type":"sequenceAck","sequenceId":2}',
    "invoke": r'{"type":"invoke","invocationId":"1","target":"event","event":"calc","dataType":"json","data":{"x":1}}',
    "cancel": r'{"type":"cancelInvocation","invocationId":"3"}',
    "stream-open": r'{"type":"sendToGroup","group":"g1","noEcho":false,"stream":{"streamId":"S1","idleTimeoutMs":60000}}',
    "stream-data": r'{"type":"streamData","streamId":"S1","streamSequenceId":1,"dataType":"text","data":"a"}',
    "stream-end": r'{"type":"streamEnd","streamId":"S1","error":{"message":"m","userErrorCode":"c"}}',
    "state": r'{"type":"setGroupState","group":"g","ackId":1,"state":{"k":"v","\u0000":"\n"}}',
    "subscribe": r'{"type":"subscribeGroupState","group":"g"}',
    "unsubscribe": r'{"type":"unsubscribeGroupState","group":"g","group":"h"}',
    "null": "null",
    "cut": r'{"type":"event","event":"e","data":{"a":"',
}
# What protobuf_frame_fuzz.c gets: its settings, then a message; [ ] has its length in front.
MESSAGES = {
    "join": "01 32 [0A ['g1'] 10 01]",
    "leave": "00 3A [0A ['g1']]",
    "send": "05 0A [0A ['g1'] 10 02 1A [0A ['t']] 20 01 28 3C 32 [0A ['k'] 12 ['v']]]",
    "send-json": "02 0A [0A ['g1'] 1A [22 ['{\"a\":[1.50,null]}']]]",
    "send-any": "21 0A [0A ['g1'] 1A [1A [0A ['t/u'] 12 [FF00]]]]",
    "send-binary": "FD 0A [0A ['g1'] 1A [12 [FF00]]]",
    "open-stream": "01 0A [0A ['g1'] 3A [0A ['S1'] 10 E0D403]]",
    "stream-data": "41 6A [0A ['S1'] 10 05 1A [0A ['x']]]",
    "stream-end": "01 72 [0A ['S1'] 12 [0A ['bad'] 12 ['E7']]]",
    "event": "00 2A [0A ['ev'] 12 [0A ['x']] 18 07 22 [0A ['k'] 12 ['v']] 2A []]",
    "invoke": "00 52 [0A ['calc'] 12 ['9'] 1A [22 ['{}']]]",
    "cancel": "00 5A [0A ['9']]",
    "sequence-ack": "01 42 [08 AC02]",
    "ping": "00 4A []",
    "set-state": "05 7A [0A ['g'] 1A [0A [0A ['k'] 12 ['v']] 0A [0A ['l']]]]",
    "clear-state": "09 7A [0A ['g'] 10 FFFFFFFFFFFFFFFFFF01]",
    "subscribe-state": "01 82 01 [0A ['g1'] 10 01]",
    "unsubscribe-state": "01 8A 01 [0A ['g1'] 10 01]",
    "any": "01 0A ['type.googleapis.com/x'] 12 ['y']",
    "json": "01 '{\"a\":\"b\"}'",
}
# The first byte is the length of the pieces, less one.
BENCH_FRAMES = {
    "answer": "00 'HTTP/1.1 101 OK' 0D0A 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=' 0D0A "
              "'Sec-WebSocket-Protocol: mqtt' 0D0A 0D0A",
    "message": "03 81 2C '{\"type\":\"message\",\"group\":\"g\",\"data\":\"00ff\"}' 81 02 '{}'",
    "ack": "00 81 1A '{\"type\":\"ack\",\"ackId\": 1 }' 89 02 'hi' 88 06 03F0 'slow'",
    "fragments": "01 01 01 '{' 89 00 00 7E 0001 ' ' 80 01 '}'",
    "long": "07 81 7F 0000000000000002 '{}' 8A 01 'x'",
    "socketio": "04 81 03 '40{' 81 16 '42[\"message\",\"g\",\"0f\"]' 81 05 '431[]'",
    "nested": "02 81 20 '{\"error\":{\"a\":[\"]\"]},\"event\":[]}'",
}

JWTS = {
    "good": '{"alg":"HS256","typ":"JWT"}\n{"sub":"u","exp":1795471565.5,"nbf":0}',
    "none": '{"alg":"none"}\n{}',
    "crit": '{"alg":"HS256","crit":["b64"],"b64":false}\n{}',
    "twice": '{"alg":"none","\\u0061lg":"HS256"}\n{"exp":1,"exp":2}',
    "array": '{"alg":"HS256"}\n[]',
    "token": "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UifQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    "es256": "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
             "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    "rs256": '{"alg":"RS256"}\n{"iss":"i","sub":"s","aud":["n"],"exp":1}',
    "key": "-----BEGIN PUBLIC KEY-----\n"
           "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
           "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
           "-----END PUBLIC KEY-----\n",
}
# Lines of upgrade_fuzz.c; an @ becomes a token of the last line.
UPGRADES = {
    "query": '/client/hubs/Hub1?access_token=@\nh:80\n\njson.reliable.webpubsub.azure.v1\n'
             '{"aud":"http://h/client/hubs/hub1","exp":2000000,"sub":"u","role":["webpubsub.joinLeaveGroup","webpubsub.sendToGroup.g"],"webpubsub.group":["g"]}',
    "header": '/client?hub=h\nx\nBearer @\nprotobuf.reliable.webpubsub.azure.v1, mqtt\n'
              '{"aud":["x","HTTPS://P.example:443/Client/Hubs/H"],"exp":2e6,"exp":2000000.5,"role":"webpubsub.joinLeaveGroups.a.\\\\*?**"}',
    "anonymous": "/client/hubs/open?webpubsub_mode=sendToGroup&group=a+b%2F%C3%BC&noEcho=true\n\n\n\n",
    "raw": '/client/?hub=h&access_token=@&webpubsub_mode=SENDEVENT\nh\n\nmine\n{"aud":"http://h/client?hub=h","exp":1000000,"nbf":1000300}',
    "mqtt": "/mqtt?x=%\n\n\nmqttv3.1, mqtt\n",
    "mqtt-hub": '/clients/mqtt/hubs/h?access_token=@\nh\n\nmqtt\n{"aud":"http://h/clients/mqtt/hubs/h","exp":2000000,"group":"g","http://schemas.microsoft.com/ws/2008/06/identity/claims/role":[]}',
    "recovery": '/client/hubs/h?access_token=old&awps_connection_id=c&awps_reconnection_token=@\n\n\njson.reliable.webpubsub.azure.v1\n'
                '{"iss":"pubgrid-reconnection","aud":"c","hub":"h","subprotocol":"json.reliable.webpubsub.azure.v1","sub":"u","exp":2000000,"role":[]}',
    "hopeless": "/client/hubs/h?awps_connection_id=c\n\n\n\n",
    "tricks": "/client%2Fhubs/../h%2500?%zz\n\n\n\n",
}

# Of webhook_answer_fuzz.c: status, header lines, an empty line, the body.
ANSWERS = {
    "message": "200\nContent-Type: application/json; charset=utf-8\r\nce-connectionState: eyJrIjoxfQ==\r\n"
               'Set-Cookie: a=2; Path=/\r\nX-WebPubSub-Metadata-K: v\r\nmqtt-p: q\r\n\r\n{"a":[1,"\\u00fc"]}',
    "text": "200\ncontent-type:text/plain\r\n\r\nh\u00fc",
    "cookies": "204\nSet-Cookie: a=; Max-Age=0\r\nset-cookie: b\r\nSet-Cookie: c = d ;Secure\r\n\r\n",
    "states": "200\nce-connectionState: a\r\nce-connectionState: b\r\n\r\n",
    "preflight": "200\nWebHook-Allowed-Origin: a, p.example:80 [::1]:8080\r\nWebHook-Allowed-Origin: *\r\n\r\n",
    "connect": '200\n\r\n\r\n{"userId":"u","Groups":["g"],"roles":["webpubsub.joinLeaveGroups.a\\\\*"],"subProtocol":"",'
               '"mqtt":{"code":138,"reason":"r","userProperties":[{"name":"n","value":"v"}]}}',
}

# Of sign_in_answer_fuzz.c: the status in a line, the body.
SIGN_INS = {
    "allow": '200\n{"decision":"allow","clientAuthenticationName":"b\u00fc","attributes":{"room":"345","floor":12,"t":["a"]},'
             '"expiration":"2031-01-01T00:00:00Z"}',
    "name": '200\n{"decision":"allow","clientAuthenticationName":"a\\u0000"}',
    "past": '200\n{"decision":"allow","expiration":"2001-01-01T00:00:00.5+01:00"}',
    "deny": '400\n{"decision":"deny","errorReason":"not you"}',
    "fails": "503\n",
}

# Of sign_in_token_fuzz.c: claims.
SIGN_IN_CLAIMS = {
    "custom": '{"iss":"i","sub":"s","aud":["x","https://plant.example/"],"exp":1800000060,"nbf":1800000000,"room":"345","floor":12,"t":["a"]}',
    "oauth2": '{"iss":"i","oid":"o","sub":"s","aud":"https://eventgrid.azure.net/","exp":1800000060.5}',
    "twice": '{"iss":"i","sub":"a\\u0000","sub":"b","aud":"plant","exp":1,"exp":1900000000,"k":1,"k":"2"}',
    "other": '{"iss":"j","sub":"s","aud":"plant","exp":1800000060}',
    "late": '{"iss":"i","sub":"s","aud":"PLANT.","exp":1700000000}',
}

# Of validation_answer_fuzz.c: as ANSWERS.
CONSENTS = {
    "code": '200\nX: y\r\n\r\n{"ValidationResponse":"512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}',
    "mark": '200\n\r\n\r\n\ufeff{"validationResponse":"512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}',
    "other_code": '200\n\r\n\r\n{"validationResponse":"512d38b6"}',
    "accepted": "202\n\r\n\r\n",
    "origin": "200\nWebHook-Allowed-Origin: a.example, EventGrid.azure.net\r\nAllow: POST\r\n\r\n",
    "any_origin": "204\nwebhook-allowed-origin: *\r\n\r\n",
    "other_origin": "200\nwebhook-allowed-origin: a\r\n\r\n",
    "nothing": "0\n",
}

# Of validation_url_fuzz.c.
CONSENT_URLS = {
    "topic": "topics/orders\nbilling\nid=512d38b6&source=topics%2Forders&name=billing&t=2026-02-27T21:23:50.123Z"
             "&token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "odd_names": "a&b=c#d\u00fc\n+ %\n&token=",
    "empty": "\n\n",
}

# Of dead_letter_fuzz.c.
LETTERS = {
    "event_grid": '[{"id":"1","topic":"/t","subject":"s","data":{"a": [1]},"dataVersion":"2",'
                  '"deadLetterReason":"MaxDeliveryAttemptsExceeded","deliveryAttempts":1,'
                  '"lastDeliveryOutcome":"NotFound","lastHttpStatusCode":404,'
                  '"publishTime":"2026-02-27T21:23:52.000Z","lastDeliveryAttemptTime":"2026-02-27T21:23:53.5Z"}]',
    "cloud_event": '[ {"specversion":"1.0","id":"1","deadletterreason":"TimeToLiveExceeded","deliveryattempts":30,'
                   '"lastdeliveryoutcome":"Busy","publishtime":"2026-02-27T21:23:52Z"} ]',
    "custom": '[{"eventDeliverySchema":"CustomInputSchema","id":"1","dataVersion":"","data":{"foo":1},'
              '"deadLetterReason":"UndeliverableDueToHttpBadRequest","deliveryAttempts":1}]',
    "several": '[{"deadLetterReason":"x"},{"id":"\\ud800","deadLetterReason":"y"},{}]',
}

# Of pull_request_fuzz.c: a target, then a body.
PULLS = {
    "publish": "/topics/t:publish?api-version=2024-06-01\n",
    "receive": "/ns/topics/top%20ic/eventsubscriptions/s:receive?maxEvents=100&maxWaitTime=10\n",
    "release": "/namespaces/ns/topics/t/eventSubscriptions/s:release?releaseDelayInSeconds=600\n"
               '{"lockTokens":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","bad","\\u0041","bad"]}',
    "range": "/topics/t/eventsubscriptions/s:receive?maxEvents=101\n{\"lockTokens\":[1]}",
}

# Of mqtt_request_fuzz.c: method, target, headers, an empty line, body.
MQTT_REQUESTS = {
    "publish": "POST\n/mqtt/messages?topic=a%2Fb&mqtt-qos=0\ncontent-type:text/plain\n"
               "mqtt-user-properties:W3siYSI6ImIifV0=\nmqtt-correlation-data:+/8=\n"
               "mqtt-response-topic:re/%C3%BC\nmqtt-payload-format-indicator:1\n\nhello",
    "read": "GET\n/mqtt/retainedMessages/message?topic=a%2Fb\n\n",
    "list": "GET\n/mqtt/retainedMessages?topicFilter=a%2F%2B%2F%23&maxResults=7\n\n",
    "next": "GET\n/mqtt/retainedMessages?continuationToken=YS8jAGEvYg\n\n",
    "wrong": "PUT\n/mqtt/messages\n\n",
}

# Of pull_wire_fuzz.c: its kind, then an order, an answer of events, one to three tokens.
PULL_WIRE = {
    "order": bytes([0, 1, 3]) + struct.pack(">IIIII", 100, 1 << 20, 60000, 10, 2) + b"$q" + b"t" * 48,
    "events": bytes([1, 1, 0]) + struct.pack(">I", 1) + b"t" * 24 + b'{"event":{}}',
    "results": bytes([2, 1, 0, 0, 1, 2]),
    "elsewhere": bytes([2, 1, 1]),
}

# Of archive_line_fuzz.c.
ARCHIVE_LINES = {
    "line": '{"accepted":1772227432000,"schema":"CloudEventSchemaV1_0","domainTopic":"sales","event":{"id":"1"}}',
    "breaks": '{"accepted":1,"schema":"CustomEventSchema","event":{"a":\n[1,\r\n2]}}',
    "cut": '{"accepted":1772227432000,"schema":"EventGridSch',
    "path": "domains/shop/2026-02-27T21.jsonl",
}

# Of folder_journal_fuzz.c.
FOLDER_JOURNALS = {
    "whole": "pubgrid-folder 1 /srv/pictures\n? 255 2031/cat.jpg\n+ 255 7 1772227432000000000 42 2031/cat.jpg\n- 256 2031/cat.jpg\n",
    "escapes": "pubgrid-folder 1 /srv/a%0Ab\n+ 1 2 -3 4 %25\n+ 18446744073709551615 0 0 0 a b\n",
    "out": "- 1 ../a\n- 1 a/../b\n- 1 /a\n- 1 a//b\n- 1 %2E%2E/a\n- 1 a%00\n",
    "cut": "pubgrid-folder 1 /srv\n+ 255 7 17722",
}

# Of http_answer_fuzz.c, behind the byte that says how it is cut.
HTTP_ANSWERS = {
    "length": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nab",
    "chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n0\r\nX: y\r\n\r\nmore",
    "continue": "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 204 No Content\r\n\r\n",
    "to-end": "HTTP/1.1 500 X\nConnection: close\n\nall of it",
    "no-http": "SSH-2.0-OpenSSH_9.2\r\n\r\n",
}

# What mqtt_client_fuzz.c gets: its settings, then pieces `browser`, `broker` or `publish`, with
# [ ] and < > as in counted_bytes.h.
# A byte, then steps of bridge_client_fuzz.c: what, who, how, and more. Peer 0 is the janitor.
BROWSER_STEPS = ("open recover frame request write leave answer answer_all deliver gone close lose return congest "
                 "time").split()
BROWSERS = {
    "requests": "00; open 0 0; answer_all 1 9; " + "; ".join(f"request 0 {i} {i}; answer_all 1 9" for i in range(14)),
    "reliable-requests": "00; open 0 1; answer_all 1 9; " + "; ".join(f"request 0 {i} {i}" for i in range(14))
                         + "; answer 1 2; answer 1 3; answer_all 1 99; request 0 2 2; request 0 2 16; answer_all 1 9",
    "token-groups": "00; open 0 8; answer 1 0; deliver 1 0; deliver 1 1; answer 1 0; deliver 1 2; write 0 9",
    "token-groups-refused": "00; open 0 7; answer 1 0; deliver 1 0; answer 1 2; leave 0 0",
    "recover": "01; open 0 1; answer_all 1 9; deliver 1 0; deliver 1 5; request 0 2 7; answer_all 1 9; "
               "request 0 5 2; leave 0 0; recover 1 0; answer_all 1 99; request 1 4 129; request 1 2 7; deliver 1 0; "
               "answer_all 1 9; request 1 7 2; answer_all 1 9",
    "recover-pushes-out": "00; open 0 3; answer_all 1 9; deliver 1 0; recover 1 0; answer_all 2 99; recover 2 0; "
                          "answer_all 1 99; leave 0 0; leave 1 0",
    "broker-away": "00; open 0 1; answer_all 1 9; deliver 1 0; request 0 2 7; request 0 10 3; request 0 5 4; "
                   "request 0 6 1; lose 0 0; write 0 1; return 0 0; answer_all 0 9; answer_all 1 99; deliver 1 0; "
                   "request 0 4 1; lose 0 0; return 0 0; answer_all 1 99",
    "broker-away-while-recovering": "00; open 0 1; answer_all 1 9; request 0 2 7; answer_all 1 9; leave 0 2; "
                                    "recover 1 0; answer 1 0; lose 0 0; leave 1 0; return 0 0; recover 0 0; "
                                    "answer_all 1 99; request 0 2 7",
    "broker-forgets": "00; open 0 1; answer_all 1 9; deliver 1 0; deliver 1 5; request 0 4 1; lose 0 1; return 0 0; "
                      "answer_all 0 9; answer_all 1 9",
    "states": "00; answer_all 0 9; open 0 1; open 1 0; answer_all 1 9; answer_all 2 9; request 0 8 2; request 1 8 4; "
              "request 0 10 6; answer 1 0; deliver 1 7; deliver 1 5; answer_all 1 99; deliver 1 12; request 0 1 8; "
              "lose 0 0; return 0 0; answer_all 0 9; gone 0 0; gone 0 1; gone 0 2",
    "streams": "00; open 0 1; answer_all 1 9; request 0 5 0; request 0 6 2; request 0 6 1; request 0 5 1; "
               "request 0 6 1; answer 1 2; answer_all 1 9; request 0 6 1; time 0 60; request 0 7 1; leave 0 1",
    "protobuf": "00; open 0 3; answer_all 1 9; frame 0 1 32 05 0A01 'g' 1001; answer_all 1 9; deliver 1 5; frame 0 1 4A 00; "
                "frame 0 1 42 02 08 01; deliver 1 64",
    "raw": "00; open 0 18; open 1 4; answer_all 1 9; answer_all 2 9; frame 0 0 'hello'; frame 0 1 00FF; deliver 1 3; "
           "frame 1 0 'hello'; leave 1 0; answer_all 1 9; close 1 0",
    "mqtt": "00; open 0 5; open 1 6; frame 0 1 10 12 0004 'MQTT' 05 02 0000 00 0005 'abcde'; answer_all 1 9; deliver 1 0; "
            "frame 0 1 C000; frame 1 1 10 0D 0004 'MQTT' 04 02 0000 0001 'a'; answer_all 2 9; deliver 2 0; lose 0 0; "
            "leave 0 0; leave 1 0",
    "congested": "00; open 0 0; answer_all 1 9; congest 0 0; request 0 2 1; congest 0 1; close 1 1; leave 0 0",
    "nobody-answers": "00; open 0 0; open 1 1; time 0 255; time 0 255; leave 0 0; leave 1 0",
}

PIECES = {"browser": 0, "broker": 1, "publish": 2}
CONNECT_3, CONNECT_5 = "10 [<MQTT> 04 02 003C <cid>]", "10 [<MQTT> 05 02 003C 00 <cid>]"
CLIENTS = {
    "relay": f"00; browser {CONNECT_5} C0; broker 20 [00 00 00]; browser 00 32 [<a> 0001 00 'x']; publish 30 [<hub/a> 00 'x']",
    "relay-too-large": f"00; browser {CONNECT_3} 30 FFFF7F",
    "hub-5": f"0F; browser {CONNECT_5}; broker 20 [00 00 03 22 000A]; broker 90 [0001 00 02 01]; "
             "browser 32 [<a> 0001 [08 <r> 26 <k> <v>] 'x'] 32 [<b> 0002 00] 34 [<b> 0003 00]; broker 40 [0001]; "
             "browser 82 [0005 00 <a> 01 <b> 00 <$share/s/a> 00] A2 [0006 00 <a>]; broker 90 [0005 00 01 00]; "
             "publish 32 [<hub/a> 0001 [08 <hub/r>] 'x']; publish 30 [<hub> 00]",
    "hub-3": f"03; browser {CONNECT_3} 82 [0005 <a> 01 <b> 00]; broker 20 [00 00]; broker 90 [0001 02]; broker 90 [0005 01]; "
             "browser 33 [<a> 0007 'x'] 32 [<b> 0008 'x']",
    "hub-assigned": "05; browser 10 [<MQTT> 05 02 003C 05 15 <m> <>]; browser C0 []",
    "hub-empty": "05; browser 10 [<MQTT> 05 02 003C 00 <>]; broker 20 [00 00 00]",
    "hub-will": "07; browser 10 [<MQTT> 05 26 003C 00 <cid> [18 0000000A 08 <r>] <a> <by>]",
    "hub-aliases": f"07; browser {CONNECT_5}; broker 20 [00 00 03 22 000A]; "
                   "browser 30 [<a> [23 0001]] 30 [<> [23 0001]] 30 [<b> [23 0001]] 32 [<> 0001 [23 0001]] 30 [<b> [23 0B00]]",
    "hub-event": f"05; browser {CONNECT_5} 33 [<$webpubsub/server/events/ev> 0009 [09 <cd>] 'x']; "
                 "publish 32 [<$wps/hub/event/cid/ev/failed> 0001 00 'x']",
    "hub-own-property": f"07; browser {CONNECT_5} 32 [<a> 0005 [26 <$wps.from> <bob>] 'x'] 36 [<a> 0001 00]",
}


def to_bytes(text):
    out = b""
    for quoted, pair in re.findall(r"'([^']*)'|([0-9A-F]{2})", text):
        out += bytes.fromhex(pair) if pair else quoted.encode()
    return out


def varint(value):
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def packet(how, first, body):
    body = to_bytes(body)
    return bytes([how]) + to_bytes(first) + varint(len(body)) + body


def script(text):
    settings, _, steps = text.partition(" ")
    out = bytes.fromhex(settings)
    for step in steps.split("; "):
        name, *parameters = step.split(" ")
        out += bytes([STEPS[name[:-1]] | int(name[-1]) << 5]) + bytes.fromhex("".join(parameters))
    return out


def recovery(text):
    settings, *records = text.split("; ")
    out = bytes.fromhex(settings)
    for record in records:
        if " = " in record:
            key, value = record.split(" = ")
            key = re.sub(r"^S (\d) (\w)", lambda m: f"'S' {int(m[1]):016X} '{m[2]}'", key)
            key, value = to_bytes(key), to_bytes(value)
            out += bytes([0, len(key), 1]) + len(value).to_bytes(2, "big") + key + value
        else:
            payload = to_bytes(record)
            out += b"\1" + len(payload).to_bytes(2, "big") + payload
    return out


def frames(text):
    bodies = [to_bytes(body) for body in text.split("; ")]
    return b"".join(len(body).to_bytes(4, "big") + body for body in bodies)


def message(text):
    """Innermost brackets first."""
    while "[" in text:
        text = re.sub(r"\[([^\[\]']*(?:'[^']*'[^\[\]']*)*)\]", lambda m: hex_of_counted(m[1]), text)
    return to_bytes(text)


def hex_of_counted(text):
    data = to_bytes(text)
    return (varint(len(data)) + data).hex().upper()


def client(text):
    settings, *pieces = text.split("; ")
    out = to_bytes(settings)
    for piece in pieces:
        sender, _, data = piece.partition(" ")
        data = message(re.sub(r"<([^>]*)>", lambda m: f"{len(m[1]):04X} " + m[1].encode().hex().upper(), data))
        out += bytes([PIECES[sender]]) + len(data).to_bytes(2, "big") + data
    return out


def browsers(text):
    first, *steps = text.split("; ")
    out = to_bytes(first)
    for step in steps:
        name, who, how, *data = step.split(" ", 3)
        out += bytes([BROWSER_STEPS.index(name), int(who), int(how)])
        if name == "frame":
            data = message(data[0])
            out += bytes([len(data)]) + data
        elif name == "request":
            out += bytes([int(data[0])])
    return out


# What bridge processes say to each other (staff_fuzz.c).
STAFF = {
    "join": "00 01 08 03 00 00000000 0001 'h' 0002 'c1' 0000 0000 0000 0000 00000002 0001 'a' 0003 'b/c' 00000000",
    "close": "00 01 02 00 00 00000000 0001 'h' 0000 0000 0003 'bye' 0000 0000 00000000 00000001 0002 'c1'",
    "grant": "00 01 0D 03 81 00000000 0001 'h' 0002 'c1' 0000 0000 0001 'g' 0000 00000000 00000000",
    "page": "01 01 00 0000000000000003 0000000000000001 0000000000000001 00000001 0002 'c2' 0003 'ada' "
            "00000001 0002 'c1' 0000 00000001 0002 'c3' 0000",
    "groups": "02 01 00 0000000000000003 0000000000000001 0000000000000001 00000002 0001 'g' 0000",
    "count": "04 01 00 0000000000000003 0000000000000002 0000000000000001 00000002 0102030405060708 "
             "0102030405060709 00000001 0A0B0C0D0E0F1011",
    "holds": "05 01 01 0000000000000001 0000000000000000 0000000000000000",
}

# Lines of rest_filter_fuzz.c.
FILTERS = {
    "compare": "userId ne 'alice'\nalice\nc1\nmqtt\ng1",
    "groups": "'g1' in groups and not ('g2' in groups)\n\nc1\n\ng1\ng2",
    "list": "connectionId in ('a','b', null) or length(groups) in (1,-2)\nu\nb\n\ng",
    "null": "userId eq null and length(userId) eq null and null lt 1\n\nc1\n",
    "functions": "startswith(tolower(trim(userId)),'t1-') and endswith(toupper(userId),'E') or contains(concat(userId,protocol),'n')\nT1-e \nc\nmqtt\n",
    "numbers": "indexof(userId,'\u00fc') >= 1 and substring(userId, 1, 2) == substring('a\u00fcb', 1) or length(userId) < 9\na\u00fcb\nc\n\n",
    "nested": "((not ((true eq (1 le 2))) or 'it''s' eq userId))\nit's\nc\n\n",
    "wrong-type": "false and userId gt 'a'\nu\nc\n\n",
    "wrong-syntax": "userId in ('a',\nu\nc\n\n",
    "wrong-character": "\u20ac eq 'a\nu\nc\n\n",
}

# Lines of rest_request_fuzz.c: method, target, host, claims, type, one header, and the body.
CLAIMS = '{"aud":"@","exp":2000000}'
REQUESTS = {
    "health": "HEAD\n/api/health\nh\n\n\n\n",
    "send": f"POST\n/api/hubs/Hub1/:send?api-version=2024-12-01&excluded=x&excluded=y&filter=userId%20ne%20%27o%27%27b%27&messageTtlSeconds=5\nh:80\n{CLAIMS}\napplication/json\nX-WebPubSub-Metadata-Trace: 1\n" + '{"a":1}',
    "send-text": f"POST\n/api/hubs/hub1/users/us%20er%2F%C3%BC/:send\nh\n{CLAIMS}\ntext/plain; charset=\"utf-16\"\n\n\0h\0i",
    "send-binary": f"POST\n/api/hubs/hub1/connections/c/:send?messageTtlSeconds=0\nh\n{CLAIMS}\n\n\nx",
    "close": f"POST\n/api/hubs/hub1/groups/g/:closeConnections?excluded=q&reason=bye\nh\n{CLAIMS}\n\n\n",
    "join": f"PUT\n/api/hubs/hub1/groups/grp%2Fa%20b/connections/c1\nh\n{CLAIMS}\n\n\n",
    "list": f"GET\n/api/hubs/hub1/groups/g/connections?maxpagesize=2&top=5&continuationToken=T1\np.example\n{CLAIMS}\n\n\n",
    "many": f"POST\n/api/hubs/hub1/:addToGroups\nh\n{CLAIMS}\napplication/json\n\n" + '{"groups":["a","b\\u00fc"],"filter":"userId eq null"}',
    "permission": f"HEAD\n/api/hubs/hub1/permissions/sendToGroup/connections/c?targetName=g%201\nh\n{CLAIMS}\n\n\n",
    "token": f"POST\n/api/hubs/hub1/:generateToken?userId=u&role=r&role=s&group=g&minutesToExpire=5&clientType=mqtt\nh\n{CLAIMS}\n\n\n",
    "audience": 'GET\n/api/hubs/hub1/:count?x=1\nh\n{"aud":["x","https://p.example/API/hubs/hub1/%3Acount/"],"exp":2000000}\n\n\n',
    "wrong-method": f"PATCH\n/api/hubs/hub1/:send\nh\n{CLAIMS}\n\n\n",
    "wrong-path": f"GET\n/api/hubs/../groups/%2\nh\n{CLAIMS}\n\n\n",
}

# A byte for the size of the pieces, then http_head_fuzz.c's request.
HTTP_HEADS = {
    "get": "\x01GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "length": "\x01POST /api/hubs/h/:send HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    "chunks": "\x03POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nhel\r\n02;a=b\r\nlo\r\n00\r\nTrailer: x\r\n\r\nmore",
    "upgrade": "\x01GET /client HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "old": "\x01\r\nHEAD / HTTP/1.0\r\nConnection: keep-alive , x\r\n\r\n",
    "both": "\x01POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "wrong": "\x01GET / HTTP/1.1\r\nA : b\r\n\r\n",
}

# Lines of eventgrid_publish_fuzz.c: schema, kind, MQTT and address; type; six headers; and the body.
EVENT = '"id":"1","subject":"s","eventType":"t","eventTime":"2030-01-02T03:04:05Z"'
CLOUD_EVENT = '"specversion":"1.0","id":"1","source":"s","type":"t"'
CE_HEADERS = "ce-specversion:1.0\nCe-Id:%C3%A91\nCE-SOURCE: s\nce-type:t\nce-ext:\xe9\n"
CE_PROPERTIES = "specversion:1.0\nid:1\nsource:s\ntype:t\nsite:b\n"
PUBLICATIONS = {
    "event_grid": "0000\napplication/json\n\n\n\n\n\n\n[{" + EVENT + ',"data":{"a":1},"dataVersion":"1.0"},{' + EVENT + "}]",
    "event_grid_bare": "0000\n\n\n\n\n\n\n\n\ufeff{" + EVENT + ',"data":null,"topic":null,"metadataVersion":"1","x":[]}',
    "event_grid_escapes": '0000\n\n\n\n\n\n\n\n{"\\u0069d":"a\\"","subject":"\\ud83c\\udf21","eventType":"\\ud800","eventTime":"2017-06-26T18:41:00.9584103"}',
    "event_grid_domain": "0100\n\n\n\n\n\n\n\n[{" + EVENT + ',"topic":"sales"},{' + EVENT + ',"topic":"b"}]',
    "event_grid_system": "0201\n\n\n\n\n\n\n\n[{" + EVENT + ',"topic":"/x"}]',
    "event_grid_missing": '0000\n\n\n\n\n\n\n\n[{"subject":"s"}]',
    "structured": "1000\napplication/cloudevents+json; charset=utf-8\n\n\n\n\n\n\n{" + CLOUD_EVENT + ',"data":{"n":1e3},"time":"2030-01-02T03:04:05+01:00","e":5}',
    "nulls": "1000\napplication/json\n\n\n\n\n\n\n{" + CLOUD_EVENT + ',"subject":null,"dataschema":"","data":null}',
    "batch": "1000\napplication/cloudevents-batch+json\n\n\n\n\n\n\n[{" + CLOUD_EVENT + '},{' + CLOUD_EVENT + ',"data_base64":"AQID"}]',
    "cloud_domain": "1100\napplication/cloudevents+json\n\n\n\n\n\n\n{" + CLOUD_EVENT + "}",
    "cloud_domain_mqtt": "1111\napplication/cloudevents+json\n\n\n\n\n\n\n{" + CLOUD_EVENT + "}",
    "binary": "1000\napplication/json\n" + CE_HEADERS + '\n{"a": 1}',
    "binary_mqtt": "1010\n\n" + CE_PROPERTIES + "\nhello",
    "binary_mqtt_bytes": "1010\nimage/png\n" + CE_PROPERTIES + "\n\0\x01",
    "text": "1000\napplication/cloudevents+json\n\n\n\n\n\n\n{" + CLOUD_EVENT + ',"datacontenttype":"text/plain","data":"a\\nb"}',
    "not_for_properties": "1000\napplication/cloudevents+json\n\n\n\n\n\n\n{" + CLOUD_EVENT + ',"x":"\\u0000","y":{}}',
    "custom": '2000\n\n\n\n\n\n\n\n[{"id":1,"a":{"time":"2030-01-02T03:04:05Z","b":{"type":"t"}},"s":"x","v":2},{}]',
    "custom_same": '20001\n\n\n\n\n\n\n\n[{"id":"\\u0041\\n","time":"2030-01-02T03:04:05"}]',
    "custom_domain": '2100\n\n\n\n\n\n\n\n{"t":"sales","s":true}',
}
# route_wrap_fuzz.c: routingEnrichments in a line, and the PUBLISH behind it: properties, payload.
USER_PROPERTIES = "26 0004 'type' 0001 't' 26 0002 'id' 0001 '1' 26 0006 'source' 0001 's' 26 000B 'specversion' 0003 '1.0'"
ROUTED = {
    "bytes": ("{}", "", "'x'"),
    "json": ('{"static":[{"key":"site","value":"w","valueType":"String"}]}', "01 01", "'{\"a\":1}'"),
    "text": ("", "01 01 03 000A 'text/plain'", "'21.5 C'"),
    "no_json": ("null", "03 0010 'application/json'", "'{a'"),
    "binary": ('{"dynamic":[{"key":"who","value":"${client.authenticationName}"}]}',
               USER_PROPERTIES + " 26 000E '$wps.publisher' 0001 'c' 26 0003 'who' 0001 'x'", "'[1]'"),
    "structured": ('{"dynamic":[{"key":"n","value":"${mqtt.message.pfi}"}]}',
                   "03 001C 'application/cloudevents+json'",
                   "'{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"n\":null}'"),
    "everything": ('{"dynamic":[{"key":"a","value":"${client.attributes.x}-${mqtt.message.topicName}"},'
                   '{"key":"b","value":"${mqtt.message.responseTopic}${mqtt.message.correlationData}"},'
                   '{"key":"c","value":"${mqtt.message.userProperties[\'k k\']}"}]}',
                   "08 0001 'r' 09 0001 'c' 26 0003 'k k' 0001 '1' 26 0003 'k k' 0001 '2' "
                   "26 0010 '$wps.attribute.x' 0001 'v' 26 000D '$wps.received' 0001 '9'", "FF"),
    "wrong": ('{"static":[{"key":"Subject"}],"dynamic":[{"key":"k","value":"${x"}]}', "", ""),
}


def routed(row):
    enrichments, properties, payload = row
    listed, payload = to_bytes(properties), to_bytes(payload)
    body = b"\0\1t" + varint(len(listed)) + listed + payload
    return enrichments.encode() + b"\n\x30" + varint(len(body)) + body


# Lines of eventgrid_filter_fuzz.c: schema, the filter, a path; and the events.
FILTERED = {
    "simple": '0\n{"subjectBeginsWith":"S","subjectEndsWith":"s","includedEventTypes":["T","x"]}\nsubject\n[{' + EVENT + "}]",
    "exact": '0\n{"subjectBeginsWith":"S","isSubjectCaseSensitive":true,"includedEventTypes":["All"]}\nid\n[{' + EVENT + "}]",
    "numbers": '0\n{"advancedFilters":[{"operatorType":"NumberIn","key":"data.n","values":[1,2.5e3]},'
               '{"operatorType":"NumberInRange","key":"data.n","values":[[1,2],[5,6]]},'
               '{"operatorType":"NumberLessThan","key":"data.n","value":5}]}\ndata.n\n[{' + EVENT + ',"data":{"n":1}},{' + EVENT + ',"data":{"n":2500}}]',
    "texts": '1\n{"advancedFilters":[{"operatorType":"StringIn","key":"data.c","values":["Red","\\u00c4"]},'
             '{"operatorType":"StringNotContains","key":"ext","values":["x"]}]}\next\n[{' + CLOUD_EVENT + ',"ext":"y","data":{"c":"\\u00e4"}}]',
    "arrays": '2\n{"enableAdvancedFilteringOnArrays":true,"advancedFilters":[{"operatorType":"StringNotIn","key":"a.b","values":["x"]},'
              '{"operatorType":"BoolEquals","key":"ok","value":true}]}\na.b\n[{"a":{"b":["y",1,null]},"ok":[false,true]},{"a":{"b":"x"},"A":{}}]',
    "presence": '0\n{"advancedFilters":[{"operatorType":"IsNullOrUndefined","key":"data.z"},{"operatorType":"IsNotNull","key":"Data"}]}\ndata\n[{' + EVENT + ',"data":"text"}]',
    "extended": '1\n{"enableExtendedFiltering":true,"advancedFilters":[{"operatorType":"StringMatches","key":"source","values":["*?"]},'
                '{"operatorType":"Any","filters":[{"operatorType":"StringEndsWith","key":"type","values":["T"]},{"operatorType":"IsNotNull","key":"data.x"}]}]}\nsource\n[{' + CLOUD_EVENT + "}]",
    "bytes": '1\n{"advancedFilters":[{"operatorType":"StringContains","key":"data_base64","values":["A"]}]}\ndata_base64\n[{' + CLOUD_EVENT + ',"data_base64":"AQID"}]',
    "wrong": '0\n{"advancedFilters":[{"operatorType":"StringLike"}]}\n\n[]',
}
SAS_TOKENS = {
    "javascript": "r=http%3A%2F%2F127.0.0.1%3A8801%2Fapi%2Fevents%3FapiVersion%3D2018-01-01&e=12%2F31%2F2030%2012%3A05%3A09%20AM"
                  "&s=GDALMoXESTk925zQahAgSfX48UfUzqNXf3hIlKPF644%3D",
    "net": "r=https%3a%2f%2fh%2fapi%2fevents&e=6%2f15%2f2017+6%3a20%3a15+PM",
    "java": "r=h&e=12%2F31%2F2030+12%3A5%3A9+AM",
    "python": "r=h&e=2030-12-31T00%3A05%3A09%2B00%3A00",
    "date": "31.12.2030 0:05:09",
    "date_net8": "6/15/2017 6:20:15\u202fPM",
}


# Lines of catalog_fuzz.c: places with settings, what is declared, all told anew.
TO_MQTT = '"properties":{"destination":{"endpointType":"MqttTopic","properties":{"topic":"x"}}}'
TO_WEB = '"properties":{"destination":{"endpointType":"WebHook","properties":{"endpointUrl":"http://h/"}}}'
CATALOG = {
    "topic": f"""topics/orders {{"name":"Orders","resource":{{"properties":{{}}}},"key1":"a"}}
topics/orders/eventsubscriptions/sub {{{TO_MQTT},"state":"Failed","stateReason":"no"}}
-
topics/orders""",
    "waiting": f"""topics/orders/eventsubscriptions/sub {{{TO_MQTT}}}
topics/orders {{"resource":{{"properties":{{"inputSchema":"CloudEventSchemaV1_0"}}}}}}
topics/orders {{"resource":{{"properties":{{"inputSchema":"EventGridSchema"}}}}}}
topics/orders/eventsubscriptions/sub""",
    "namespace": """namespaces/plant/topics/abc/eventsubscriptions/one {"properties":{}}
namespaces/plant/topics/abc {"resource":{"properties":{"eventRetentionInDays":2}}}
namespaces/plant {"resource":{}}
namespaces/plant/topics/abc
!{"namespaces":[{"name":"Plant","clients":[{"name":"a","properties":{"state":"Enabled"}}]}]}
namespaces/plant/clients/a {"name":"a","properties":{"attributes":{"b":1}}}
namespaces/plant/clientgroups/abc {"name":"Abc","properties":{"query":"attributes.b = 1"}}""",
    "domain": f"""domains/shop {{"resource":{{"properties":{{}}}},"azureSubscription":"s","resourceGroup":"g"}}
domains/shop/topics/a/eventsubscriptions/one {{{TO_MQTT}}}
domains/shop/eventsubscriptions/all {{{TO_WEB},"stateUrl":"http://h/","state":"AwaitingManualAction"}}
domains/shop/topics/b {{"resource":{{}}}}
domains/shop/topics/a/eventsubscriptions/one
domains/shop""",
    "declared": f"""!{{"topics":[{{"name":"orders","eventSubscriptions":[{{"name":"sub",{TO_WEB}}}]}}]}}
topics/orders/eventsubscriptions/sub {{"state":"Succeeded","stateUrl":"http://h/"}}
topics/orders {{"key1":"a","key2":"b"}}
!{{"domains":[{{"name":"shop","topics":[{{"name":"a"}}]}}],"systemTopics":[{{"name":"sys","properties":{{"source":"/s","topicType":"t"}}}}]}}
!""",
    "wrong": """topics/orders {
topics/x {"resource":{"properties":{}}}
topics/orders/eventsubscriptions/ {}
nonsense 7
 {}""",
}

# Lines of arm_path_fuzz.c: method, target, and a filter of names.
ARM = "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid"
ARM_PATHS = {
    "topic": f"GET\n{ARM}/topics/orders?api-version=2022-06-15\n",
    "keys": f"POST\n{ARM}/topics/orders/listKeys?api-version=1\n",
    "nested": f"PUT\n{ARM}/domains/d/topics/t/eventSubscriptions/e?api-version=1\n",
    "extension": f"PUT\n{ARM}/topics/t/providers/Microsoft.EventGrid/eventSubscriptions/e?api-version=1\n",
    "resource": "GET\n/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a"
                "/providers/Microsoft.EventGrid/eventSubscriptions?api-version=1\n",
    "list": f"GET\n{ARM}/topics?api-version=1&$filter=contains(name%2C%27x%27)&$top=5&$skiptoken=a\ncontains(name,'a')",
    "types": "GET\n/providers/Microsoft.EventGrid/topicTypes/Microsoft.Maps.Accounts/eventTypes?api-version=1\n",
    "short": "POST\n/api/eventgrid/systemTopics/s/eventSubscriptions/e/resend\nname eq 'alpha' or name ne 'x-1'",
    "consent": "GET\n/eventgrid/validate?id=x\nnot contains(name,'et')",
    "encoded": "GET\n/api/eventgrid/topics/a%2Fb%00?%24top=100\n ",
    "refused": f"TRACE\n{ARM}/topics/orders\nlocation eq 'x'",
}


def write(target, seeds):
    folder = pathlib.Path(__file__).parent / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        (folder / name).write_bytes(data)


# The first line: 0 to 2 a subscription by its source's schema, 3 to 5 topic, domain, system topic, 6 a PATCH.
WEBHOOK = '"destination":{"endpointType":"WebHook","properties":{"endpointUrl":"https://u:p@h:8/x?code=a"%s}}'
MAPPING = ('"inputSchemaMapping":{"inputSchemaMappingType":"Json","properties":{"id":{"sourceField":"i"},"topic":{"sourceField":"t"},'
           '"eventTime":{"sourceField":"e"},"eventType":{"sourceField":"y","defaultValue":"d"},"subject":{"defaultValue":""},'
           '"dataVersion":{"sourceField":"v"}}}')
RESOURCES = {
    "webhook": "0\n{" + WEBHOOK % (
        ',"maxEventsPerBatch":10,"preferredBatchSizeInKilobytes":64,"azureActiveDirectoryTenantId":"t",'
        '"azureActiveDirectoryApplicationIdOrUri":"a","minimumTlsVersionAllowed":"1.2","skipValidation":true,"sendDataSchema":false,'
        '"signingSecret":"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=","maxConcurrentRequests":3,"maxRequestsPerSecond":0,'
        '"requestTimeoutInSeconds":5,"deliveryAttributeMappings":[{"name":"X-S","type":"Static","properties":{"value":"v","isSecret":true}},'
        '{"name":"X-D","type":"Dynamic","properties":{"sourceField":"data.k"}}]') + "}",
    "filters": '1\n{"properties":{' + WEBHOOK % "" + (
        ',"filter":{"subjectBeginsWith":"/a","subjectEndsWith":".jpg","includedEventTypes":["a","All"],"isSubjectCaseSensitive":true,'
        '"enableAdvancedFilteringOnArrays":true,"advancedFilters":[{"operatorType":"NumberIn","key":"data.n","values":[1,-2.5e3]},'
        '{"operatorType":"NumberNotInRange","key":"data.n","value":[1,2]},{"operatorType":"BoolEquals","key":"b","value":true},'
        '{"operatorType":"StringContains","key":"Subject","value":"\\u00e9"},{"operatorType":"IsNotNull","key":"data.z"}]}}}'),
    "beyond": ('2\n{"destination":{"endpointType":"MqttTopic","properties":{"topic":"a/{type}/{id}","retain":true}},"filter":{'
               '"enableExtendedFiltering":true,"advancedFilters":[{"operatorType":"Any","filters":[{"operatorType":"StringMatches","key":"k",'
               '"values":["a*?"]},{"operatorType":"NumberLessThan","key":"k","value":0.1}]}]},"eventDeliverySchema":"CustomInputSchema"}'),
    "web-pub-sub": ('0\n{"destination":{"endpointType":"WebPubSub","properties":{"hub":"Chat","group":"room"}},"labels":["a"],'
                    '"expirationTimeUtc":"2031-01-01T00:00:00.5+01:00","retryPolicy":{"maxDeliveryAttempts":5,"eventTimeToLiveInMinutes":60,'
                    '"backoffInSeconds":[1,10],"probation":false},"deadLetterDestination":{"endpointType":"EventGridTopic",'
                    '"properties":{"topicName":"dead"}}}'),
    "identities": ('0\n{"deliveryWithResourceIdentity":{"identity":{"type":"SystemAssigned"},"destination":{"endpointType":"EventGridTopic",'
                   '"properties":{"resourceId":"/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/topics/abc"}}},'
                   '"deadLetterWithResourceIdentity":{"identity":{},"deadLetterDestination":{"endpointType":"StorageBlob",'
                   '"properties":{"blobContainerName":"abc","resourceId":"/x"}}}}'),
    "to-namespace": ('1\n{"destination":{"endpointType":"NamespaceTopic","properties":{"resourceId":"/subscriptions/s/resourceGroups/g/'
                     'providers/Microsoft.EventGrid/namespaces/abc/topics/abc"}}}'),
    "unavailable": '0\n{"destination":{"endpointType":"EventHub","properties":{"resourceId":"/x"}},"lables":5}',
    "queue": ('7\n{"deliveryConfiguration":{"deliveryMode":"Queue","queue":{"receiveLockDurationInSeconds":60,"maxDeliveryCount":4,'
              '"eventTimeToLive":"P1DT2H3M4S","deadLetterDestinationWithResourceIdentity":{"identity":{},"deadLetterDestination":{"endpointType":'
              '"StorageBlob","properties":{"blobContainerName":"abc"}}}}},"filtersConfiguration":{"includedEventTypes":["a"],"filters":['
              '{"operatorType":"StringContains","key":"data.k","values":["v"]}]}}'),
    "push": '7\n{"properties":{"deliveryConfiguration":{"deliveryMode":"Push","push":{"eventTimeToLive":"P1W",' + WEBHOOK % "" + '}}}}',
    "namespace-topic": '9\n{"properties":{"publisherType":"Custom","inputSchema":"CloudEventSchemaV1_0","eventRetentionInDays":7}}',
    "namespace": '8\n{"location":"l","properties":{"publicNetworkAccess":"Disabled","inboundIpRules":[{"ipMask":"::1"}]}}',
    "topic": ('3\n{"location":"westus","tags":{},"properties":{"inputSchema":"CustomEventSchema",' + MAPPING +
              ',"publicNetworkAccess":"Disabled","inboundIpRules":[{"ipMask":"10.0.0.0/8","action":"Allow"},{"ipMask":"::1"}],'
              '"disableLocalAuth":true,"eventRetentionInDays":7,"dataResidencyBoundary":"x","minimumTlsVersionAllowed":"1.2"}}'),
    "domain": ('4\n{"properties":{"inputSchema":"CloudEventSchemaV1_0","autoCreateTopicWithFirstSubscription":false,'
               '"autoDeleteTopicWithLastSubscription":true}}'),
    "system-topic": '5\n{"properties":{"source":"/x","topicType":"Microsoft.Storage.StorageAccounts"}}',
    "patch": ('6\n{"deliveryWithResourceIdentity":{},"labels":["a"],"filter":{}}\n{"properties":{"destination":{"endpointType":"WebPubSub",'
              '"properties":{"hub":"chat"}},"labels":["z"],"filter":null}}'),
}
write("packet", {name: packet(*row) for name, row in PACKETS.items()})
write("properties", {name: to_bytes(row) for name, row in PROPERTIES.items()})
METRICS = {
    "of_a_process": "0/uptime_seconds 12\n1/connections/chat/json.webpubsub.azure.v1 3\n1/ready 1\n",
    "ends": "0/closed_total/chat/raw/SlowClient 3\n0/closed_total/_other/mqtt/PingTimeout 1",
    "histogram": "63/rest_request_seconds/send 1 2 3 4 5 6 7 8 9 10 11 12 13 14 99999\n",
    "of_the_broker": "uptime 12 seconds\nversion 0.1\nstore/state read-only\nclients/connected 4\n",
    "escapes": '0/asks_total/a"b\\c 1\nversion "\\\n',
    "cleared": "0/ready 1\n0/ready \n",
    "wrong": "64/ready 1\n0/ready 18446744073709551616\n0/ready/x 1\n/ready 1\n0/connections//x 1\n",
}
write("metrics", {name: row.encode() for name, row in METRICS.items()})
CLIENT = '{"name":"client1","attributes":{"type":"sensor","floor":2,"sensors":["motion","a/b"],"area":"east"}}'
CLIENT_QUERIES = {
    "and-or": "attributes.type = 'sensor' AND attributes.floor IN [1,2] or authenticationName <> \"x\"\n" + CLIENT,
    "parentheses": "((attributes.floor >= -2) and attributes.sensors != 'motion')\n" + CLIENT,
    "mistake": "attributes.floor < 'x'\n" + CLIENT,
    "umlaut": "attributes.area = '\u00fc' ;\n{}",
}
TEMPLATES = {
    "variables": "d/${client.authenticationName|.f}/x${client.attributes.area}y/${client.attributes.sensors}/+/#\n" + CLIENT,
    "dollar": "${dollar}SYS/${client.attributes.floor}\n" + CLIENT,
    "rule": "d/%u/%c/#\n" + CLIENT,
    "mistake": "a/${client.attributes.}\n{}",
}
AUTHORITY = (
    "-----BEGIN CERTIFICATE-----\\n"
    "MIIBcDCCARegAwIBAgIUMq9UNSuHKXYs3NQulGFJxK2JjDIwCgYIKoZIzj0EAwIw\\n"
    "DTELMAkGA1UEAwwCY2EwIBcNMjYxMTI4MTUxNjM0WhgPMjEyNjExMDQxNTE2MzRa\\n"
    "MA0xCzAJBgNVBAMMAmNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESo2NQiJJ\\n"
    "6KuStRnlZEiY/k/DDlolbPWV55erWussU2/9ml/ec2sU49I1zAa5t4/ktTEt9xyP\\n"
    "xZcV0TNQtbMGU6NTMFEwHQYDVR0OBBYEFNQBPh8IQMf9BEqpg6CkukVqNGgMMB8G\\n"
    "A1UdIwQYMBaAFNQBPh8IQMf9BEqpg6CkukVqNGgMMA8GA1UdEwEB/wQFMAMBAf8w\\n"
    "CgYIKoZIzj0EAwIDRwAwRAIgB/p49/GWLS7ELrwswdtLo0yLgo99Ovue1gTFQNmO\\n"
    "CjwCIHujR3Bl0BcEVZio41hQtZX7WPJNCFgRloD/3l4+2Cge\\n"
    "-----END CERTIFICATE-----\\n"
)
CHILDREN = {
    "client": 'clients\n{"properties":{"authenticationName":"c\u00fc","state":"Disabled","description":"d",'
              '"clientCertificateAuthentication":{"validationScheme":"ThumbprintMatch","allowedThumbprints":["' + "aB" * 32 +
              '"]},"attributes":{"room":"345","floor":-12,"types":["Fan","Li\\u0067ht"]}}}',
    "group": 'clientGroups\n{"properties":{"query":"attributes.floor IN [1,2]","description":"d"}}',
    "space": 'topicSpaces\n{"topicTemplates":["d/${client.authenticationName}/#","a"]}',
    "binding": 'permissionBindings\n{"clientGroupName":"$all","topicSpaceName":"abc","permission":"Subscriber"}',
    "certificate": 'caCertificates\n{"properties":{"encodedCertificate":"' + AUTHORITY + '"}}',
}
write("namespace_child", {name: row.encode() for name, row in CHILDREN.items()})
write("client_query", {name: row.encode() for name, row in CLIENT_QUERIES.items()})
write("topic_template", {name: row.encode() for name, row in TEMPLATES.items()})
write("topic_filter", {name: row.encode() for name, row in TOPICS.items()})
write("config", {name: row.encode() for name, row in CONFIGS.items()})
write("hub_settings", {name: row.encode() for name, row in HUB_SETTINGS.items()})
write("scram", {name: row.encode() for name, row in SCRAMS.items()})
write("session", {name: script(row) for name, row in SCRIPTS.items()})
write("bench_websocket", {name: to_bytes(row) for name, row in BENCH_FRAMES.items()})
write("recover", {name: recovery(row) for name, row in RECOVERIES.items()})
write("trunk_frame", {name: frames(row) for name, row in FRAMES.items()})
write("protobuf_frame", {name: message(row) for name, row in MESSAGES.items()})
write("json_frame", {name: bytes([8 * i + i % 4]) + row.encode() for i, (name, row) in enumerate(JSON_FRAMES.items())})
write("jwt", {name: row.encode() for name, row in JWTS.items()})
write("upgrade", {name: row.encode() for name, row in UPGRADES.items()})
write("http_answer", {name: bytes([5]) + row.encode() for name, row in HTTP_ANSWERS.items()})
write("webhook_answer", {name: row.encode() for name, row in ANSWERS.items()})
write("sign_in_answer", {name: row.encode() for name, row in SIGN_INS.items()})
write("sign_in_token", {name: row.encode() for name, row in SIGN_IN_CLAIMS.items()})
write("validation_answer", {name: row.encode() for name, row in CONSENTS.items()})
write("validation_url", {name: row.encode() for name, row in CONSENT_URLS.items()})
write("dead_letter", {name: row.encode() for name, row in LETTERS.items()})
write("pull_request", {name: row.encode() for name, row in PULLS.items()})
write("pull_wire", PULL_WIRE)
write("mqtt_request", {name: row.encode() for name, row in MQTT_REQUESTS.items()})
write("archive_line", {name: row.encode() for name, row in ARCHIVE_LINES.items()})
write("folder_journal", {name: row.encode() for name, row in FOLDER_JOURNALS.items()})
write("mqtt_client", {name: client(row) for name, row in CLIENTS.items()})
write("bridge_client", {name: browsers(row) for name, row in BROWSERS.items()})
write("staff", {name: to_bytes(row) for name, row in STAFF.items()})
write("rest_filter", {name: row.encode() for name, row in FILTERS.items()})
write("rest_request", {name: row.encode() for name, row in REQUESTS.items()})
write("http_head", {name: row.encode() for name, row in HTTP_HEADS.items()})
write("eventgrid_publish", {name: row.encode() for name, row in PUBLICATIONS.items()})
write("route_wrap", {name: routed(row) for name, row in ROUTED.items()})
write("eventgrid_sas", {name: row.encode() for name, row in SAS_TOKENS.items()})
write("eventgrid_filter", {name: row.encode() for name, row in FILTERED.items()})
write("resource", {name: row.encode() for name, row in RESOURCES.items()})
write("catalog", {name: row.encode() for name, row in CATALOG.items()})
write("arm_path", {name: row.encode() for name, row in ARM_PATHS.items()})
