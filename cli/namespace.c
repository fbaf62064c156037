/* The command line of `pubgrid namespace`: what it is about (a row of a table; nothing is the
 * namespace itself), what to do with it (another), names, perhaps a file, and flags.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "namespace.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "grid_options.h"
#include "grid_request.h"
#include "input_file.h"
#include "log_lines.h"
#include "namespace_flags.h"

enum { RESOURCE_MAX = 1 << 20 };

static const char usage[] =
    "Usage: pubgrid namespace list\n"
    "       pubgrid namespace create|update NAMESPACE [FILE] [flags]\n"
    "       pubgrid namespace show|delete|keys NAMESPACE\n"
    "       pubgrid namespace regenerate-key NAMESPACE key1|key2\n"
    "       pubgrid namespace topic list NAMESPACE\n"
    "       pubgrid namespace topic create|update NAMESPACE TOPIC [FILE] [flags]\n"
    "       pubgrid namespace topic show|delete|keys NAMESPACE TOPIC\n"
    "       pubgrid namespace topic regenerate-key NAMESPACE TOPIC key1|key2\n"
    "       pubgrid namespace subscription list NAMESPACE TOPIC\n"
    "       pubgrid namespace subscription create|update NAMESPACE TOPIC NAME [FILE] [flags]\n"
    "       pubgrid namespace subscription show|delete NAMESPACE TOPIC NAME\n"
    "       pubgrid namespace client|group|space|binding|certificate list NAMESPACE\n"
    "       pubgrid namespace client|group|space|binding|certificate create NAMESPACE NAME [FILE]"
    " [flags]\n"
    "       pubgrid namespace client|group|space|binding|certificate show|delete NAMESPACE NAME\n"
    "\n"
    "FILE is the resource's JSON (-: standard input), in the words of Azure: "
    "{\"properties\":{..}}.\n"
    "create makes or replaces; see pubgrid-namespace(1).\n"
    "\n"
    "Namespaces:\n"
    "  --mqtt                     MQTT clients are those of this namespace\n"
    "  --route-topic id           MQTT messages become events of this topic\n"
    "  --session-expiry hours     of MQTT sessions, at most 8\n"
    "  --sessions number          MQTT sessions of an authentication name, at most 100\n"
    "Topics:\n"
    "  --retention-days number    how long events wait at most: 1 to 7\n"
    "Event subscriptions:\n"
    "  --lock-duration seconds    of events that were received: 60 to 300\n"
    "  --max-delivery-count number  1 to 10\n"
    "  --event-ttl duration       PT1M to the topic's retention, such as P1D\n"
    "  --dead-letter folder       of events that could not be delivered\n"
    "  --endpoint url             sends events to a webhook instead\n"
    "  --event-type type          only these; may be repeated\n"
    "  --expiration-date time     2031-01-01T00:00:00Z\n"
    "Clients:\n"
    "  --authentication-name name, --state word, --attributes json\n"
    "  --validation-scheme scheme, --thumbprint digits (may be repeated)\n"
    "Who may do what:\n"
    "  --query text               of a group: attributes.type = 'pump'\n"
    "  --topic-template template  of a space; may be repeated\n"
    "  --group name, --space name, --permission word  of a binding: Publisher or Subscriber\n"
    "  --certificate file         of a certificate: PEM\n"
    "  --description text\n"
    "\n"
    "  --json                     prints the server's JSON as it is\n"
    "  --insecure                 takes any certificate of an https "
    "server\n" ACCESS_HELP_BUT_ENDPOINT
    "  --server url               http(s)://host[:port] of the server, whatever is configured\n"
    "  --help                     prints this\n"
    "\n"
    "Example: pubgrid namespace create plant\n"
    "         pubgrid namespace topic create plant readings\n"
    "         pubgrid namespace subscription create plant readings workers --event-ttl PT1H\n"
    "         pubgrid namespace client create plant pump-1 --attributes '{\"type\":\"pump\"}'\n";

/* ---------------------------------------------------------------- nouns and verbs */

#define OF(noun) (1U << (noun))

enum { NAMES_MAX = 3 };

/* The path to it: collections, a name behind each. */
static const struct noun {
    const char *word; /* NULL: none is said */
    size_t names;
    const char *collections[NAMES_MAX]; /* [names] */
} nouns[NOUNS] = {
    [NOUN_NAMESPACE] = {NULL, 1, {"namespaces"}},
    [NOUN_TOPIC] = {"topic", 2, {"namespaces", "topics"}},
    [NOUN_SUBSCRIPTION] = {"subscription", 3, {"namespaces", "topics", "eventSubscriptions"}},
    [NOUN_CLIENT] = {"client", 2, {"namespaces", "clients"}},
    [NOUN_GROUP] = {"group", 2, {"namespaces", "clientGroups"}},
    [NOUN_SPACE] = {"space", 2, {"namespaces", "topicSpaces"}},
    [NOUN_BINDING] = {"binding", 2, {"namespaces", "permissionBindings"}},
    [NOUN_CERTIFICATE] = {"certificate", 2, {"namespaces", "caCertificates"}},
};

