/* A compiled filter: a program for a machine with a stack of values. filter_compile.c writes it,
 * filter.c runs it.
 *
 * Types are checked when it is written, so that the machine need not: only null can come where the
 * type says otherwise. One block of memory holds all of it, instructions first, then their texts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_REST_FILTER_PROGRAM_H
#define PUBGRID_REST_FILTER_PROGRAM_H

#include <stdint.h>

enum {
    FILTER_STACK_MAX = 256,   /* values */
    FILTER_SCRATCH_MAX = 8192 /* bytes that texts are made in, for each comparison */
};

enum filter_field { FIELD_USER, FIELD_CONNECTION, FIELD_PROTOCOL, FIELD_NAME };

enum filter_step {
    STEP_END,
    /* push */
    STEP_NULL,
    STEP_BOOL, /* `integer` */
    STEP_INTEGER,
    STEP_TEXT,
    STEP_FIELD, /* `which` */
    STEP_GROUP_COUNT,
    STEP_FIELD_IS,   /* is the field `which` equal to the text? */
    STEP_FIELD_ISNT, /* STEP_FIELD, STEP_TEXT and a comparison in one, which most filters are */
    /* one value becomes another */
    STEP_NOT,
    STEP_LOWER,
    STEP_UPPER,
    STEP_TRIM,
    STEP_LENGTH,
    STEP_IN_GROUPS,
    STEP_IN_LIST, /* the next `count` instructions are the list */
    /* two values become one */
    STEP_EQUAL,
    STEP_NOT_EQUAL,
    STEP_GREATER,
    STEP_GREATER_EQUAL,
    STEP_LESS,
    STEP_LESS_EQUAL,
    STEP_STARTS_WITH,
    STEP_ENDS_WITH,
    STEP_CONTAINS,
    STEP_INDEX_OF,
    STEP_CONCAT,
    STEP_REST, /* substring(s,i) */
    /* three */
    STEP_SUBSTRING,
    /* and, or: if the value decides, it stays and `count` instructions are left out, else it goes
     */
    STEP_AND,
    STEP_OR,
    FILTER_STEPS
};

struct instruction {
    uint8_t step;   /* enum filter_step */
    uint8_t which;  /* enum filter_field */
    uint32_t count; /* of instructions */
    union {
        int64_t integer;
        struct {
            uint32_t offset, length; /* in `texts` */
        } text;
    };
};

struct filter {
    const uint8_t *texts;              /* behind the instructions */
    struct instruction instructions[]; /* the last one is STEP_END */
};

#endif
