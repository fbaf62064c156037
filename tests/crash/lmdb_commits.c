/* A small LMDB program for the test of lose_unsynced: commits until it is killed.
 *
 *     lmdb_commits FOLDER durable|nosync|nometasync     prints a number after each commit
 *     lmdb_commits FOLDER check                         prints how many there are
 *
 * Each transaction has a number as key and pages that follow from it as value, and counts up a
 * record, so that pages are also replaced.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lmdb.h>

enum { VALUE = 9000 };

static MDB_env *env;
static MDB_dbi dbi;

static void must(int result, const char *what)
{
    if (result) {
        fprintf(stderr, "%s: %s\n", what, mdb_strerror(result));
        exit(1);
    }
}

static void fill(unsigned char *value, uint32_t number)
{
    for (size_t i = 0; i < VALUE; i++) {
        value[i] = (unsigned char)(number * 31 + i);
    }
}

static MDB_val key_of(uint32_t *number)
{
    return (MDB_val){sizeof *number, number};
}

static void put(MDB_txn *txn, uint32_t number, void *bytes, size_t length)
{
    MDB_val key = key_of(&number), value = {length, bytes};

    must(mdb_put(txn, dbi, &key, &value, 0), "put");
}

static uint32_t last_number(MDB_txn *txn)
{
    uint32_t zero = 0, last = 0;
    MDB_val key = key_of(&zero), value;

    if (mdb_get(txn, dbi, &key, &value) == 0) {
        memcpy(&last, value.mv_data, sizeof last);
    }
    return last;
}

static void commit_one(void)
{
    static unsigned char bytes[VALUE];
    MDB_txn *txn;

    must(mdb_txn_begin(env, NULL, 0, &txn), "begin");
    uint32_t number = last_number(txn) + 1;

    fill(bytes, number);
    put(txn, number, bytes, sizeof bytes);
    put(txn, 0, &number, sizeof number);
    must(mdb_txn_commit(txn), "commit");
    printf("%u\n", (unsigned)number);
    fflush(stdout);
}

static void check(void)
{
    static unsigned char bytes[VALUE];
    MDB_txn *txn;

    must(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), "begin");
    uint32_t last = last_number(txn);

    for (uint32_t number = 1; number <= last; number++) {
        MDB_val key = key_of(&number), value;

        must(mdb_get(txn, dbi, &key, &value), "get");
        fill(bytes, number);
        if (value.mv_size != VALUE || memcmp(value.mv_data, bytes, VALUE) != 0) {
            fprintf(stderr, "value %u is damaged\n", (unsigned)number);
            exit(1);
        }
    }
    mdb_txn_abort(txn);
    printf("%u\n", (unsigned)last);
}

int main(int argc, char **argv)
{
    MDB_txn *txn;

    if (argc != 3) {
        return 2;
    }
    bool checks = strcmp(argv[2], "check") == 0;
    unsigned flags = strcmp(argv[2], "nosync") == 0       ? MDB_NOSYNC
                     : strcmp(argv[2], "nometasync") == 0 ? MDB_NOMETASYNC
                                                          : 0;

    must(mdb_env_create(&env), "create");
    must(mdb_env_set_mapsize(env, (size_t)256 << 20), "mapsize");
    must(mdb_env_open(env, argv[1], flags, 0600), "open");
    must(mdb_txn_begin(env, NULL, 0, &txn), "begin");
    must(mdb_dbi_open(txn, NULL, MDB_INTEGERKEY, &dbi), "dbi");
    must(mdb_txn_commit(txn), "commit");
    if (checks) {
        check();
    }
    while (!checks) {
        commit_one();
    }
    mdb_env_close(env);
    return 0;
}
