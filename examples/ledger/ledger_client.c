/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: ledger-client post ACCOUNT AMOUNT [TEXT] | balance ACCOUNT | history ACCOUNT
 *
 * Finds the ledger by the name of its service in the directory that ldap.conf names; LEDGER_TARGET
 * sets another target. AMOUNT is in units and cents: 12.50, -3.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "ledger.seal.h"

static void print_peer(const seal_peer *peer) {
    printf("server: %s\nclient: %s\nauthenticated: %s, %s\nprotection: %s (%s)\n",
           seal_peer_principal(peer), seal_peer_local_principal(peer), seal_peer_mechanism(peer),
           seal_peer_is_one_way(peer) ? "one way" : "both ways",
           seal_level_name(seal_peer_level(peer)), seal_suite_name(seal_peer_suite(peer)));
}

/* Prints who answered, or why nobody did; true: there is a reply. */
static bool report(const seal_result *result) {
    if (seal_result_status(result) == SEAL_STATUS_OK) {
        print_peer(seal_result_peer(result));
        return true;
    }
    fprintf(stderr, "ledger-client: %s: %s\n", seal_status_name(seal_result_status(result)),
            seal_result_message(result));
    return false;
}

static void print_money(const char *what, int64_t cents) {
    uint64_t size = cents < 0 ? 0 - (uint64_t)cents : (uint64_t)cents;
    printf("%s%s%llu.%02llu\n", what, cents < 0 ? "-" : "", (unsigned long long)(size / 100),
           (unsigned long long)(size % 100));
}

static bool parse_digits(const char **text, int max, int64_t *value, int *ret_count) {
    int count = 0;
    for (; **text >= '0' && **text <= '9'; (*text)++, count++) {
        if (count == max)
            return false;
        *value = *value * 10 + (**text - '0');
    }
    *ret_count = count;
    return true;
}

static bool parse_money(const char *text, int64_t *ret_cents) {
    int64_t value = 0;
    int count = 0;
    bool negative = *text == '-';
    text += negative;
    if (!parse_digits(&text, 12, &value, &count) || count == 0)
        return false;
    if (*text == '.') {
        text++;
        if (!parse_digits(&text, 2, &value, &count) || count != 2)
            return false;
    } else {
        value *= 100;
    }
    *ret_cents = negative ? -value : value;
    return *text == '\0';
}

static int post(seal_channel *channel, char **arguments) {
    uint64_t random = 0;
    char key[32];
    char nothing[] = "";
    Bank__Entry entry = BANK__ENTRY__INIT;
    if (arguments[1] == NULL || !parse_money(arguments[1], &entry.amount)) {
        fprintf(stderr, "ledger-client: an amount such as 12.50 or -3 is needed\n");
        return 2;
    }
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return 1;
    snprintf(key, sizeof key, "%016llx", (unsigned long long)random);
    entry.key = key;
    entry.account = arguments[0];
    entry.text = arguments[2] != NULL ? arguments[2] : nothing;
    const Bank__Receipt *receipt = NULL;
    seal_result *result = bank_ledger_sync_post(channel, &entry, NULL, &receipt);
    bool ok = report(result);
    if (ok) {
        printf("entry %llu by %s\n", (unsigned long long)receipt->number, receipt->author);
        print_money("balance: ", receipt->balance);
    }
    seal_result_free(result);
    return ok ? 0 : 1;
}

static int balance(seal_channel *channel, char **arguments) {
    Bank__BalanceRequest request = BANK__BALANCE_REQUEST__INIT;
    request.account = arguments[0];
    const Bank__BalanceReply *reply = NULL;
    seal_result *result = bank_ledger_sync_balance(channel, &request, NULL, &reply);
    bool ok = report(result);
    if (ok)
        print_money("balance: ", reply->balance);
    seal_result_free(result);
    return ok ? 0 : 1;
}

static int history(seal_channel *channel, char **arguments) {
    Bank__HistoryRequest request = BANK__HISTORY_REQUEST__INIT;
    request.account = arguments[0];
    const Bank__HistoryReply *reply = NULL;
    seal_result *result = bank_ledger_sync_history(channel, &request, NULL, &reply);
    bool ok = report(result);
    for (size_t i = 0; ok && i < reply->n_items; i++) {
        const Bank__HistoryItem *item = reply->items[i];
        printf("%llu  %s  %s  ", (unsigned long long)item->number, item->author, item->text);
        print_money("", item->amount);
    }
    seal_result_free(result);
    return ok ? 0 : 1;
}

int main(int argc, char **argv) {
    enum { COMMANDS = 3 };
    static const struct {
        const char *name;
        int (*run)(seal_channel *channel, char **arguments);
    } commands[COMMANDS] = {{"post", post}, {"balance", balance}, {"history", history}};
    const char *target = getenv("LEDGER_TARGET");
    seal_channel *channel = NULL;
    seal_error *error = NULL;
    size_t at = 0;
    while (argc >= 3 && at < COMMANDS && strcmp(argv[1], commands[at].name) != 0)
        at++;
    if (argc < 3 || at == COMMANDS) {
        fprintf(stderr, "usage: ledger-client post ACCOUNT AMOUNT [TEXT] | balance ACCOUNT | "
                        "history ACCOUNT\n");
        return 2;
    }
    if (bank_ledger_channel_new(NULL, target != NULL ? target : "ldap:///bank.Ledger", NULL,
                                &channel, &error) < 0) {
        fprintf(stderr, "ledger-client: %s\n", seal_error_message(error));
        seal_error_free(error);
        return 2;
    }
    int status = commands[at].run(channel, argv + 2);
    seal_channel_free(channel);
    return status;
}
