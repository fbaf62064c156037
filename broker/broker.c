/* Wiring: which part gets which other part, and in which order they begin and end.
 *
 *   begin: store opened, authenticator, listeners, workers' state, store loaded, threads
 *   end:   workers' threads, authenticator's thread, store, connections and mail, state, listeners
 *
 * Mail may be under way from any thread to any worker as long as threads run, so no worker is taken
 * apart before all threads have ended.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "broker.h"

#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "core/facts.h"
#include "core/message.h"
#include "core/recover.h"
#include "core/retained.h"
#include "core/session_counts.h"
#include "hearing.h"
#include "namespaces.h"
#include "net/auth.h"
#include "net/listener.h"
#include "net/worker.h"
#include "swap.h"

enum {
    DRAIN_MS = 5000,
    TRUNK_STALL_MS = 30000,
};

struct server {
    struct config *options; /* that it was started with; owned */
    struct config *current; /* that it was reloaded with, or `options`; owned */
    struct broker broker;
    struct worker_group group;
    struct shard **shards; /* [group.count], inside group.workers */
    struct auth_service *auth;
    struct namespaces *namespaces; /* of the main thread */
    struct hearing hearing;        /* likewise */
    bool is_hearing;               /* hearing_init() was called */
    struct listener **first_of;    /* [options->listener_count]: the first socket of each */
    unsigned workers_made;         /* worker_init() was called for these */
    _Atomic unsigned pings_open;   /* signs of life that are asked for */
};

/* ---------------------------------------------------------------- options */

static struct tls_files tls_files_of(const struct listener_config *config)
{
    return (struct tls_files){
        .certificate = config->certificate,
        .key = config->key,
        .authorities = config->ca,
        .revoked = config->crl,
        .require_client_certificate = config->require_client_certificate,
    };
}

/* Three quarters of the machine's memory, unless the configuration says how much. */
static uint64_t memory_maximum(const struct config *options)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

    if (options->core.memory_maximum > 0 || pages <= 0 || size <= 0) {
        return options->core.memory_maximum;
    }
    return (uint64_t)pages * (uint64_t)size / 4 * 3;
}

static struct settings *settings_from(const struct config *options,
                                      const struct namespaces *namespaces)
{
    struct core_options core = options->core;
    struct rule_set *rules =
        rule_set_new_of_rules(options->access_rules, options->access_rule_count);

    core.memory_maximum = memory_maximum(options);
    namespaces_limit(namespaces, &core);
    namespaces_add_rules(namespaces, rules);
    return settings_new(&core, rules);
}

/* Who may come in, as net/auth.c wants to hear it. The groups are the caller's to free. */
static struct auth_options auth_options_from(const struct config *options)
{
    struct group_members *groups =
        memory_allocate_zero((options->group_count + 1) * sizeof(*groups));

    for (size_t i = 0; i < options->group_count; i++) {
        groups[i] = (struct group_members){
            .name = options->groups[i].name,
            .users = options->groups[i].users,
            .user_count = options->groups[i].user_count,
        };
    }
    return (struct auth_options){
        .password_file = options->password_file,
        .scram = options->scram,
        .groups = groups,
        .group_count = options->group_count,
        .webhook_ca = options->bridge.webhook_ca,
    };
}

static void auth_options_release(struct auth_options *auth)
{
    free((void *)(uintptr_t)auth->groups);
}

static unsigned processors_available(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) < 0) {
        return 1;
    }
    return (unsigned)CPU_COUNT(&set);
}

static unsigned worker_count(const struct config *options)
{
    unsigned count = options->workers > 0 ? options->workers : processors_available();

    return count < SHARDS_MAX ? count : SHARDS_MAX;
}

/* ---------------------------------------------------------------- start */

/* Another broker that has the store has the bridges, too: this one goes on without them until it
 * gets the store, and then starts anew. */
static bool bridges_are_elsewhere(const struct server *server, struct buffer *error)
{
    if (atomic_load(server->broker.store_state) != STORE_UNAVAILABLE) {
        return false;
    }
    log_write(LOG_WARNING, "no trunk for bridges", "reason=\"%.*s\"", SLICE_PRINT(*error));
    error->length = 0;
    return true;
}

/* Where bridges come in: before the others, for those who wait on their sockets. */
static bool listen_for_bridges(struct server *server, struct buffer *error)
{
    const struct config *options = server->options;
    struct listener_options wanted = {
        .path = options->bridge.trunk,
        .mode = S_IRUSR | S_IWUSR,
        .is_trunk = true,
    };

    server->group.trunk_access = (struct trunk_access){
        .anonymous_on_loopback = options->allow_anonymous != ANONYMOUS_NO,
        .anonymous_elsewhere = options->allow_anonymous == ANONYMOUS_YES,
        .stall_ms = TRUNK_STALL_MS,
    };
    return options->bridge.processes == 0 ||
           listener_open(&wanted, &server->group.listeners, &server->group.listener_count, error) ||
           bridges_are_elsewhere(server, error);
}

