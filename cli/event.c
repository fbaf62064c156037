/* The command line of `pubgrid event`: a noun and a verb, which are a row of a table, words and
 * flags. A flag that takes a list takes all words up to the next flag, as those of `az eventgrid`
 * do.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "event.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_command.h"
#include "grid_options.h"
#include "log_lines.h"

static const char usage[] =
    "Usage: pubgrid event topic|domain|system-topic list\n"
    "       pubgrid event topic|domain|system-topic create NAME [FILE] [flags]\n"
    "       pubgrid event topic|domain|system-topic show|update|delete NAME\n"
    "       pubgrid event topic|domain keys NAME\n"
    "       pubgrid event topic|domain regenerate-key NAME key1|key2\n"
    "       pubgrid event domain-topic list DOMAIN\n"
    "       pubgrid event domain-topic create|show|delete DOMAIN NAME\n"
    "       pubgrid event subscription list [SOURCE]\n"
    "       pubgrid event subscription create SOURCE NAME [FILE] [flags]\n"
    "       pubgrid event subscription show|update|delete SOURCE NAME\n"
    "       pubgrid event subscription log SOURCE [NAME]\n"
    "       pubgrid event dead-letter list SOURCE NAME\n"
    "       pubgrid event dead-letter show|resend SOURCE NAME [EVENT]\n"
    "       pubgrid event send SOURCE [FILE] [flags]            sends an event\n"
    "       pubgrid event test SOURCE [FILE] [flags]            who would get it, and why not\n"
    "       pubgrid event resend SOURCE EVENT [NAME...]         one event of the archive\n"
    "       pubgrid event replay SOURCE --since time [NAME...]  all since then\n"
    "\n"
    "SOURCE is a topic's name, domains/D, domains/D/topics/T, systemTopics/S or\n"
    "namespaces/N/topics/T. FILE is JSON (-: standard input). A flag with ... takes all words\n"
    "up to the next flag; those of event subscriptions and topics are as in az eventgrid; see\n"
    "pubgrid-event(1).\n"
    "\n"
    "Topics:\n"
    "  --input-schema schema  EventGridSchema, CloudEventSchemaV1_0 or CustomEventSchema\n"
    "  --input-mapping-fields field=name ...\n"
    "  --input-mapping-default-values field=text ...\n"
    "  --public-network-access word, --inbound-ip-rules address ..., --disable-local-auth\n"
    "  --retention-days number  keeps accepted events, to replay them\n"
    "  --location text, --tags name=text ...\n"
    "  --source-resource-id id, --topic-type type  of a system topic\n"
    "Event subscriptions:\n"
    "  --endpoint url         or HUB[/groups/G|/users/U], an MQTT topic, a topic's name\n"
    "  --endpoint-type type   webhook, webpubsub, mqtttopic, eventgridtopic or namespacetopic\n"
    "  --included-event-types type ..., --subject-begins-with text, --subject-ends-with text,\n"
    "  --subject-case-sensitive, --advanced-filter KEY OPERATOR VALUE...,\n"
    "  --enable-advanced-filtering-on-arrays, --enable-extended-filtering\n"
    "  --event-delivery-schema schema, --max-events-per-batch number,\n"
    "  --preferred-batch-size-in-kilobytes number,\n"
    "  --delivery-attribute-mapping NAME static VALUE [true] | NAME dynamic PATH\n"
    "  --event-ttl minutes, --max-delivery-attempts number, --backoff seconds ...,\n"
    "  --probation bool, --deadletter-endpoint folder|topics/NAME\n"
    "  --skip-validation, --signing-secret text, --max-concurrent-requests number,\n"
    "  --max-requests-per-second number, --request-timeout seconds,\n"
    "  --aad-tenant-id text, --aad-app-id text, --labels text ..., --expiration-date time\n"
    "Events:\n"
    "  --type text, --subject text, --data json, --id text, --source text, --data-version text\n"
    "  --template name        BlobCreated, BlobDeleted, of --container text --blob text, perhaps\n"
    "                         --account text, --url url, --content-type text, --content-length "
    "number;\n"
    "                         ResourceWriteSuccess, ResourceDeleteFailure, ResourceActionCancel "
    "and\n"
    "                         the like, of --resource-id id\n"
    "  --since time, --until time  2031-01-01T00:00:00Z, for replay\n"
    "\n"
    "  --json                 prints the server's JSON as it is\n"
    "  --follow               log: goes on with what comes\n"
    "  --failures             log: only what failed\n"
    "  -n number              log, dead letters: so many of the last (20)\n"
    "  --insecure             takes any certificate of an https server\n" ACCESS_HELP_BUT_ENDPOINT
    "  --server url           http(s)://host[:port] of the server, whatever is configured\n"
    "  --help                 prints this\n"
    "\n"
    "Example: pubgrid event topic create orders\n"
    "         pubgrid event subscription create orders billing --endpoint http://127.0.0.1:3000/\n"
    "         pubgrid event send orders --type order.paid --subject 42 --data '{\"total\":7}'\n"
    "         pubgrid event send orders --template BlobCreated --container in --blob a.txt\n";

enum { ANY = 100000 };

/* clang-format off */
static const struct event_verb verbs[] = {
    {"topic", "list", "topics", 0, 0, 0, event_list_sources},
    {"topic", "create", "topics", 1, 2, FLAG_OF_TOPIC, event_create_source},
    {"topic", "show", "topics", 1, 1, 0, event_show_source},
    {"topic", "update", "topics", 1, 2, FLAG_OF_TOPIC, event_update_source},
    {"topic", "delete", "topics", 1, 1, 0, event_delete_source},
    {"topic", "keys", "topics", 1, 1, 0, event_keys},
    {"topic", "regenerate-key", "topics", 2, 2, 0, event_regenerate_key},
    {"domain", "list", "domains", 0, 0, 0, event_list_sources},
    {"domain", "create", "domains", 1, 2, FLAG_OF_TOPIC, event_create_source},
    {"domain", "show", "domains", 1, 1, 0, event_show_source},
    {"domain", "update", "domains", 1, 2, FLAG_OF_TOPIC, event_update_source},
    {"domain", "delete", "domains", 1, 1, 0, event_delete_source},
    {"domain", "keys", "domains", 1, 1, 0, event_keys},
    {"domain", "regenerate-key", "domains", 2, 2, 0, event_regenerate_key},
    {"domain-topic", "list", NULL, 1, 1, 0, event_list_sources},
    {"domain-topic", "create", NULL, 2, 2, 0, event_create_source},
    {"domain-topic", "show", NULL, 2, 2, 0, event_show_source},
    {"domain-topic", "delete", NULL, 2, 2, 0, event_delete_source},
    {"system-topic", "list", "systemTopics", 0, 0, 0, event_list_sources},
    {"system-topic", "create", "systemTopics", 1, 2, FLAG_OF_SYSTEM_TOPIC, event_create_source},
    {"system-topic", "show", "systemTopics", 1, 1, 0, event_show_source},
    {"system-topic", "update", "systemTopics", 1, 2, FLAG_OF_SYSTEM_TOPIC, event_update_source},
    {"system-topic", "delete", "systemTopics", 1, 1, 0, event_delete_source},
    {"subscription", "list", NULL, 0, 1, 0, event_list_subscriptions},
    {"subscription", "create", NULL, 2, 3, FLAG_OF_SUBSCRIPTION, event_create_subscription},
    {"subscription", "show", NULL, 2, 2, 0, event_show_subscription},
    {"subscription", "update", NULL, 2, 3, FLAG_OF_SUBSCRIPTION, event_update_subscription},
    {"subscription", "delete", NULL, 2, 2, 0, event_delete_subscription},
    {"subscription", "log", NULL, 1, 2, 0, event_log},
    {"dead-letter", "list", NULL, 2, 2, 0, event_list_dead_letters},
    {"dead-letter", "show", NULL, 3, 3, 0, event_show_dead_letter},
    {"dead-letter", "resend", NULL, 2, 3, 0, event_resend_dead_letters},
    {"send", NULL, NULL, 1, 2, FLAG_OF_EVENT, event_send},
    {"test", NULL, NULL, 1, 2, FLAG_OF_EVENT, event_test},
    {"resend", NULL, NULL, 2, ANY, 0, event_resend},
    {"replay", NULL, NULL, 1, ANY, FLAG_OF_TIME, event_replay},
};
/* clang-format on */

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

