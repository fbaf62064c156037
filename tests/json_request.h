/* For tests of the JSON codec: decodes a frame, with a note of it for the message of a failure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_JSON_REQUEST_H
#define PUBGRID_TESTS_JSON_REQUEST_H

#include "base/buffer.h"
#include "test.h"
#include "wire/codec.h"

static struct buffer scratch;

static inline enum frame_verdict decode(struct slice frame, struct request *request)
{
    scratch.length = 0;
    return codec_json.decode(frame, request, &scratch);
}

static inline struct request decoded(const char *frame)
{
    struct request request;

    test_note("frame %.200s", frame);
    CHECK_INT_EQUAL(decode(slice_from_string(frame), &request), FRAME_OK);
    return request;
}

static inline enum frame_verdict verdict(const char *frame)
{
    struct request request;

    test_note("frame %.200s", frame);
    return decode(slice_from_string(frame), &request);
}

static inline void check_text(struct slice actual, const char *wanted)
{
    CHECK_SLICE_EQUAL(actual, slice_from_string(wanted));
}

static inline void check_data(const struct request *request, enum data_type type,
                              const char *wanted)
{
    CHECK(request->has_data);
    CHECK_INT_EQUAL(request->data.type, type);
    check_text(request->data.bytes, wanted);
}

#endif