static bool server_listen(struct server *server, struct buffer *error)
{
    const struct config *options = server->options;

    server->first_of =
        memory_allocate_zero((options->listener_count + 1) * sizeof(*server->first_of));
    if (!listen_for_bridges(server, error)) {
        return false;
    }
    for (size_t i = 0; i < options->listener_count; i++) {
        const struct listener_config *config = &options->listeners[i];
        struct tls_files files = tls_files_of(config);
        struct listener_options wanted = {
            .address = config->address,
            .port = config->port,
            .path = config->kind == LISTENER_UNIX ? config->path : NULL,
            .mode = config->mode,
            .tls = config->kind == LISTENER_TLS ? &files : NULL,
            .anonymous_allowed = config->allow_anonymous,
            .use_certificate_as_user = config->use_certificate_as_user,
        };
        size_t before = server->group.listener_count;
        if (!listener_open(&wanted, &server->group.listeners, &server->group.listener_count,
                           error)) {
            return false;
        }
        server->first_of[i] = server->group.listeners[before];
    }
    return listeners_listen(server->group.listeners, server->group.listener_count, error);
}

/* Bytes of heap, for $SYS and the bound. A drained backlog leaves much of the heap unused; what is
 * unused is given back, unless it was tried and could not be. Called by one worker, once a second.
 */
static uint64_t memory_used(void)
{
    enum { UNUSED_MUCH = 64 << 20 };
    static size_t unused_left;
    struct mallinfo2 info = mallinfo2();
    size_t unused = info.fordblks;

    if (unused > UNUSED_MUCH && unused > info.uordblks / 2 && unused > unused_left * 2) {
        malloc_trim(0);
        unused_left = unused;
    } else if (unused < unused_left / 2) {
        unused_left = unused;
    }
    return info.uordblks + info.hblkhd;
}

static void store_numbers(void *context, struct store_numbers *numbers)
{
    struct worker_group *group = context;
    struct store_status status;

    store_get_status(group->store, &status);
    *numbers = (struct store_numbers){
        .used = status.used,
        .file_size = status.file_size,
        .commits = status.commits,
        .commit_us = status.commit_us,
        .commit_us_maximum = status.commit_us_maximum,
        .log_size = status.log_size,
    };
}

static void server_prepare(struct server *server)
{
    struct worker_group *group = &server->group;

    group->count = worker_count(server->options);
    group->workers = memory_allocate_zero(group->count * sizeof(*group->workers));
    group->mailboxes = memory_allocate_zero(group->count * sizeof(struct mailbox *));
    server->shards = memory_allocate_zero(group->count * sizeof(struct shard *));
    for (unsigned i = 0; i < group->count; i++) {
        group->mailboxes[i] = &group->workers[i].mailbox;
        server->shards[i] = &group->workers[i].shard;
    }
    group->connections_max = server->options->connections_max;
    server->broker = (struct broker){
        .shard_count = group->count,
        .shards = server->shards,
        .subscriptions = subscriptions_new(),
        .retained = retained_new(),
        .session_counts = session_counts_new(),
        .random = random_bytes,
        .started_at = clock_now(),
        .version = "pubgrid version " PUBGRID_VERSION,
        .memory_used = memory_used,
        .store_status = store_numbers,
        .store_context = group,
        .next_durable_id = 1,
    };
}

/* ---------------------------------------------------------------- the store */

static bool server_open_store(struct server *server, struct buffer *error)
{
    const struct config *options = server->options;
    struct store_options wanted = {
        .path = options->store_path ? options->store_path : ".",
        .size_maximum = options->store_size_maximum,
        .reserve = options->store_reserve,
        .save_bytes = options->store_save_bytes,
        .relaxed_ms = options->durability == DURABILITY_RELAXED ? options->relaxed_ms : 0,
        .core_version = CORE_FORMAT_VERSION,
        .shard_count = server->group.count,
        .mailboxes = server->group.mailboxes,
        .save = shard_save_mail,
    };

    server->group.store = store_open(&wanted, error);
    if (server->group.store) {
        server->broker.store_state = store_state(server->group.store);
        server->broker.store_posted = store_posted(server->group.store);
    }
    return server->group.store != NULL;
}

static void pin_frame(void *context, uint64_t position)
{
    store_pin(context, position);
}

static void unpin_frame(void *context, uint64_t position)
{
    store_unpin(context, position);
}

