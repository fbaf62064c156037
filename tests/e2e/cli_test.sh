#!/bin/bash
# Runs `pubgrid pub` and `pubgrid sub` beside mosquitto_pub and mosquitto_sub with the same
# arguments, and compares what they print and how they exit.
#
# Usage: cli_test.sh [PUBGRID]     (default: pubgrid in $BIN or build/dev/bin)
# BROKER_HOST and BROKER_PORT name the broker; without them Debian's mosquitto is started, with
# listeners for TLS, a Unix socket and passwords as well. For another broker those tests run only if
# BROKER_TLS_PORT with BROKER_CA, BROKER_UNIX or BROKER_AUTH_PORT are set.
#
# Nothing is raced: messages wait as retained ones or in a session that was made before.
#
# SPDX-License-Identifier: Apache-2.0
set -u
export LC_ALL=C.UTF-8 TZ=UTC
root=$(cd "$(dirname "$0")/../.." && pwd)
pubgrid=$(realpath "${1:-${BIN:-$root/build/dev/bin}/pubgrid}") || exit 2
work=$(mktemp -d)
chmod 755 "$work"
export XDG_CONFIG_HOME=$work/config
mkdir "$XDG_CONFIG_HOME"
# Paho 1.3.12 loses the properties of a CONNACK; that is no fault of ours in a sanitizer build.
echo 'leak:libpaho-mqtt3as' >"$work/suppressions"
export LSAN_OPTIONS=suppressions=$work/suppressions:print_suppressions=0
passed=0 failed=0 run=0
broker_pid=

cleanup()
{
    [ -n "$broker_pid" ] && kill "$broker_pid" && wait "$broker_pid"
    rm -rf "$work"
}
trap cleanup EXIT

# --- a broker ------------------------------------------------------------------------------------

make_certificates()
{
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/ca.key" -out "$work/ca.crt" -days 2 \
        -subj "/CN=test CA"
    for name in server client; do
        openssl req -newkey rsa:2048 -nodes -keyout "$work/$name.key" -out "$work/$name.csr" \
            -subj "/CN=localhost"
        openssl x509 -req -in "$work/$name.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" \
            -CAcreateserial -days 2 -out "$work/$name.crt" \
            -extfile <(echo "subjectAltName=DNS:localhost")
    done
    chmod 644 "$work"/*.key
}

is_free()
{
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

start_mosquitto()
{
    # shellcheck source=tests/e2e/ports.sh
    . "$root/tests/e2e/ports.sh"
    take_port BROKER_PORT && take_port BROKER_TLS_PORT && take_port BROKER_AUTH_PORT
    BROKER_HOST=127.0.0.1 BROKER_CA=$work/ca.crt BROKER_UNIX=$work/socket
    make_certificates 2>/dev/null
    mosquitto_passwd -c -b "$work/passwords" alice secret
    cat >"$work/mosquitto.conf" <<CONF
user $(id -un)
per_listener_settings true
listener $BROKER_PORT 127.0.0.1
allow_anonymous true
listener $BROKER_TLS_PORT 127.0.0.1
allow_anonymous true
certfile $work/server.crt
keyfile $work/server.key
listener 0 $BROKER_UNIX
allow_anonymous true
listener $BROKER_AUTH_PORT 127.0.0.1
allow_anonymous false
password_file $work/passwords
CONF
    mosquitto -c "$work/mosquitto.conf" >"$work/mosquitto.log" 2>&1 &
    broker_pid=$!
    for _ in $(seq 100); do
        is_free "$BROKER_AUTH_PORT" || return 0
        kill -0 $broker_pid 2>/dev/null || break
        sleep 0.05
    done
    echo "cli: mosquitto does not start:" && cat "$work/mosquitto.log" && exit 2
}

# --- running both tools --------------------------------------------------------------------------

# tool KIND VERB ARGS...: KIND is mosquitto or pubgrid, VERB pub or sub
tool()
{
    local kind=$1 verb=$2
    shift 2
    if [ "$kind" = mosquitto ]; then
        timeout 20 "mosquitto_$verb" "$@"
    else
        timeout 20 "$pubgrid" "$verb" "$@"
    fi
}

verdict()
{
    local name=$1 message=$2

    run=$((run + 1))
    if [ -z "$message" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "not ok - $name: $message"
    fi
}

# Both runs have left $work/KIND.out, .err and .code.
compare()
{
    local name=$1 message=

    if ! cmp -s "$work/mosquitto.code" "$work/pubgrid.code"; then
        message="exit $(cat "$work/pubgrid.code"), mosquitto's $(cat "$work/mosquitto.code")"
        message+=$'\n'$(head -5 "$work/pubgrid.err")
    elif ! cmp -s "$work/mosquitto.out" "$work/pubgrid.out"; then
        message=$(diff -a "$work/mosquitto.out" "$work/pubgrid.out" | head -8)
    fi
    verdict "$name" "$message"
}

input=/dev/null
normal=(cat) # a filter that takes out what differs by nature, such as the time

any_failure= # set: one exit code that is not 0 is as good as another

# both NAME VERB ARGS...: the same arguments, word for word
both()
{
    local name=$1 verb=$2 kind
    shift 2
    for kind in mosquitto pubgrid; do
        tool $kind "$verb" "$@" <"$input" >"$work/raw" 2>"$work/$kind.err"
        echo $? >"$work/$kind.code"
        "${normal[@]}" <"$work/raw" >"$work/$kind.out"
    done
    [ -z "$any_failure" ] || sed -i 's/.*[1-9].*/failed/' "$work"/*.code
    compare "$name"
}

