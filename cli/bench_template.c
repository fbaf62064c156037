/* See the header.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_template.h"

#include <stdlib.h>
#include <string.h>

void bench_template_frame(struct bench_template *template, enum websocket_opcode opcode,
                          uint32_t mask)
{
    struct buffer frame = {0};
    websocket_frame_write(&frame, opcode, mask, slice_make(template->bytes, template->size));
    free(template->bytes);
    template->header = frame.length - template->size;
    template->bytes = frame.data;
    template->size = frame.length;
    template->mask = mask;
    template->id.offset += template->header;
    template->stamp.offset += template->header;
    template->topic.offset += template->header;
}

void bench_template_release(struct bench_template *template)
{
    free(template->bytes);
    *template = (struct bench_template){0};
}
