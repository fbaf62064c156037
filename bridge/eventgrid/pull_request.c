/* See pull_request.h. Segments are compared without regard to case, as Azure's are.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/pull_request.h"

#include "access/characters.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    struct slice name;
    bool has_subscription;
} operations[PULL_OPERATIONS] = {
    [PULL_PUBLISH] = {SLICE_LITERAL("publish"), false},
    [PULL_RECEIVE] = {SLICE_LITERAL("receive"), true},
    [PULL_ACKNOWLEDGE] = {SLICE_LITERAL("acknowledge"), true},
    [PULL_RELEASE] = {SLICE_LITERAL("release"), true},
    [PULL_REJECT] = {SLICE_LITERAL("reject"), true},
    [PULL_RENEW_LOCK] = {SLICE_LITERAL("renewLock"), true},
};

static const struct slice namespaces = SLICE_LITERAL("namespaces");
static const struct slice topics = SLICE_LITERAL("topics");
static const struct slice subscriptions = SLICE_LITERAL("eventsubscriptions");

static const struct request_error not_found = {
    404, "ResourceNotFound",
    SLICE_LITERAL(
        "There is no such operation at this address. Topics of a namespace have :publish, "
        "their event subscriptions :receive, :acknowledge, :release, :reject and "
        ":renewLock.")};

/* ---------------------------------------------------------------- the path */

/* Cuts `:operation` off the end of a text. PULL_OPERATIONS: there is none. */
static enum pull_operation take_operation(struct slice *text)
{
    enum pull_operation operation = 0;
    size_t at = text->length;

    while (at > 0 && text->data[at - 1] != ':') {
        at--;
    }
    if (at == 0) {
        return PULL_OPERATIONS;
    }
    while (operation < PULL_OPERATIONS &&
           !equal_ignoring_case(slice_from(*text, at), operations[operation].name)) {
        operation++;
    }
    text->length = at - 1;
    return operation;
}

/* "/namespaces/<namespace>/topics/..." */
static bool is_in_namespace(struct slice path)
{
    take_up_to(&path, '/');
    if (!equal_ignoring_case(take_up_to(&path, '/'), namespaces)) {
        return false;
    }
    take_up_to(&path, '/');
    return equal_ignoring_case(take_up_to(&path, '/'), topics);
}

/* "/api/hubs/...": names of groups and users may end as an operation does. */
static bool is_of_hubs(struct slice path)
{
    take_up_to(&path, '/');
    return equal_ignoring_case(take_up_to(&path, '/'), SLICE_LITERAL("api")) &&
           equal_ignoring_case(take_up_to(&path, '/'), SLICE_LITERAL("hubs"));
}

bool pull_is_path(struct slice target)
{
    struct slice path = take_up_to(&target, '?');
    size_t at = path.length;

    if (is_in_namespace(path)) {
        return true;
    }
    if (is_of_hubs(path)) {
        return false;
    }
    while (at > 0 && path.data[at - 1] != '/') {
        at--;
    }
    path = slice_from(path, at);
    return at > 0 && take_operation(&path) < PULL_OPERATIONS;
}

/* What stands before `topics/...`: nothing, a namespace, or that behind `namespaces`. */
static bool take_namespace(struct pull_request *request, size_t count)
{
    const struct slice *segments = request->url.segments;

    request->namespace_name = count > 0 ? segments[count - 1] : SLICE_EMPTY;
    return count <= 1 || (count == 2 && equal_ignoring_case(segments[0], namespaces));
}

static bool read_path(struct pull_request *request)
{
    struct url *url = &request->url;
    struct slice *last;
    size_t tail;

    if (url->segment_count == 0) {
        return false;
    }
    last = &url->segments[url->segment_count - 1];
    request->operation = take_operation(last);
    if (request->operation == PULL_OPERATIONS || last->length == 0) {
        return false;
    }
    tail = operations[request->operation].has_subscription ? 4 : 2;
    if (url->segment_count < tail) {
        return false;
    }
    const struct slice *end = url->segments + url->segment_count - tail;
    if (!equal_ignoring_case(end[0], topics) ||
        (tail == 4 && !equal_ignoring_case(end[2], subscriptions))) {
        return false;
    }
    request->topic = end[1];
    request->subscription = tail == 4 ? end[3] : SLICE_EMPTY;
    return take_namespace(request, url->segment_count - tail);
}

/* ---------------------------------------------------------------- the query */

/* Of numbers that are not out of a range but of a few. */
static const uint32_t delays_s[] = {0, 10, 60, 600, 3600};

static bool is_delay(uint32_t number)
{
    for (size_t i = 0; i < COUNT(delays_s); i++) {
        if (number == delays_s[i]) {
            return true;
        }
    }
    return false;
}

static bool is_count(uint32_t number)
{
    return number >= 1 && number <= PULL_EVENTS_MAX;
}

static bool is_wait(uint32_t number)
{
    return number >= PULL_WAIT_MIN_S && number <= PULL_WAIT_MAX_S;
}

struct parameter {
    enum pull_operation operation;
    const char *name;
    size_t place; /* of its uint32_t in struct pull_request */
    uint32_t otherwise;
    bool (*is_good)(uint32_t number);
    struct slice wrong;
};

static const struct parameter parameters[] = {
    {PULL_RECEIVE, "maxEvents", offsetof(struct pull_request, events_max), 1, is_count,
     SLICE_LITERAL("maxEvents must be a number from 1 to 100.")},
    {PULL_RECEIVE, "maxWaitTime", offsetof(struct pull_request, wait_s), PULL_WAIT_DEFAULT_S,
     is_wait, SLICE_LITERAL("maxWaitTime must be a number of seconds from 10 to 120.")},
    {PULL_RELEASE, "releaseDelayInSeconds", offsetof(struct pull_request, delay_s), 0, is_delay,
     SLICE_LITERAL("releaseDelayInSeconds must be one of 0, 10, 60, 600 and 3600.")},
};

static bool read_parameter(struct pull_request *request, const struct parameter *parameter)
{
    uint32_t *number = (uint32_t *)(void *)((uint8_t *)request + parameter->place);
    struct buffer text = {0};
    bool is_good = true;

    *number = parameter->otherwise;
    if (url_query_find(request->url.query, parameter->name, &text)) {
        is_good = request_number_read(buffer_slice(&text), UINT32_MAX, number) &&
                  parameter->is_good(*number);
    }
    buffer_release(&text);
    return is_good;
}

bool pull_request_parse(struct pull_request *request, struct slice target,
                        struct request_error *error)
{
    *request = (struct pull_request){.operation = PULL_OPERATIONS};
    if (!pull_is_path(target) || !url_split(&request->url, target) || !read_path(request)) {
        *error = not_found;
        return false;
    }
    for (size_t i = 0; i < COUNT(parameters); i++) {
        if (parameters[i].operation == request->operation &&
            !read_parameter(request, &parameters[i])) {
            return request_refuse(error, parameters[i].wrong);
        }
    }
    return true;
}

void pull_request_release(struct pull_request *request)
{
    url_release(&request->url);
}