sub()
{
    local name=$1
    shift
    both "sub: $name" sub -h "$BROKER_HOST" -p "$BROKER_PORT" "$@"
}

# Also compares what is said on stderr, but for the program's name.
wrong()
{
    local name=$1 verb=$2 message=
    shift 2
    both "wrong: $name" "$verb" -h "$BROKER_HOST" -p "$BROKER_PORT" "$@"
    if ! diff <(grep -E '^(Error|Unable|Connection)' "$work/mosquitto.err") \
        <(grep -E '^(Error|Unable|Connection)' "$work/pubgrid.err") >"$work/diff"; then
        message=$(cat "$work/diff")
    fi
    verdict "wrong: $name, message" "$message"
}

keep()
{
    mosquitto_pub -h "$BROKER_HOST" -p "$BROKER_PORT" -q 1 -r "$@"
}

open_session()
{
    mosquitto_sub -h "$BROKER_HOST" -p "$BROKER_PORT" -i "$1" -c -q 2 -V 5 -x 300 -E -t "$2" \
        --retain-as-published
}

everything='%t|%q|%r|%C|%D|%E|%F|%R|%P|%l|%x'

# published NAME COUNT ARGS...: what arrives, in full, when each tool publishes below t/. The reader
# prints a retained message first: from then on it is subscribed.
published()
{
    local name=$1 count=$2 kind reader
    shift 2
    for kind in mosquitto pubgrid; do
        : >"$work/$kind.out"
        mosquitto_sub -h "$BROKER_HOST" -p "$BROKER_PORT" -V 5 -q 2 --retain-as-published \
            -t t/# -t r/one -C $((count + 1)) -W 10 -F "$everything" >"$work/$kind.out" 2>&1 &
        reader=$!
        wait_for "$work/$kind.out"
        tool $kind pub -h "$BROKER_HOST" -p "$BROKER_PORT" "$@" <"$input" 2>"$work/$kind.err"
        echo $? >"$work/$kind.code"
        wait $reader
        keep -t t/a -n
    done
    compare "pub: $name"
}

wait_for()
{
    for _ in $(seq 200); do
        [ -s "$1" ] && return
        sleep 0.02
    done
}

