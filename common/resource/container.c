/* See container.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/container.h"

#include "base/ascii.h"

enum { CONTAINER_MIN = 3, CONTAINER_MAX = 63 /* characters */ };

const char *container_name_check(struct slice name)
{
    bool good = name.length >= CONTAINER_MIN && name.length <= CONTAINER_MAX &&
                name.data[0] != '-' && name.data[name.length - 1] != '-';

    for (size_t i = 0; good && i < name.length; i++) {
        uint8_t c = name.data[i];
        good = (ascii_is_alphanumeric(c) && c == ascii_lower(c)) ||
               (c == '-' && name.data[i - 1] != '-');
    }
    return good ? NULL : "has 3 to 63 lower-case letters, digits and single hyphens between them";
}
