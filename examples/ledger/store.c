/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    FIND_KEY,
    INSERT,
    SUM,
    ROWS,
    STATEMENTS
} statement;

static const char *const texts[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [FIND_KEY] = "SELECT number, balance, account = ?3 AND amount = ?4 AND text = ?5 FROM entries "
                 "WHERE author = ?1 AND key = ?2",
    [INSERT] = "INSERT INTO entries (author, key, account, amount, text, balance) "
               "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    /* The newest entry knows the balance, so nothing is added up. */
    [SUM] = "SELECT balance, (SELECT count(*) FROM entries WHERE account = ?1) FROM entries "
            "WHERE account = ?1 ORDER BY number DESC LIMIT 1",
    [ROWS] = "SELECT number, amount, text, author FROM entries WHERE account = ?1 "
             "ORDER BY number DESC LIMIT ?2",
};

static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "CREATE TABLE IF NOT EXISTS entries ("
    " number INTEGER PRIMARY KEY AUTOINCREMENT, author TEXT NOT NULL, key TEXT NOT NULL,"
    " account TEXT NOT NULL, amount INTEGER NOT NULL, text TEXT NOT NULL,"
    " balance INTEGER NOT NULL, UNIQUE (author, key));"
    "CREATE INDEX IF NOT EXISTS by_account ON entries (account, number);";

struct store {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
};

static char *copy(const char *text) {
    size_t size = strlen(text) + 1;
    char *copied = malloc(size);
    if (copied != NULL)
        memcpy(copied, text, size);
    return copied;
}

static int prepare_all(store *s) {
    int rc = sqlite3_exec(s->db, schema, NULL, NULL, NULL);
    for (int i = 0; i < STATEMENTS && rc == SQLITE_OK; i++)
        rc = sqlite3_prepare_v2(s->db, texts[i], -1, &s->statements[i], NULL);
    return rc;
}

store *store_open(const char *path, char **ret_problem) {
    store *s = calloc(1, sizeof *s);
    if (s == NULL) {
        *ret_problem = copy("out of memory");
        return NULL;
    }
    if (sqlite3_open(path, &s->db) != SQLITE_OK || sqlite3_busy_timeout(s->db, 5000) != SQLITE_OK ||
        prepare_all(s) != SQLITE_OK) {
        *ret_problem = copy(store_problem(s));
        store_close(s);
        return NULL;
    }
    return s;
}

void store_close(store *s) {
    if (s == NULL)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(s->statements[i]);
    sqlite3_close(s->db);
    free(s);
}

const char *store_problem(const store *s) {
    return s->db != NULL ? sqlite3_errmsg(s->db) : "out of memory";
}

/* Runs a statement without rows. */
static bool run(store *s, statement which) {
    sqlite3_stmt *st = s->statements[which];
    bool ok = sqlite3_step(st) == SQLITE_DONE;
    sqlite3_reset(st);
    return ok;
}

static void bind_text(sqlite3_stmt *st, int at, const char *text) {
    sqlite3_bind_text(st, at, text, -1, SQLITE_STATIC);
}

static sqlite3_stmt *bind_entry(store *s, statement which, const store_entry *entry) {
    sqlite3_stmt *st = s->statements[which];
    sqlite3_clear_bindings(st);
    bind_text(st, 1, entry->author);
    bind_text(st, 2, entry->key);
    bind_text(st, 3, entry->account);
    sqlite3_bind_int64(st, 4, entry->amount);
    bind_text(st, 5, entry->text);
    return st;
}

/* true: the key is known, and *ret_outcome is the answer. */
static bool find_key(store *s, const store_entry *entry, store_receipt *ret_receipt,
                     store_outcome *ret_outcome) {
    sqlite3_stmt *st = bind_entry(s, FIND_KEY, entry);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        ret_receipt->number = (uint64_t)sqlite3_column_int64(st, 0);
        ret_receipt->balance = sqlite3_column_int64(st, 1);
        *ret_outcome = sqlite3_column_int(st, 2) != 0 ? STORE_OK : STORE_CONFLICT;
    } else {
        *ret_outcome = rc == SQLITE_DONE ? STORE_OK : STORE_FAILED;
    }
    sqlite3_reset(st);
    return rc != SQLITE_DONE;
}

static store_outcome insert(store *s, const store_entry *entry, store_receipt *ret_receipt) {
    int64_t balance = 0;
    uint64_t entries = 0;
    store_outcome outcome = store_balance(s, entry->account, &balance, &entries);
    if (outcome != STORE_OK)
        return outcome;
    if (__builtin_add_overflow(balance, entry->amount, &balance))
        return STORE_OVERFLOW;
    sqlite3_stmt *st = bind_entry(s, INSERT, entry);
    sqlite3_bind_int64(st, 6, balance);
    if (!run(s, INSERT))
        return STORE_FAILED;
    ret_receipt->number = (uint64_t)sqlite3_last_insert_rowid(s->db);
    ret_receipt->balance = balance;
    return STORE_OK;
}

store_outcome store_post(store *s, const store_entry *entry, store_receipt *ret_receipt) {
    store_outcome outcome = STORE_FAILED;
    if (!run(s, BEGIN))
        return STORE_FAILED;
    if (!find_key(s, entry, ret_receipt, &outcome))
        outcome = insert(s, entry, ret_receipt);
    if (outcome == STORE_OK && !run(s, COMMIT))
        outcome = STORE_FAILED;
    if (outcome != STORE_OK)
        run(s, ROLLBACK);
    return outcome;
}

store_outcome store_balance(store *s, const char *account, int64_t *ret_balance,
                            uint64_t *ret_entries) {
    sqlite3_stmt *st = s->statements[SUM];
    bind_text(st, 1, account);
    int rc = sqlite3_step(st);
    *ret_balance = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
    *ret_entries = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(st, 1) : 0;
    sqlite3_reset(st);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

static void take_row(sqlite3_stmt *st, store_row *row) {
    row->number = (uint64_t)sqlite3_column_int64(st, 0);
    row->amount = sqlite3_column_int64(st, 1);
    snprintf(row->text, sizeof row->text, "%s", (const char *)sqlite3_column_text(st, 2));
    snprintf(row->author, sizeof row->author, "%s", (const char *)sqlite3_column_text(st, 3));
}

store_outcome store_history(store *s, const char *account, size_t max, store_row *rows,
                            size_t *ret_n) {
    sqlite3_stmt *st = s->statements[ROWS];
    int rc = SQLITE_DONE;
    bind_text(st, 1, account);
    sqlite3_bind_int64(st, 2, (int64_t)max);
    for (*ret_n = 0; *ret_n < max && (rc = sqlite3_step(st)) == SQLITE_ROW; (*ret_n)++)
        take_row(st, &rows[*ret_n]);
    sqlite3_reset(st);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}