# ended NAME SIGNAL ARGS...: what the will's topic gets when the signal ends a subscriber that
# surely is connected (it has printed a retained message)
ended()
{
    local name=$1 signal=$2 kind session pid
    shift 2
    for kind in mosquitto pubgrid; do
        session=cli-test-$$-$run-$kind
        open_session "$session" "t/#"
        : >"$work/seen"
        if [ $kind = mosquitto ]; then
            mosquitto_sub -h "$BROKER_HOST" -p "$BROKER_PORT" -t r/one --will-topic t/will "$@" \
                >"$work/seen" 2>"$work/$kind.err" &
        else
            "$pubgrid" sub -h "$BROKER_HOST" -p "$BROKER_PORT" -t r/one --will-topic t/will "$@" \
                >"$work/seen" 2>"$work/$kind.err" &
        fi
        pid=$!
        wait_for "$work/seen"
        kill "-$signal" $pid
        wait $pid 2>/dev/null
        echo $? >"$work/$kind.code"
        # A subscriber that the signal has killed is still gone only when its will has come.
        [ "$signal" = KILL ] ||
            mosquitto_pub -h "$BROKER_HOST" -p "$BROKER_PORT" -t t/end -m end -q 2
        mosquitto_sub -h "$BROKER_HOST" -p "$BROKER_PORT" -i "$session" -c -q 2 -V 5 -x 0 \
            -t t/end -C 1 -W 5 -F "$everything" >"$work/$kind.out" 2>>"$work/$kind.err"
    done
    compare "signal: $name"
}

# --- the tests -----------------------------------------------------------------------------------

test_formats()
{
    local binary=$work/binary

    printf 'a\0b\377\n"\\end' >"$binary"
    keep -t r/one -m 'first payload'
    keep -t r/two -m '{ "a" : [1, 2.5, {"b": null}], "c":"d" , "e" : {} }'
    keep -t r/empty -m x
    keep -t r/binary -f "$binary"
    keep -t r/five -V 5 -D publish content-type text/plain -D publish correlation-data c0rr \
        -D publish payload-format-indicator 1 -D publish response-topic answer/here \
        -D publish user-property k1 v1 -D publish user-property k2 'v 2' -m 'five fields'

    sub "payload only" -t r/one -C 1
    sub "verbose" -t r/one -t r/two -C 2 -v
    sub "no line end" -t r/one -C 1 -N
    sub "binary payload" -t r/binary -C 1
    sub "hexadecimal" -t r/binary -C 1 -F '%x %X %l'
    sub "qos, retain, topic, percent" -q 1 -t r/one -C 1 -F '%% %q %r %t %p'
    sub "escapes" -t r/one -C 1 -F '\\ \a\e\n\r\t\v\0 @@ end'
    sub "width of text" -t r/one -C 1 -F '[%20t] [%-20t] [%3t] [%20.3t] [%.3t] [%020t]'
    sub "width of numbers" -t r/one -C 1 -F '[%8l] [%-8l] [%08l] [%-08l] [%3m]'
    sub "width of payload" -t r/one -C 1 -F '[%5p] [%30p] [%-30p] [%8x] [%08X] [%-8x]'
    sub "property parts" -V 5 -t r/five -C 1 -F '%C|%D|%E|%F|%R|%P|%S|%A'
    sub "property parts, 3.1.1" -t r/five -C 1 -F '%C|%D|%E|%F|%R|%P|%S|%A'
    sub "property widths" -V 5 -t r/five -C 1 -F '[%20C] [%-12C] [%.4C] [%04F] [%6E] [%05S] [%14R]'
    sub "absent properties, widths" -V 5 -t r/one -C 1 -F '[%9C] [%09E] [%-6F] [%6R] [%3S]'
    sub "subscription identifier" -V 5 -D subscribe subscription-identifier 77 -t r/one -C 1 \
        -F '%S %5S %05S'
    sub "line end is no part of -F" -t r/one -C 1 -N -F '%t'
    sub "date" -t r/one -C 1 -F '@Y-@m-@d'
    normal=(sed -E 's/"tst":\t?"[^"]*"/"tst":"T"/; s/"mid":\t?[0-9]+/"mid":M/')
    sub "JSON with text" -t r/one -C 1 -F '%j'
    sub "JSON with escapes" -t r/two -C 1 -F '%j'
    sub "JSON with JSON" -t r/two -C 1 -F '%J'
    sub "JSON with properties" -V 5 -q 1 -t r/five -C 1 -F '%j'
    sub "JSON, indented" -V 5 -t r/two -C 1 -F '%J' --pretty
    sub "JSON, properties indented" -V 5 -t r/five -C 1 -F '%j' --pretty
    sub "JSON that is none" -t r/one -C 1 -F '%J'
    normal=(sed -E 's/[0-9]/9/g')
    sub "times" -t r/one -C 1 -F '%I|%U|@N|@H:@M:@S'
    normal=(cat)
}