struct command {
    struct access_options access;
    struct look_options look;
    struct namespace_flags flags;
    enum namespace_noun noun;
    const struct verb *verb;
    char *const *words; /* [word_count] behind noun and verb */
    size_t word_count;
};

struct verb {
    const char *word;
    unsigned nouns;
    int more;     /* words than the names that lead to it; of a list one fewer */
    int optional; /* and so many more */
    bool has_flags;
    bool (*run)(struct command *command, struct server *server);
};

/* Appends the path of the first `names` names. */
static void append_path(struct buffer *path, const struct command *command, size_t names)
{
    const struct noun *noun = &nouns[command->noun];

    for (size_t i = 0; i < noun->names; i++) {
        buffer_append_format(path, "/%s", noun->collections[i]);
        if (i < names) {
            grid_append_segment(path, command->words[i]);
        }
    }
}

static bool ask(struct command *command, struct server *server, const char *method,
                const char *action, struct slice body, void (*print)(struct slice answer))
{
    struct buffer path = {0};

    append_path(&path, command, nouns[command->noun].names);
    buffer_append_string(&path, action);
    return grid_do(&command->look, server, method, &path, body, print);
}

enum { COLUMNS = 3 };

/* What tells one from the others, of its properties. */
static const struct {
    const char *head, *members[COLUMNS];
} columns[NOUNS] = {
    [NOUN_NAMESPACE] = {"WHERE", {"endpoint", NULL}},
    [NOUN_TOPIC] = {"WHERE", {"endpoint", NULL}},
    [NOUN_SUBSCRIPTION] = {"STATE", {"provisioningState", NULL}},
    [NOUN_CLIENT] = {"AUTHENTICATION NAME AND STATE", {"authenticationName", "state"}},
    [NOUN_GROUP] = {"QUERY", {"query", NULL}},
    [NOUN_SPACE] = {"TOPIC TEMPLATES", {"topicTemplates", NULL}},
    [NOUN_BINDING] = {"GROUP, SPACE AND PERMISSION",
                      {"clientGroupName", "topicSpaceName", "permission"}},
    [NOUN_CERTIFICATE] = {"EXPIRES", {"expiryTimeInUtc", NULL}},
};

static void print_item(const struct json_value *item, const void *context)
{
    enum namespace_noun noun = *(const enum namespace_noun *)context;
    struct json_value properties;
    struct buffer text = {0};

    json_find_member(item, "properties", &properties);
    printf("%-32s", answer_text(item, "name", &text));
    for (size_t i = 0; i < COLUMNS && columns[noun].members[i]; i++) {
        printf(" %s", answer_text(&properties, columns[noun].members[i], &text));
    }
    putchar('\n');
    buffer_release(&text);
}

static bool list(struct command *command, struct server *server)
{
    struct buffer path = {0};
    char head[100];

    snprintf(head, sizeof(head), "%-32s %s", "NAME", columns[command->noun].head);
    append_path(&path, command, nouns[command->noun].names - 1);
    bool good = grid_print_list(&command->look, server, &path, head, print_item, &command->noun);
    buffer_release(&path);
    return good;
}

static bool show(struct command *command, struct server *server)
{
    return ask(command, server, "GET", "", SLICE_EMPTY, NULL);
}

static bool delete (struct command *command, struct server *server)
{
    return ask(command, server, "DELETE", "", SLICE_EMPTY, grid_say_deleted);
}

/* From the file, if one is named, else from the flags. */
static bool send(struct command *command, struct server *server, const char *method)
{
    size_t names = nouns[command->noun].names;
    struct buffer body = {0};
    bool good = true;

    if (command->word_count > names) {
        good = input_read(command->words[names], RESOURCE_MAX, "a resource", &body);
    } else {
        namespace_flags_append(&command->flags, &body);
    }
    good = good && ask(command, server, method, "", buffer_slice(&body), grid_say_what_is_there);
    buffer_release(&body);
    return good;
}

static bool create(struct command *command, struct server *server)
{
    return send(command, server, "PUT");
}

static bool update(struct command *command, struct server *server)
{
    return send(command, server, "PATCH");
}

static bool keys(struct command *command, struct server *server)
{
    return ask(command, server, "POST", "/listKeys", SLICE_EMPTY, grid_print_keys);
}