/* After the shards are made, before a thread runs. */
static bool server_load_store(struct server *server, struct buffer *error)
{
    struct store *store = server->group.store;
    struct recovery_pins pins = {store, pin_frame, unpin_frame};
    msec_t alive = store_last_alive(store), now = clock_now();
    struct recovery *recovery =
        recovery_new(&server->broker, &pins, alive > 0 && alive < now ? alive : now);
    struct store_loader loader = recovery_loader(recovery);
    bool good = store_load(store, &loader, error);

    if (good) {
        recovery_finish(recovery);
        good = store_start(store, error);
    }
    recovery_free(recovery);
    return good;
}

static bool server_start_auth(struct server *server, struct buffer *error)
{
    struct auth_options options = auth_options_from(server->options);

    server->auth = auth_start(&options, server->group.mailboxes, error);
    auth_options_release(&options);
    if (server->auth) {
        server->broker.authenticator = auth_table(server->auth);
    }
    return server->auth != NULL;
}

/* --------------------------------------------------------------- namespaces */

/* Clients of the MQTT namespace sign in as it says now. */
static void follow_namespaces(struct server *server, const struct config *options)
{
    bool asks = namespaces_set_sign_in(server->namespaces, server->auth, &options->bridge);

    for (size_t i = 0; i < server->group.listener_count; i++) {
        struct tls_context *tls = server->group.listeners[i]->access.tls;
        if (tls) {
            tls_context_ask(tls, asks);
        }
    }
}

/* What the store has brought counts from the first client on. */
static void apply_stored_namespaces(struct server *server)
{
    if (hearing_take_stored(&server->hearing, server->namespaces)) {
        struct settings *settings = settings_from(server->options, server->namespaces);
        for (unsigned i = 0; i < server->group.count; i++) {
            shard_reload(server->shards[i], settings_hold(settings));
        }
        settings_release(settings);
    }
    follow_namespaces(server, server->options);
}

/* ---------------------------------------------------------------- workers */

static bool server_make_workers(struct server *server, struct buffer *error)
{
    struct settings *settings = settings_from(server->options, server->namespaces);
    int failed = 0;

    for (unsigned i = 0; i < server->group.count && failed == 0; i++) {
        failed = worker_init(&server->group.workers[i], &server->group, i, &server->broker,
                             settings_hold(settings));
        server->workers_made += 1;
    }
    settings_release(settings);
    if (failed == 0 && !server_load_store(server, error)) {
        return false;
    }
    if (failed == 0) {
        apply_stored_namespaces(server);
    }
    for (unsigned i = 0; i < server->workers_made && failed == 0; i++) {
        failed = worker_start(&server->group.workers[i]);
    }
    if (failed < 0) {
        buffer_append_format(error, "cannot start %u workers: %s", server->group.count,
                             strerrordesc_np(-failed));
    }
    return failed == 0;
}

static bool server_listen_to_changes(struct server *server, struct buffer *error)
{
    int failed = hearing_init(&server->hearing, &server->broker);

    server->is_hearing = failed == 0;
    if (failed < 0) {
        buffer_append_format(error, "cannot listen to changes: %s", strerrordesc_np(-failed));
    }
    return failed == 0;
}

struct server *server_start(struct config *options, struct buffer *error)
{
    struct server *server = memory_allocate_zero(sizeof(*server));

    server->options = server->current = options;
    server->namespaces = namespaces_new();
    namespaces_set_declared(server->namespaces, buffer_slice(&options->event_grid.declared));
    server_prepare(server);
    if (!server_listen_to_changes(server, error) || !server_open_store(server, error) ||
        !server_start_auth(server, error) || !server_listen(server, error) ||
        !server_make_workers(server, error)) {
        server_stop(server);
        return NULL;
    }
    for (size_t i = 0; i < server->group.listener_count; i++) {
        const struct listener *listener = server->group.listeners[i];
        log_write(LOG_INFO, "listening", "address=%s tls=%s", listener->name,
                  listener->access.tls ? "yes" : "no");
    }
    log_write(LOG_INFO, "started", "version=%s workers=%u", PUBGRID_VERSION, server->group.count);
    return server;
}

/* ---------------------------------------------------------------- reload */

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* The new words on a listener that runs; NULL: it is in the configuration no more. */
static const struct listener_config *find_listener(const struct config *options,
                                                   const struct listener_config *running)
{
    for (size_t i = 0; i < options->listener_count; i++) {
        const struct listener_config *config = &options->listeners[i];
        if (config->kind == running->kind && config->port == running->port &&
            same_text(config->address, running->address)) {
            return config;
        }
    }
    return NULL;
}

static void reload_certificates(struct server *server, const struct config *options)
{
    for (size_t i = 0; i < server->options->listener_count; i++) {
        const struct listener *listener = server->first_of[i];
        const struct listener_config *config =
            find_listener(options, &server->options->listeners[i]);
        struct buffer error = {0};
        struct tls_files files;
        if (!listener->access.tls || !config) {
            continue;
        }
        files = tls_files_of(config);
        if (!tls_context_load(listener->access.tls, &files, &error)) {
            log_write(LOG_ERROR, "certificates kept", "address=%s reason=\"%.*s\"", listener->name,
                      SLICE_PRINT(error));
        }
        buffer_release(&error);
    }
}

