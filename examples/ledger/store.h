/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's entries in SQLite. One thread at a time. */
#ifndef LEDGER_STORE_H
#define LEDGER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct store store;

enum { STORE_TEXT_MAX = 200, STORE_NAME_MAX = 64, STORE_ROWS_MAX = 100 };

typedef enum store_outcome {
    STORE_OK,
    STORE_CONFLICT, /* the key is taken by an entry with other contents */
    STORE_OVERFLOW, /* the balance would not fit */
    STORE_FAILED    /* the database: see store_problem */
} store_outcome;

typedef struct store_entry {
    const char *key;
    const char *account;
    int64_t amount;
    const char *text;
    const char *author;
} store_entry;

typedef struct store_receipt {
    uint64_t number;
    int64_t balance;
} store_receipt;

typedef struct store_row {
    uint64_t number;
    int64_t amount;
    char text[STORE_TEXT_MAX + 1];
    char author[256];
} store_row;

/* NULL: cannot be opened or made; *ret_problem says why, to be freed. */
store *store_open(const char *path, char **ret_problem);
void store_close(store *s);
const char *store_problem(const store *s);

/* Durable when it returns. The same key and contents again: the receipt of the first time. */
store_outcome store_post(store *s, const store_entry *entry, store_receipt *ret_receipt);
store_outcome store_balance(store *s, const char *account, int64_t *ret_balance,
                            uint64_t *ret_entries);
/* Newest first; at most `max` rows. */
store_outcome store_history(store *s, const char *account, size_t max, store_row *rows,
                            size_t *ret_n);

#endif
