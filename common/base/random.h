/* Random bytes from the kernel.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_RANDOM_H
#define PUBGRID_BASE_RANDOM_H

#include <stddef.h>

/* Fills `out`; ends the program if the kernel gives none. Any thread. */
void random_bytes(void *out, size_t length);

#endif
