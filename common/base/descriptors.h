/* How many files a process may have open: each connection needs one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_DESCRIPTORS_H
#define PUBGRID_BASE_DESCRIPTORS_H

/* Takes as many as the system gives without asking, and says so in the log. */
void descriptors_raise_limit(void);

#endif
