/* What a conversation is held with: the core in this process, our broker, or a foreign one.
 *
 * A target starts from nothing for every file, so files never see each other's sessions or
 * retained messages. Opening a link and closing it stand for a network connection.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERSATION_RUNNER_TARGET_H
#define CONVERSATION_RUNNER_TARGET_H

#include "base/buffer.h"
#include "runner_script.h"

struct target;
struct target_link;

struct target_settings {
    const char *broker;    /* path of the program to start (pubgrid-broker or mosquitto) */
    const char *directory; /* own, existing, for sockets, logs and certificates */
    unsigned port;         /* first of some free ports; 0: none wanted */
    unsigned workers;      /* 0: the broker's default */
    unsigned pieces;       /* bytes that a client sends at a time; 0: as many as it has */
};

enum target_receive { TARGET_BYTES, TARGET_TIMEOUT, TARGET_CLOSED };

struct target_operations {
    const char *name; /* as in `--target` and in `# skip <name>:` */
    bool is_foreign;  /* an oracle: how it words a refusal is not compared */
    bool fake_clock;  /* advance() is exact and costs nothing; nothing happens on its own */
    struct target *(*new)(const struct target_settings *settings);
    void (*free)(struct target *target);
    /* Why the script cannot run here (a static or script-owned text), or NULL. */
    const char *(*unsupported)(struct target *target, const struct script *script);
    /* A fresh broker with the script's options; false: a message is in `report`. */
    bool (*begin)(struct target *target, const struct script *script, struct buffer *report);
    /* Ends what begin() began; false: it did not end well (a crash, a sanitizer's finding), see
     * `report`. */
    bool (*end)(struct target *target, struct buffer *report);
    /* `transport`: "tcp", "tls", "unix", or NULL for the target's own. NULL if refused. */
    struct target_link *(*open)(struct target *target, const char *transport);
    void (*send)(struct target_link *link, struct slice bytes);
    /* Appends what has come, waiting for it at most `timeout_ms`. */
    enum target_receive (*receive)(struct target_link *link, struct buffer *in, int timeout_ms);
    /* Closes if it is still open, and frees. */
    void (*close)(struct target_link *link);
    void (*advance)(struct target *target, msec_t duration);
    /* The client stops reading, or reads again; NULL: cannot be arranged. */
    void (*stall)(struct target_link *link, bool stalled);
    /* Begins a graceful stop of the broker; NULL: not looked at. */
    void (*stop)(struct target *target);
    /* The access rules in the header lines right above this line take the place of all; NULL:
     * cannot be arranged. */
    void (*change_rules)(struct target *target, const struct script *script,
                         const struct line *line);
    /* The store commits nothing any more, or commits again; NULL: cannot be arranged. */
    void (*hold_commits)(struct target *target, bool hold);
    /* It commits that many batches more, the oldest, and goes on holding. */
    void (*commit)(struct target *target, unsigned count);
    /* The broker ends without warning, with that many batches committed of which nobody hears, and
     * starts again with the same store; 0 shards: as many as before. All links are still to be
     * closed. False: it did not start, see `report`. NULL: cannot be arranged. */
    bool (*restart)(struct target *target, unsigned committed, const struct line *restart,
                    struct buffer *report);
};

extern const struct target_operations target_core, target_tcp, target_tls, target_unix,
    target_trunk, target_mosquitto;

#endif