/* ---------------------------------------------------------------- flags */

/* A flag takes its words itself. */
static int flag_argument(size_t flag)
{
    (void)flag;
    return optional_argument;
}

/* Not a flag: -5 is a number. */
static bool is_word(const char *text)
{
    return text[0] != '-' || text[1] == '\0' || isdigit((unsigned char)text[1]);
}

/* The words behind it, which getopt_long() passes over then; --flag=word is one word. */
static bool take_flag(struct event_command *command, size_t flag, int argc, char **argv)
{
    char *const *words = argv + optind;
    size_t count = 0;

    if (optarg) {
        return event_flag_take(&command->flags, flag, (char *const[]){optarg}, 1);
    }
    while (optind < argc && is_word(argv[optind]) && event_flag_wants(flag, count, argv[optind])) {
        optind++;
        count++;
    }
    return event_flag_take(&command->flags, flag, words, count);
}

static bool take_option(struct event_command *command, int option, int argc, char **argv)
{
    return option >= OPTION_FLAG_FIRST
               ? take_flag(command, (size_t)(option - OPTION_FLAG_FIRST), argc, argv)
               : look_options_take(&command->look, &command->access, option, optarg);
}

/* ---------------------------------------------------------------- words */

/* The row of this noun and verb; NULL after an error message. */
static const struct event_verb *find_verb(char *const *words, size_t count)
{
    bool is_noun = false;

    if (count == 0) {
        command_wrong("say what about: topic, domain, domain-topic, system-topic, subscription, "
                      "dead-letter, send, test, resend or replay",
                      NULL);
        return NULL;
    }
    for (size_t i = 0; i < VERBS; i++) {
        if (strcmp(verbs[i].noun, words[0]) != 0) {
            continue;
        }
        is_noun = true;
        if (!verbs[i].name || (count > 1 && strcmp(verbs[i].name, words[1]) == 0)) {
            return &verbs[i];
        }
    }
    if (!is_noun) {
        command_wrong("there is no command event", words[0]);
    } else if (count < 2) {
        command_wrong("say what to do with it: list, create, show, ...", NULL);
    } else {
        fprintf(stderr, "Error: there is no command event %s %s\n", words[0], words[1]);
    }
    return NULL;
}