test_subscribing()
{
    local session=cli-test-$$

    sub "time-out" -t r/one -W 1
    sub "time-out, MQTT 5" -V mqttv5 -t r/none -W 1
    sub "MQTT 3.1.1 by name" -V mqttv311 -t r/one -C 1
    sub "exit after subscribing" -E -t r/none
    sub "filter out" -t 'r/#' -T r/binary -T 'r/t+' -T r/two -C 3 -F '%t'
    sub "skip retained" -t 'r/#' -R -W 1
    sub "skip retained, MQTT 5" -V 5 -t 'r/#' -R -W 1
    sub "retained only" --retained-only -t r/one -W 1
    sub "unsubscribe" -t r/one -U r/one -t r/two -C 2
    sub "URL" -L "mqtt://$BROKER_HOST:$BROKER_PORT/r/one" -C 1 -v
    sub "client identifier, keep alive, bind" -i "$session" -k 10 -A 127.0.0.1 -t r/one -C 1
    sub "several topics and counts" -t r/one -t r/two -t r/five -C 2 -F '%t' -q 2
    sub "receive maximum, properties" -V 5 -D connect receive-maximum 5 \
        -D connect user-property a b -D disconnect user-property c d \
        -D unsubscribe user-property e f -U r/none -t r/one -C 1

    # mosquitto_sub 2.0.11 does not exit at the first message without the flag, as its page says.
    for kind in mosquitto pubgrid; do
        keep -t gone/1 -m x
        tool $kind sub -h "$BROKER_HOST" -p "$BROKER_PORT" -t 'gone/#' --remove-retained \
            --retained-only -W 1 -v >"$work/$kind.out" 2>"$work/$kind.err"
        mosquitto_sub -h "$BROKER_HOST" -p "$BROKER_PORT" -t 'gone/#' -W 1 >>"$work/$kind.out" \
            2>/dev/null
        echo 0 >"$work/$kind.code"
    done
    compare "sub: remove retained"

    for kind in mosquitto pubgrid; do
        tool $kind sub -h "$BROKER_HOST" -p "$BROKER_PORT" -i "$session" -c -E -q 1 -t s/one
        mosquitto_pub -h "$BROKER_HOST" -p "$BROKER_PORT" -q 1 -t s/one -m kept
        tool $kind sub -h "$BROKER_HOST" -p "$BROKER_PORT" -i "$session" -c -q 1 -t s/one \
            -C 1 -W 5 -F '%q %t %p' >"$work/$kind.out" 2>"$work/$kind.err"
        echo $? >"$work/$kind.code"
        tool $kind sub -h "$BROKER_HOST" -p "$BROKER_PORT" -i "$session" -E -t s/none
    done
    compare "sub: session kept with -c"

    for kind in mosquitto pubgrid; do
        tool $kind sub -h "$BROKER_HOST" -p "$BROKER_PORT" -V 5 -i "$session" -c -x 60 -E -q 1 \
            --retain-as-published -t s/two
        mosquitto_pub -h "$BROKER_HOST" -p "$BROKER_PORT" -q 1 -t s/two -m kept -r
        tool $kind sub -h "$BROKER_HOST" -p "$BROKER_PORT" -V 5 -i "$session" -c -x 0 -q 1 \
            -t s/none -C 1 -W 5 -F '%q %r %t %p' >"$work/$kind.out" 2>"$work/$kind.err"
        echo $? >"$work/$kind.code"
        mosquitto_pub -h "$BROKER_HOST" -p "$BROKER_PORT" -q 1 -t s/two -n -r
    done
    compare "sub: session expiry, retain as published"

    ended "interrupt, no will" INT --will-payload w
    ended "termination, MQTT 5 publishes the will" TERM -V 5 --will-payload w
    ended "kill, will with QoS and retain" KILL --will-payload 'last words' --will-qos 2
    ended "kill, will properties" KILL -V 5 --will-payload w -D will content-type text/x \
        -D will user-property a b -D will message-expiry-interval 5000
}

