/* The namespaces of Event Grid as far as MQTT is concerned, which the broker hears of itself: what
 * the configuration file declares, and what is set at run time by retained messages below
 * `$config/eventgrid/`, which goes before (bridge/dispatch/catalog.h says the same of topics):
 *
 *     namespaces/plant                      {"name":"plant","resource":{ARM JSON},..}
 *     namespaces/plant/clients/Sensor-1     {"name":"Sensor-1","properties":{..}}
 *
 * There is one tree of topics, so there is one namespace whose MQTT clients they are. Single-
 * threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BROKER_NAMESPACES_H
#define PUBGRID_BROKER_NAMESPACES_H

#include <stdbool.h>

#include "base/slice.h"
#include "config/config.h"
#include "config/core_options.h"
#include "net/auth.h"
#include "policy/rule_set.h"
#include "resource/namespace.h"
#include "resource/namespace_child.h"

struct namespaces;

struct namespaces *namespaces_new(void);
void namespaces_free(struct namespaces *namespaces);

/* What the configuration declares, as a whole (event_grid.declared of config/config.h); checked
 * when the file was read. */
void namespaces_set_declared(struct namespaces *namespaces, struct slice json);
/* A retained message; `place` is what stands behind `$config/eventgrid/`. Empty: it is gone. False:
 * it is of something else. What is no good is said in the log, and is as if it were not there. */
bool namespaces_set_stored(struct namespaces *namespaces, struct slice place, struct slice json);

/* What the namespace whose MQTT is enabled says about it, and its name. NULL: there is none. */
const struct topic_spaces_configuration *namespaces_mqtt(const struct namespaces *namespaces,
                                                         struct slice *name);
/* The children of that namespace, in no order. */
void namespaces_each_child(const struct namespaces *namespaces, enum child_kind kind,
                           void (*visit)(void *context, const struct namespace_child *child),
                           void *context);

/* --- what follows from it --- */

/* Who may do what, beside the access rules that are in the set; nothing if there is no such
 * namespace. */
void namespaces_add_rules(const struct namespaces *namespaces, struct rule_set *set);
/* Bounds of its sessions. */
void namespaces_limit(const struct namespaces *namespaces, struct core_options *options);
/* How its clients sign in from now on. `bridge` has the server's access keys, and says what it is
 * called. True: listeners are to ask for certificates. */
bool namespaces_set_sign_in(const struct namespaces *namespaces, struct auth_service *auth,
                            const struct bridge_config *bridge);

#endif
