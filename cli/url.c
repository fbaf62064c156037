/* Takes apart mqtt://, mqtts:// and socks5h:// URLs, in place.
 *
 * A host in brackets is an IPv6 address. The user part ends at the last '@' before the host, so a
 * password may contain '@'.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct scheme {
    const char *prefix;
    uint16_t port;
    bool tls;
} schemes[] = {{"mqtt://", 1883, false}, {"mqtts://", 8883, true}};

static const struct scheme proxy_scheme = {"socks5h://", 1080, false};

static bool has_prefix(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

static bool parse_port(uint16_t *out, const char *text)
{
    char *end;
    long port = strtol(text, &end, 10);

    if (end == text || *end != '\0' || port < 1 || port > 65535) {
        fprintf(stderr, "Error: Invalid port given: %s\n", text);
        return false;
    }
    *out = (uint16_t)port;
    return true;
}

static bool parse_host(struct url *out, char *text)
{
    char *colon = strrchr(text, ':');

    if (text[0] == '[') {
        char *bracket = strchr(text, ']');

        if (bracket == NULL) {
            fprintf(stderr, "Error: Invalid URL: ']' is missing.\n");
            return false;
        }
        *bracket = '\0';
        text++;
        colon = bracket[1] == ':' ? bracket + 1 : NULL;
    }
    out->host = text;
    if (colon == NULL) {
        return true;
    }
    *colon = '\0';
    return parse_port(&out->port, colon + 1);
}

/* [user[:password]@]host[:port] */
static bool parse_authority(struct url *out, char *text)
{
    char *at = strrchr(text, '@');

    if (at != NULL) {
        char *colon = strchr(text, ':');

        *at = '\0';
        if (colon != NULL && colon < at) {
            *colon = '\0';
            out->password = colon + 1;
        }
        out->user_name = text;
        text = at + 1;
    }
    return parse_host(out, text);
}

bool url_parse(struct url *out, char *text)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        const struct scheme *scheme = &schemes[i];
        char *rest, *slash;

        if (!has_prefix(text, scheme->prefix)) {
            continue;
        }
        *out = (struct url){.tls = scheme->tls, .port = scheme->port};
        rest = text + strlen(scheme->prefix);
        slash = strchr(rest, '/');
        if (slash == NULL) {
            fprintf(stderr, "Error: Invalid URL for -L argument specified - topic missing.\n");
            return false;
        }
        *slash = '\0';
        out->topic = slash + 1;
        return parse_authority(out, rest);
    }
    fprintf(stderr, "Error: unsupported URL scheme.\n");
    return false;
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    digit = (char)(digit | 0x20);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* The result is never longer, so it is written over the input. */
static void decode_percent(const char *text)
{
    char *out = (char *)(uintptr_t)text;

    for (; text != NULL && *text != '\0'; out++) {
        if (text[0] == '%' && hex_digit(text[1]) >= 0 && hex_digit(text[2]) >= 0) {
            *out = (char)(hex_digit(text[1]) << 4 | hex_digit(text[2]));
            text += 3;
        } else {
            *out = *text++;
        }
    }
    if (out != NULL) {
        *out = '\0';
    }
}

bool url_parse_proxy(struct url *out, char *text)
{
    if (!has_prefix(text, proxy_scheme.prefix)) {
        fprintf(stderr, "Error: Unsupported proxy protocol: %s\n", text);
        return false;
    }
    *out = (struct url){.port = proxy_scheme.port};
    if (!parse_authority(out, text + strlen(proxy_scheme.prefix))) {
        return false;
    }
    if (out->host[0] == '\0') {
        fprintf(stderr, "Error: Invalid proxy.\n");
        return false;
    }
    decode_percent(out->user_name);
    decode_percent(out->password);
    return true;
}