test_publishing()
{
    published "message" 1 -t t/a -m hello
    published "QoS 1, retain" 1 -t t/a -m hello -q 1 -r
    published "QoS 2" 1 -t t/a -m hello -q 2
    published "null message" 1 -t t/a -n -r
    published "file" 1 -t t/a -f "$work/binary" -q 1
    published "MQTT 5" 1 -V 5 -t t/a -m hello -q 1
    published "MQTT 3.1 style option names" 1 --topic t/a --message hello --qos 1 --id "cli-$$" \
        --keepalive 30 --nodelay --quiet
    published "properties" 1 -t t/a -m hello -D publish content-type text/plain \
        -D publish correlation-data c -D publish payload-format-indicator 1 \
        -D publish response-topic t/answer -D PUBLISH user-property a 'b c' \
        -D publish user-property a d -D connect session-expiry-interval 0 \
        -D disconnect user-property x y
    published "topic alias" 3 -V 5 -t t/a -m hello -q 1 -D publish topic-alias 1 --repeat 3
    published "repeat" 3 -t t/a -m hello -q 1 --repeat 3 --repeat-delay 0.05
    published "URL" 1 -L "mqtt://user:word@$BROKER_HOST:$BROKER_PORT/t/a" -m hello
    published "session" 1 -c -i "cli-$$" -t t/a -m hello -q 2
    input=$work/binary
    published "standard input" 1 -t t/a -s -q 1
    input=$work/lines
    seq 1 300 >"$input"
    echo >>"$input"
    echo 'grüße, "quoted" \ and	tab' >>"$input"
    published "lines, QoS 0" 302 -t t/a -l
    published "lines, QoS 1" 302 -t t/a -l -q 1 -M 7
    input=$work/few # mosquitto_sub 2.0.11 ends with a protocol error after some 30 of QoS 2
    head -15 "$work/lines" >"$input"
    published "lines, QoS 2, MQTT 5" 15 -t t/a -l -q 2 -V 5
    input=/dev/null
    published "no lines" 0 -t t/a -l
}