static bool regenerate_key(struct command *command, struct server *server)
{
    struct buffer body = {0};

    buffer_append_string(&body, "{\"keyName\":");
    json_append_string(&body, slice_from_string(command->words[nouns[command->noun].names]));
    buffer_append_byte(&body, '}');
    bool good =
        ask(command, server, "POST", "/regenerateKey", buffer_slice(&body), grid_print_keys);
    buffer_release(&body);
    return good;
}

enum {
    ALL = (1 << NOUNS) - 1,
    CHANGED = OF(NOUN_NAMESPACE) | OF(NOUN_TOPIC) | OF(NOUN_SUBSCRIPTION),
    KEYED = OF(NOUN_NAMESPACE) | OF(NOUN_TOPIC),
};

static const struct verb verbs[] = {
    {"list", ALL, -1, 0, false, list},
    {"create", ALL, 0, 1, true, create},
    {"update", CHANGED, 0, 1, true, update},
    {"show", ALL, 0, 0, false, show},
    {"delete", ALL, 0, 0, false, delete},
    {"keys", KEYED, 0, 0, false, keys},
    {"regenerate-key", KEYED, 1, 0, false, regenerate_key},
};

/* ---------------------------------------------------------------- the command line */

static int flag_argument(size_t flag)
{
    return namespace_flag_has_value(flag) ? required_argument : no_argument;
}

static enum namespace_noun find_noun(const char *word)
{
    int noun = NOUNS - 1;

    while (noun > NOUN_NAMESPACE && strcmp(nouns[noun].word, word) != 0) {
        noun--;
    }
    return (enum namespace_noun)noun;
}

static const struct verb *find_verb(const char *word, enum namespace_noun noun)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (verbs[i].nouns & OF(noun) && strcmp(verbs[i].word, word) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

static bool take_words(struct command *command, char **words, size_t count)
{
    size_t taken, least;

    if (count == 0) {
        return command_wrong("say what to do: list, create, show, ..., or what about: topic, "
                             "subscription, client, group, space, binding or certificate",
                             NULL);
    }
    command->noun = find_noun(words[0]);
    taken = command->noun == NOUN_NAMESPACE ? 0 : 1;
    if (taken == count) {
        return command_wrong("say what to do with it: list, create, show or delete", NULL);
    }
    command->verb = find_verb(words[taken], command->noun);
    if (!command->verb) {
        return command_wrong("there is no such command", words[taken]);
    }
    command->words = words + taken + 1;
    command->word_count = count - taken - 1;
    least = nouns[command->noun].names + (size_t)command->verb->more;
    if (command->word_count < least) {
        return command_wrong("words are missing: see the usage", NULL);
    }
    if (command->word_count > least + (size_t)command->verb->optional) {
        return command_wrong("there is no argument",
                             command->words[least + (size_t)command->verb->optional]);
    }
    return true;
}

/* Flags are of the noun, and say what a file would say. */
static bool check_flags(const struct command *command)
{
    if (!command->flags.is_given) {
        return true;
    }
    if (!command->verb->has_flags || !(command->flags.nouns & OF(command->noun))) {
        return command_wrong("a flag is of another command: see the usage", NULL);
    }
    return command->word_count == nouns[command->noun].names ||
           command_wrong("a file says all of it; leave the flags out", NULL);
}

static bool parse(struct command *command, int argc, char **argv)
{
    struct option *options =
        grid_options_make(namespace_flag_count(), namespace_flag_name, flag_argument);
    bool good = true;
    int option;

    optind = 1;
    while (good && (option = getopt_long(argc, argv, "c:n:", options, NULL)) != -1) {
        good =
            option >= OPTION_FLAG_FIRST
                ? namespace_flag_take(&command->flags, (size_t)(option - OPTION_FLAG_FIRST), optarg)
                : look_options_take(&command->look, &command->access, option, optarg);
    }
    free(options);
    return good &&
           (command->look.help ||
            (take_words(command, argv + optind, (size_t)(argc - optind)) && check_flags(command)));
}

int namespace_main(int argc, char **argv)
{
    struct command command = {.look.lines = LOG_LINES_DEFAULT,
                              .access = {.talks_to_server = true, .endpoint_option = "--server"},
                              .flags = NAMESPACE_FLAGS_NONE};
    int status = 1;

    if (!parse(&command, argc, argv)) {
        fputs("See pubgrid namespace --help.\n", stderr);
    } else if (command.look.help) {
        fputs(usage, stdout);
        status = 0;
    } else {
        struct server *server = server_open(&command.access, command.look.insecure);
        status = server && command.verb->run(&command, server) ? 0 : 1;
        server_close(server);
    }
    namespace_flags_release(&command.flags);
    access_options_release(&command.access);
    return status;
}
