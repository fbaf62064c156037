/* The nearest of some names to one that was mistyped.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_NEAREST_H
#define PUBGRID_BASE_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

struct nearest {
    const char *wanted, *name; /* name: NULL until one was offered */
    size_t distance;           /* letters to change */
};

struct nearest nearest_to(const char *wanted);
void nearest_offer(struct nearest *nearest, const char *name);
/* Is it near enough to be what was meant? */
bool nearest_found(const struct nearest *nearest);

#endif
