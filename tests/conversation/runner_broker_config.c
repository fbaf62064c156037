/* The header lines of a script as a configuration file of our broker (see runner_broker_config.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner_broker_config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "secret/password_line.h"

/* The Unix socket comes last: when it accepts, the others do. */
static void write_listeners(FILE *file, const struct broker_process *broker,
                            const struct target_settings *settings)
{
    fprintf(file,
            "listeners:\n"
            "  - address: tcp://127.0.0.1:%u\n"
            "  - address: tls://127.0.0.1:%u\n"
            "    certificate: %s/certificate.pem\n"
            "    key: %s/key.pem\n"
            "  - address: unix://%s\n",
            broker->tcp_port, broker->tls_port, settings->directory, settings->directory,
            broker->unix_path);
}

/* `allow publish bob a/#`, `deny subscribe @group b`: <action> <who> <filter>. */
static void write_rule(FILE *file, bool deny, const char *rule)
{
    char action[16], who[64], filter[256];

    if (sscanf(rule, "%15s %63s %255s", action, who, filter) != 3) {
        return;
    }
    fprintf(file, "  - %s: [\"%s\"]\n", action, filter);
    if (strcmp(who, "*") != 0) {
        fprintf(file, "    %s: \"%s\"\n", who[0] == '@' ? "group" : "user",
                who[0] == '@' ? who + 1 : who);
    }
    if (deny) {
        fprintf(file, "    deny: true\n");
    }
}

static bool is_rule(const struct directive *directive)
{
    return strcmp(directive->key, "allow") == 0 || strcmp(directive->key, "deny") == 0;
}

/* `login bob secret group`: a line of the password file, and the group's members. */
static bool write_user(FILE *passwords, FILE *config, const char *text)
{
    char user[64], password[64], group[64] = "";
    struct password_line line = {.has_scrypt = true, .has_scram = true};
    struct buffer out = {0};

    if (sscanf(text, "%63s %63s %63s", user, password, group) < 2) {
        return false;
    }
    line.user = slice_from_string(user);
    bool ok = scrypt_secret_make(&line.scrypt, slice_from_string(password));

    scram_secret_make(&line.scram, slice_from_string(password));

    password_line_print(&line, &out);
    fprintf(passwords, "%.*s", SLICE_PRINT(buffer_slice(&out)));
    buffer_release(&out);
    if (group[0] != '\0') {
        fprintf(config, "{name: \"%s\", users: [\"%s\"]}, ", group, user);
    }
    return ok;
}

static bool write_users(const char *password_path, FILE *config, const struct script *script)
{
    FILE *passwords = fopen(password_path, "we");
    bool ok = passwords != NULL;

    fprintf(config, "groups: [");
    for (size_t i = 0; ok && i < script->directive_count; i++) {
        if (strcmp(script->directives[i].key, "login") == 0) {
            ok = write_user(passwords, config, script->directives[i].value);
        }
    }
    fprintf(config, "]\n");
    return passwords && fclose(passwords) == 0 && ok;
}

static const char *anonymous_word(const struct script *script)
{
    for (size_t i = 0; i < script->directive_count; i++) {
        if (strcmp(script->directives[i].key, "anonymous") == 0) {
            return script->directives[i].value;
        }
    }
    return "yes";
}

static void write_rules(FILE *file, const struct script *script)
{
    fprintf(file, "access:\n");
    for (size_t i = 0; i < script->directive_count; i++) {
        const struct directive *directive = &script->directives[i];

        if (is_rule(directive)) {
            write_rule(file, directive->key[0] == 'd', directive->value);
        }
    }
}

/* Every script finds an empty store. */
static void empty_store(const char *directory)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "lock", "reserve"};
    char path[BROKER_PATH_MAX];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/store/%s", directory, names[i]);
        unlink(path);
    }
}

bool broker_config_write(const char *path, const struct broker_process *broker,
                         const struct target_settings *settings, const struct script *script)
{
    FILE *file = fopen(path, "we");
    char password_path[BROKER_PATH_MAX];
    bool ok = true;

    if (!file) {
        return false;
    }
    snprintf(password_path, sizeof(password_path), "%s/users", settings->directory);
    empty_store(settings->directory);
    fprintf(file, "workers: %u\nlog_level: warning\n", settings->workers);
    fprintf(file, "store:\n  path: %s/store\n  reserve: 64KiB\n", settings->directory);
    fprintf(file, "auth:\n  allow_anonymous: \"%s\"\n", anonymous_word(script));
    if (script_has_directive(script, "login")) {
        fprintf(file, "  password_file: %s\n", password_path);
        ok = write_users(password_path, file, script);
    }
    if (script_has_directive(script, "allow") || script_has_directive(script, "deny")) {
        write_rules(file, script);
    }
    fprintf(file, "bridge:\n  trunk: %s\n", broker->trunk_path);
    write_listeners(file, broker, settings);
    return fclose(file) == 0 && ok;
}