static void reload_users(struct server *server, const struct config *options)
{
    struct auth_options wanted = auth_options_from(options);
    struct buffer error = {0};

    if (!auth_reload(server->auth, &wanted, &error)) {
        log_write(LOG_ERROR, "users kept", "reason=\"%.*s\"", SLICE_PRINT(error));
    }
    buffer_release(&error);
    auth_options_release(&wanted);
}

static void log_what_needs_a_restart(const struct server *server, const struct config *options)
{
    struct buffer names = {0};

    config_need_restart(server->options, options, &names);
    if (names.length > 0) {
        log_write(LOG_WARNING, "needs a restart", "options=\"%.*s\"", SLICE_PRINT(names));
    }
    buffer_release(&names);
}

/* What the configuration and the namespaces say now. */
static void take_into_force(struct server *server, struct slice marks)
{
    follow_namespaces(server, server->current);
    settings_swap(&server->group, settings_from(server->current, server->namespaces), marks);
}

void server_reload(struct server *server, struct config *options)
{
    log_what_needs_a_restart(server, options);
    reload_certificates(server, options);
    reload_users(server, options);
    namespaces_set_declared(server->namespaces, buffer_slice(&options->event_grid.declared));
    if (server->current != server->options) {
        config_free(server->current);
    }
    server->current = options;
    take_into_force(server, SLICE_EMPTY);
    log_write(LOG_INFO, "reloaded", "version=%s", PUBGRID_VERSION);
}

int server_news(const struct server *server)
{
    return server->hearing.mailbox.wake_fd;
}

void server_hear(struct server *server)
{
    struct buffer marks = {0};

    if (hearing_take(&server->hearing, server->namespaces, &marks)) {
        take_into_force(server, buffer_slice(&marks));
    } else if (marks.length > 0) {
        settings_swap(&server->group, NULL, buffer_slice(&marks));
    }
    buffer_release(&marks);
}

/* ---------------------------------------------------------------- signs of life */

struct ping {
    struct mail mail;
    _Atomic unsigned *open;
};

static void server_post(struct server *server, unsigned worker, struct mail *mail)
{
    struct mail_list list = {0};

    mail_list_add(&list, mail);
    mailbox_post(server->group.mailboxes[worker], &list);
}

static void ping_run(struct mail *mail, void *receiver)
{
    struct ping *ping = CONTAINER_OF(mail, struct ping, mail);

    if (receiver) {
        atomic_fetch_sub(ping->open, 1);
    }
    free(ping);
}

bool server_is_alive(struct server *server)
{
    if (atomic_load(&server->pings_open) > 0) {
        return false;
    }
    atomic_store(&server->pings_open, server->group.count);
    for (unsigned i = 0; i < server->group.count; i++) {
        struct ping *ping = memory_allocate_zero(sizeof(*ping));
        ping->mail.run = ping_run;
        ping->open = &server->pings_open;
        server_post(server, i, &ping->mail);
    }
    return true;
}

bool server_wants_restart(struct server *server)
{
    return store_has_returned(server->group.store);
}

/* ---------------------------------------------------------------- stop */

/* After the threads have ended. Also for a server whose start failed half-way. */
static void server_free(struct server *server)
{
    struct worker_group *group = &server->group;

    for (unsigned i = 0; i < server->workers_made; i++) {
        worker_close(&group->workers[i]);
    }
    if (server->auth) {
        auth_free(server->auth);
    }
    for (unsigned i = 0; i < server->workers_made; i++) {
        worker_release(&group->workers[i]);
    }
    for (size_t i = 0; i < group->listener_count; i++) {
        listener_close(group->listeners[i]);
    }
    if (server->is_hearing) {
        hearing_release(&server->hearing);
    }
    subscriptions_free(server->broker.subscriptions);
    retained_free(server->broker.retained);
    session_counts_free(server->broker.session_counts);
    namespaces_free(server->namespaces);
    if (server->current != server->options) {
        config_free(server->current);
    }
    config_free(server->options);
    free(group->listeners);
    free(group->mailboxes);
    free(group->workers);
    free(server->first_of);
    free(server->shards);
    free(server);
}

void server_stop(struct server *server)
{
    struct worker_group *group = &server->group;

    for (unsigned i = 0; i < server->workers_made; i++) {
        if (group->workers[i].started) {
            worker_stop(&group->workers[i], DRAIN_MS);
        }
    }
    for (unsigned i = 0; i < server->workers_made; i++) {
        worker_join(&group->workers[i]);
    }
    if (server->auth) {
        auth_stop(server->auth);
    }
    store_close(group->store);
    server_free(server);
}
