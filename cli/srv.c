/* Asks the system's resolver for SRV records and picks one: lowest priority, then highest weight.
 *
 * RFC 2782 wants a random choice by weight; a tool that connects once gains nothing by it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "srv.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>

enum { ANSWER_BYTES = 4096, SRV_HEAD_BYTES = 6 };

struct record {
    unsigned priority, weight;
    uint16_t port;
    char host[NS_MAXDNAME];
};

static bool read_record(const ns_msg *message, int index, struct record *out)
{
    ns_rr rr;
    const unsigned char *data;

    if (ns_parserr((ns_msg *)(uintptr_t)message, ns_s_an, index, &rr) != 0 ||
        ns_rr_type(rr) != ns_t_srv || ns_rr_rdlen(rr) <= SRV_HEAD_BYTES) {
        return false;
    }
    data = ns_rr_rdata(rr);
    out->priority = ns_get16(data);
    out->weight = ns_get16(data + 2);
    out->port = (uint16_t)ns_get16(data + 4);
    return dn_expand(ns_msg_base(*message), ns_msg_end(*message), data + SRV_HEAD_BYTES, out->host,
                     sizeof(out->host)) > 0;
}

static bool is_better(const struct record *a, const struct record *b)
{
    return a->priority < b->priority || (a->priority == b->priority && a->weight > b->weight);
}

bool srv_find(const char *domain, bool tls, char *host, size_t host_size, uint16_t *port)
{
    unsigned char answer[ANSWER_BYTES];
    char name[NS_MAXDNAME];
    struct record best = {.priority = UINT16_MAX + 1u}, record;
    ns_msg message;
    int length;

    snprintf(name, sizeof(name), "_%smqtt._tcp.%s", tls ? "secure-" : "", domain);
    length = res_search(name, ns_c_in, ns_t_srv, answer, sizeof(answer));
    if (length < 0 || ns_initparse(answer, length, &message) != 0) {
        return false;
    }
    for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
        if (read_record(&message, i, &record) && is_better(&record, &best)) {
            best = record;
        }
    }
    if (best.priority > UINT16_MAX) {
        return false;
    }
    snprintf(host, host_size, "%s", best.host);
    *port = best.port;
    return true;
}