static bool take_words(struct event_command *command, char **words, size_t count)
{
    const struct event_verb *verb = find_verb(words, count);
    size_t taken = verb && verb->name ? 2 : 1;

    if (!verb) {
        return false;
    }
    command->verb = verb;
    command->words = words + taken;
    command->word_count = count - taken;
    if (command->word_count < verb->least) {
        return command_wrong("words are missing: see the usage", NULL);
    }
    if (command->word_count > verb->most) {
        return command_wrong("there is no argument", command->words[verb->most]);
    }
    if (!event_flags_fit(&command->flags, verb->flags)) {
        return command_wrong("a flag is of another command: see the usage", NULL);
    }
    return true;
}

static bool parse(struct event_command *command, int argc, char **argv)
{
    struct option *options = grid_options_make(event_flag_count(), event_flag_name, flag_argument);
    bool good = true;
    int option;

    optind = 1;
    while (good && (option = getopt_long(argc, argv, "c:n:", options, NULL)) != -1) {
        good = take_option(command, option, argc, argv);
    }
    free(options);
    return good &&
           (command->look.help || take_words(command, argv + optind, (size_t)(argc - optind)));
}

int event_main(int argc, char **argv)
{
    struct event_command command = {
        .look.lines = LOG_LINES_DEFAULT,
        .access = {.talks_to_server = true, .endpoint_option = "--server"}};
    int status = 1;

    if (!parse(&command, argc, argv)) {
        fputs("See pubgrid event --help.\n", stderr);
    } else if (command.look.help) {
        fputs(usage, stdout);
        status = 0;
    } else {
        struct server *server = server_open(&command.access, command.look.insecure);
        status = server && command.verb->run(&command, server) ? 0 : 1;
        server_close(server);
    }
    event_flags_release(&command.flags);
    access_options_release(&command.access);
    return status;
}
