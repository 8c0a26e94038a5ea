/* SPDX-License-Identifier: Apache-2.0 */
/* Would DNS turn the host of a service principal name into another one? sealrpc does not ask it,
 * but programs that canonicalize names do. */
#include <netdb.h>
#include <profile.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "secure/gss/spn_check_internal.h"

typedef struct canonical {
    char forward[NI_MAXHOST]; /* "": DNS has nothing */
    char reverse[NI_MAXHOST];
    bool asked; /* false: DNS did not answer */
    const char *why;
} canonical;

static void copy_host(char *text, size_t size, const char *host) {
    snprintf(text, size, "%s", host == NULL ? "" : host);
    size_t len = strlen(text);
    if (len > 0 && text[len - 1] == '.')
        text[len - 1] = '\0';
}

static void look_up(const char *host, canonical *c) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
    struct addrinfo *found = NULL;
    *c = (canonical){.asked = true};
    int code = getaddrinfo(host, NULL, &hints, &found);
    c->asked = code == 0 || code == EAI_NONAME;
    c->why = gai_strerror(code);
    if (code != 0)
        return;
    copy_host(c->forward, sizeof c->forward, found->ai_canonname);
    char name[NI_MAXHOST];
    if (getnameinfo(found->ai_addr, found->ai_addrlen, name, sizeof name, NULL, 0, NI_NAMEREQD) ==
        0)
        copy_host(c->reverse, sizeof c->reverse, name);
    freeaddrinfo(found);
}

/* As libkrb5 reads it; "fallback" counts as on. */
static void setting(krb5_context krb5, const char *name, char *text, size_t size) {
    profile_t profile = NULL;
    char *value = NULL;
    snprintf(text, size, "on");
    if (krb5_get_profile(krb5, &profile) != 0)
        return;
    if (profile_get_string(profile, "libdefaults", name, NULL, "true", &value) == 0 &&
        value != NULL) {
        static const char *const off[] = {"n", "no", "false", "nil", "0", "off", "f"};
        for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
            if (strcasecmp(value, off[i]) == 0)
                snprintf(text, size, "off");
        }
    }
    profile_release_string(value);
    profile_release(profile);
}

/* The second component without its port; false: it is no name that DNS could change. */
static bool host_of(krb5_const_principal principal, char *host, size_t size) {
    if (principal->length < 2)
        return false;
    const krb5_data *second = &principal->data[1];
    const char *colon = memchr(second->data, ':', second->length);
    size_t len = colon == NULL ? second->length : (size_t)(colon - second->data);
    if (len == 0 || len >= size || second->data[0] == '[')
        return false;
    memcpy(host, second->data, len);
    host[len] = '\0';
    return strspn(host, "0123456789.") != len;
}

static void report(krb5_context krb5, const char *full, const char *host, const canonical *c,
                   seal__spn_report *report) {
    bool forward = c->forward[0] != '\0' && strcasecmp(c->forward, host) != 0;
    bool reverse = c->reverse[0] != '\0' && strcasecmp(c->reverse, host) != 0;
    if (!forward && !reverse)
        return;
    char canonicalize[8];
    char rdns[8];
    char remedy[SEAL__SPN_TEXT];
    setting(krb5, "dns_canonicalize_hostname", canonicalize, sizeof canonicalize);
    setting(krb5, "rdns", rdns, sizeof rdns);
    const char *other = reverse ? c->reverse : c->forward;
    int class_len = (int)strcspn(full, "/@");
    seal__spn_remedy(
        remedy,
        "set dns_canonicalize_hostname = false and rdns = false in krb5.conf of such clients, "
        "or register %.*s/%s as well, or correct DNS",
        class_len, full, other);
    seal__spn_report_add(report, SEAL__SPN_DNS_CHANGES, false, remedy,
                         "DNS knows %.250s as %.250s (%s lookup): programs that canonicalize names "
                         "would ask for %.*s/%.250s; sealrpc does not; in krb5.conf here "
                         "dns_canonicalize_hostname is %s, rdns is %s",
                         host, other, reverse ? "reverse" : "forward", class_len, full, other,
                         canonicalize, rdns);
}

void seal__spn_check_dns(const char *spn, seal__spn_report *ret_report) {
    krb5_context krb5 = NULL;
    krb5_principal principal = NULL;
    char host[256];
    canonical c;
    if (krb5_init_context(&krb5) != 0)
        return;
    if (krb5_parse_name_flags(krb5, spn, KRB5_PRINCIPAL_PARSE_IGNORE_REALM, &principal) == 0 &&
        host_of(principal, host, sizeof host)) {
        look_up(host, &c);
        if (c.asked)
            report(krb5, spn, host, &c, ret_report);
        else
            seal__spn_report_add(ret_report, SEAL__SPN_UNKNOWN, false, "",
                                 "DNS could not be asked whether it changes the host of %.300s: %s",
                                 spn, c.why);
    }
    krb5_free_principal(krb5, principal);
    krb5_free_context(krb5);
}