test_config_file()
{
    local tool

    for tool in mosquitto pubgrid; do
        printf '# defaults\n-t r/two\n-C 2\n-F %%t: %%l\n' >"$XDG_CONFIG_HOME/${tool}_sub"
        printf -- '-q 1\n-r\n' >"$XDG_CONFIG_HOME/${tool}_pub"
    done
    sub "configuration file" -t r/one
    published "configuration file" 1 -t t/a -m hello
    rm "$XDG_CONFIG_HOME"/*
}

test_errors()
{
    wrong "no topic" sub
    wrong "no message" sub -t
    wrong "unknown option" sub -t r/one --nonsense
    wrong "option of the other tool" sub -t r/one -m x
    wrong "QoS" sub -t r/one -q 3
    wrong "port" sub -t r/one -p 70000
    wrong "count" sub -t r/one -C 0
    wrong "time-out" sub -t r/one -W 0
    wrong "keep alive" sub -t r/one -k 3
    wrong "version" sub -t r/one -V 4
    wrong "topic filter" sub -t 'r/#/x'
    wrong "filter out" sub -t r/one -T 'a+'
    wrong "unsubscribe filter" sub -t r/one -U '#a'
    wrong "format" sub -t r/one -F '%y'
    wrong "format ends" sub -t r/one -F 'x%'
    wrong "escape" sub -t r/one -F '\y'
    wrong "-c without -i" sub -t r/one -c
    wrong "never expires without -i" sub -t r/one -V 5 -x -1
    wrong "expiry is no number" sub -t r/one -V 5 -x soon -i x
    wrong "-R with --retained-only" sub -t r/one -R --retained-only
    wrong "random filter" sub -t r/one --random-filter 0
    wrong "identifier and prefix" sub -t r/one -i a -I b
    wrong "URL scheme" sub -L http://x/y
    wrong "URL topic" sub -L mqtt://x
    wrong "will payload alone" sub -t r/one --will-payload x
    wrong "will topic" sub -t r/one --will-topic 'a/#'
    wrong "will QoS" sub -t r/one --will-topic a --will-qos 4
    wrong "certificate alone" sub -t r/one --cert x
    wrong "CA file" sub -t r/one --cafile /nonexistent
    wrong "PSK alone" sub -t r/one --psk 00
    wrong "property command" pub -t t/a -m x -D nonsense content-type x
    wrong "property name" pub -t t/a -m x -D publish nonsense x
    wrong "property place" pub -t t/a -m x -D publish receive-maximum 3
    wrong "property unsupported" pub -t t/a -m x -D auth reason-string x
    wrong "property words" pub -t t/a -m x -D publish content-type
    wrong "property range" pub -t t/a -m x -D publish payload-format-indicator 300
    wrong "property value" pub -t t/a -m x -D connect receive-maximum 0
    wrong "property twice" pub -t t/a -m x -D publish content-type a -D publish content-type b
    wrong "two messages" pub -t t/a -m x -n
    wrong "publish topic" pub -t 'a/#' -m x
    wrong "repeat" pub -t t/a -m x --repeat 0
    wrong "file" pub -t t/a -f /nonexistent
    wrong "empty input" pub -t t/a -s
    wrong "connection refused" sub -t r/one -p 1
    wrong "connection refused, quiet" pub -t t/a -m x -p 1 --quiet
    wrong "host" pub -t t/a -m x -h host.invalid
    wrong "Unix socket" pub -t t/a -m x --unix /nonexistent
    wrong "proxy" pub -t t/a -m x --proxy http://x
}

test_tls()
{
    local tls=(-h localhost -p "$BROKER_TLS_PORT" --cafile "$BROKER_CA" -t r/one -C 1 -W 5)

    both "TLS" sub "${tls[@]}"
    both "TLS 1.2" sub "${tls[@]}" --tls-version tlsv1.2
    both "TLS 1.3" sub "${tls[@]}" --tls-version tlsv1.3 -V 5
    both "TLS, insecure" sub "${tls[@]}" -h 127.0.0.1 --insecure
    # mosquitto's exit code depends on how far the handshake has come when it fails.
    any_failure=yes
    both "TLS, wrong name" sub "${tls[@]}" -h 127.0.0.1
    both "TLS, unknown CA" sub -h localhost -p "$BROKER_TLS_PORT" --tls-use-os-certs -t r/one -C 1
    any_failure=
    both "TLS, URL" sub -L "mqtts://localhost:$BROKER_TLS_PORT/r/one" --cafile "$BROKER_CA" -C 1
    both "TLS, version unknown" sub "${tls[@]}" --tls-version ssl3
    both "TLS from an address" sub "${tls[@]}" -A 127.0.0.1
    if [ -f "$work/client.crt" ]; then
        both "TLS, client certificate" sub "${tls[@]}" --cert "$work/client.crt" \
            --key "$work/client.key"
    fi
}

test_unix()
{
    # shellcheck disable=SC2016 # the dollar sign is the topic's
    both "Unix socket, sub" sub --unix "$BROKER_UNIX" -t '$SYS/broker/version' -C 1 -W 5
    both "Unix socket, pub" pub --unix "$BROKER_UNIX" -t t/a -m x -q 2
}

test_passwords()
{
    local version
    local auth=(-h "$BROKER_HOST" -p "$BROKER_AUTH_PORT")

    for version in 311 5; do
        wrong "not authorized, $version" sub "${auth[@]}" -V $version -t a -W 5
        wrong "password, $version" sub "${auth[@]}" -V $version -t a -u alice -P wrong -W 5
        both "password, pub, $version" pub "${auth[@]}" -V $version -t a -m x -u alice -P wrong
        both "logged in, $version" pub "${auth[@]}" -V $version -t a -m x -q 1 -u alice -P secret
    done
    both "logged in by URL" pub -L "mqtt://alice:secret@$BROKER_HOST:$BROKER_AUTH_PORT/a" -m x
}

# complete_words WORDS...: what completes the last of them
complete_words()
{
    COMP_WORDS=("$pubgrid" "$@")
    COMP_CWORD=$#
    _pubgrid
    echo "${COMPREPLY[*]}"
}

completes()
{
    local wanted=$1 got
    shift
    got=$(complete_words "$@")
    verdict "completion of $*" "$([ "$got" = "$wanted" ] || echo "is '$got'")"
}

test_documentation()
{
    local verb option missing

    for verb in pub sub hub; do
        missing=
        for option in $("$pubgrid" $verb --help |
            sed -nE 's/^  (-[A-Za-z], )?(--?[A-Za-z0-9-]+).*/\1\2/p' | tr -d ,); do
            grep -qE "^\.It .*Fl ${option#-}( |\$)" "$root/docs/man/pubgrid-$verb.1" ||
                missing+=" $option"
        done
        verdict "man page of $verb" "${missing:+lacks$missing}"
    done
    missing=
    for option in $("$pubgrid" event --help | grep -oE -- '--[a-z-]+' | sort -u); do
        grep -qE "^\.It .*Fl ${option#-}( |\$)" "$root/docs/man/pubgrid-event.1" || missing+=" $option"
    done
    verdict "man page of event" "${missing:+lacks$missing}"
    # shellcheck source=/dev/null
    . "$root/conf/completion/pubgrid.bash"
    completes "serve sub store" s
    completes "--retain-as-published --retained-only" sub --reta
    completes "0 1 2" pub -q ""
    completes "content-type correlation-data" pub -D publish c
    completes "list log" hub l
    completes "--follow" hub log chat --fo
    completes "send subscription system-topic" event s
    completes "create" event subscription c
    completes "keys" event domain k
    completes "--retention-days" event topic create orders --rete
    completes "$root/CMakeLists.txt" hub set chat "$root/CMakeL"
    completes "$root/CMakeLists.txt" sub --cafile "$root/CMakeL"
}

[ -n "${BROKER_PORT:-}" ] || start_mosquitto
: "${BROKER_HOST:=127.0.0.1}"
test_formats
test_subscribing
test_publishing
test_config_file
test_errors
[ -z "${BROKER_TLS_PORT:-}" ] || test_tls
[ -z "${BROKER_UNIX:-}" ] || test_unix
[ -z "${BROKER_AUTH_PORT:-}" ] || test_passwords
test_documentation
echo "cli: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
