/* Runs a fuzz target over files instead of under libFuzzer: so every compiler's build replays the
 * seeds, and a finding that became a seed stays found. Folders are read one level deep.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "fuzz/fuzz.h"

/* False when it cannot be read. An empty file is an input too. */
static bool replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct buffer bytes = {0};
    size_t length;

    if (!file) {
        perror(path);
        return false;
    }
    do {
        length = fread(buffer_reserve(&bytes, 4096), 1, 4096, file);
        bytes.length += length;
    } while (length > 0);
    LLVMFuzzerTestOneInput(bytes.data, bytes.length);
    buffer_release(&bytes);
    fclose(file);
    return true;
}

static unsigned replay_folder(const char *path, unsigned *failed)
{
    struct dirent **entries = NULL;
    unsigned passed = 0;
    int count = scandir(path, &entries, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        char *name = NULL;
        if (entries[i]->d_type == DT_REG &&
            asprintf(&name, "%s/%s", path, entries[i]->d_name) > 0) {
            bool read = replay_file(name);
            passed += read;
            *failed += !read;
        }
        free(name);
        free(entries[i]);
    }
    free(entries);
    return passed;
}

int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;

    for (int i = 1; i < argc; i++) {
        passed += replay_folder(argv[i], &failed);
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed > 0 || passed == 0;
}
