/* A topic space of a namespace: a set of topics, by templates (spec/eventgrid.md 6.3).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_TOPIC_SPACE_H
#define PUBGRID_RESOURCE_TOPIC_SPACE_H

#include <stddef.h>

#include "base/slice.h"

enum { TOPIC_TEMPLATES_MAX = 10 };

struct topic_space {
    const struct slice *templates; /* [template_count]; each compiles (policy/template.h) */
    size_t template_count;
};

#endif
