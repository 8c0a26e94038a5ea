/* SPDX-License-Identifier: Apache-2.0 */
/* Which servers there are, the first that works, and what it offers. */
#include "naming/directory_internal.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "net/address.h"

#define AD_OID "1.2.840.113556.1.4.800"
#define BUILT_IN_URI "ldap://localhost:389"

enum { MESSAGE = 1500 };

/* ---- libldap ---- */

/* What libldap sets up when it is used for the first time is not safe with threads. */
static void init_libldap(void) {
    int version = 0;
    (void)ldap_get_option(NULL, LDAP_OPT_PROTOCOL_VERSION, &version);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A text from ldap.conf; to be freed with ldap_memfree. NULL: none. */
static char *configured(int option) {
    char *text = NULL;
    if (ldap_get_option(NULL, option, &text) != LDAP_OPT_SUCCESS)
        return NULL;
    return text;
}

/* ---- Servers ---- */

typedef struct servers {
    size_t n;
    seal__directory_place items[SEAL__DIRECTORY_MAX_SERVERS];
} servers;

static bool take_host(const char *host, char *ret_host) {
    size_t len = strlen(host);
    if (len > 0 && host[len - 1] == '.')
        len--;
    if (len == 0 || len >= SEAL__DIRECTORY_HOST)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)host[i];
        if (c >= 0x80 || (!isalnum(c) && c != '-' && c != '.' && c != '_'))
            return false;
        ret_host[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    ret_host[len] = '\0';
    return true;
}

static int check_server(const char *uri, const LDAPURLDesc *url, seal__directory_place *ret_server,
                        seal_error **reterr) {
    const char *host = url->lud_host == NULL ? "" : url->lud_host;
    char name[SEAL__DIRECTORY_HOST];
    if (strcmp(url->lud_scheme, "ldap") != 0)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "directory \"%s\": write ldap://HOST[:PORT]; Kerberos seals the "
                           "connection, so neither ldaps nor ldapi is needed",
                           uri);
    if (seal__host_is_literal(host))
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "directory \"%s\": an address cannot be authenticated; write the host "
                           "name that the directory's principal ldap/HOST has",
                           uri);
    if (!take_host(host, name))
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "directory \"%s\": \"%.200s\" is no host name (international names as "
                           "A-labels, xn--...)",
                           uri, host);
    memcpy(ret_server->host, name, strlen(name) + 1);
    snprintf(ret_server->uri, sizeof ret_server->uri, "ldap://%s:%d", name,
             url->lud_port == 0 ? LDAP_PORT : url->lud_port);
    return 0;
}

static int add_server(servers *list, const char *at, size_t len, seal_error **reterr) {
    char uri[SEAL__DIRECTORY_URI];
    LDAPURLDesc *url = NULL;
    if (len >= sizeof uri)
        return seal__error(reterr, SEAL_ERROR_INVALID, "directory \"%.100s...\" is too long", at);
    if (list->n == SEAL__DIRECTORY_MAX_SERVERS)
        return seal__error(reterr, SEAL_ERROR_INVALID, "more than %d directory servers are named",
                           SEAL__DIRECTORY_MAX_SERVERS);
    memcpy(uri, at, len);
    uri[len] = '\0';
    if (ldap_url_parse(uri, &url) != LDAP_URL_SUCCESS)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "directory \"%s\" is no address; write ldap://HOST[:PORT]", uri);
    int rc = check_server(uri, url, &list->items[list->n], reterr);
    ldap_free_urldesc(url);
    list->n += rc == 0;
    return rc;
}

static int parse_servers(const char *uris, servers *list, seal_error **reterr) {
    static const char separators[] = " \t,";
    const char *at = uris + strspn(uris, separators);
    while (*at != '\0') {
        size_t len = strcspn(at, separators);
        int rc = add_server(list, at, len, reterr);
        if (rc < 0)
            return rc;
        at += len;
        at += strspn(at, separators);
    }
    if (list->n == 0)
        return seal__error(reterr, SEAL_ERROR_DIRECTORY,
                           "no directory is configured; name one (ldap://HOST), or set URI in "
                           "ldap.conf");
    return 0;
}

static int find_servers(const char *uris, servers *list, bool *ret_default, seal_error **reterr) {
    if (uris != NULL)
        return parse_servers(uris, list, reterr);
    char *found = configured(LDAP_OPT_URI);
    int rc = parse_servers(found == NULL ? "" : found, list, reterr);
    /* libldap's own when there is neither ldap.conf nor LDAPURI. */
    *ret_default = rc == 0 && list->n == 1 && strcmp(list->items[0].uri, BUILT_IN_URI) == 0;
    ldap_memfree(found);
    return rc;
}

/* ---- The root entry ---- */

static bool has_value(const seal__directory_entry *root, const char *attribute, const char *value) {
    const seal__directory_attribute *a = seal__directory_get(root, attribute);
    for (size_t i = 0; a != NULL && i < a->n_values; i++) {
        if (strcmp(a->values[i], value) == 0)
            return true;
    }
    return false;
}

static bool leases_within(const seal__directory_entry *root, const char *base) {
    const seal__directory_attribute *a = seal__directory_get(root, "dynamicSubtrees");
    for (size_t i = 0; a != NULL && i < a->n_values; i++) {
        if (seal__directory_is_within(base, a->values[i]))
            return true;
    }
    return false;
}

static bool take_root(void *user, const seal__directory_entry *root) {
    seal__directory *d = user;
    d->is_ad = has_value(root, "supportedCapabilities", AD_OID);
    d->has_sync = has_value(root, "supportedControl", LDAP_CONTROL_SYNC);
    d->has_notify = has_value(root, "supportedControl", SEAL__DIRECTORY_NOTIFY_OID);
    const char *context = seal__directory_get_one(root, "defaultNamingContext");
    if (context == NULL)
        context = seal__directory_get_one(root, "namingContexts");
    d->context = context == NULL ? NULL : seal__strdup(&d->alloc, context);
    if (d->base == NULL && context != NULL)
        d->base = seal__strdup(&d->alloc, context);
    d->has_leases = d->base != NULL && leases_within(root, d->base);
    return context == NULL || (d->context != NULL && d->base != NULL);
}

static int set_base(seal__directory *d, const char *base, seal_error **reterr) {
    char *found = base == NULL ? configured(LDAP_OPT_DEFBASE) : NULL;
    const char *wanted = base == NULL ? found : base;
    bool given = wanted != NULL && wanted[0] != '\0';
    d->base = given ? seal__strdup(&d->alloc, wanted) : NULL;
    ldap_memfree(found);
    return given && d->base == NULL ? seal__error_no_memory(reterr) : 0;
}

static int read_root(seal__directory *d, const char *base, seal_error **reterr) {
    static const char *const wanted[] = {"supportedCapabilities", "supportedControl",
                                         "defaultNamingContext",  "namingContexts",
                                         "dynamicSubtrees",       NULL};
    seal_error *error = NULL;
    int rc = set_base(d, base, &error);
    if (rc == 0)
        rc = seal__directory_search(d, "", SEAL__SCOPE_BASE, "(objectClass=*)", wanted, take_root,
                                    d, &error);
    if (rc == SEAL_ERROR_CANCELLED)
        rc = seal__error_no_memory(reterr);
    else if (rc < 0)
        rc = seal__error(reterr, rc, "%s", seal_error_message(error));
    seal_error_free(error);
    if (rc == 0 && d->base == NULL)
        rc = seal__error(reterr, SEAL_ERROR_DIRECTORY,
                         "directory %s does not say where its entries are; set base, or BASE in "
                         "ldap.conf",
                         d->uri);
    return rc;
}

/* ---- Opening ---- */

static int open_server(const seal_allocator *alloc, const seal__directory_config *config,
                       const seal__directory_place *server, seal__directory **ret_directory,
                       seal_error **reterr) {
    seal__directory *d = NULL;
    int rc = seal__directory_connect(alloc, config, server, &d, reterr);
    if (rc == 0)
        rc = read_root(d, config->base, reterr);
    if (rc < 0)
        seal__directory_close(d);
    else
        *ret_directory = d;
    return rc;
}

/* Another server would say the same, or must not be asked any more. */
static bool is_final(int code) {
    switch (code) {
    case SEAL_ERROR_DIRECTORY_UNTRUSTED:
    case SEAL_ERROR_CREDENTIALS:
    case SEAL_ERROR_CREDENTIALS_EXPIRED:
    case SEAL_ERROR_KEYTAB:
    case SEAL_ERROR_KERBEROS_CONFIG:
    case SEAL_ERROR_INVALID:
    case SEAL_ERROR_NO_MEMORY:
        return true;
    default:
        return false;
    }
}

typedef struct failures {
    char text[MESSAGE];
    int code; /* of all, SEAL_ERROR_DIRECTORY when they differ */
} failures;

static void add_failure(failures *f, const seal_error *error) {
    int code = seal_error_get_code(error);
    size_t used = strlen(f->text);
    f->code = used == 0 || f->code == code ? code : SEAL_ERROR_DIRECTORY;
    snprintf(f->text + used, sizeof f->text - used, "%s%s", used == 0 ? "" : "; next, ",
             seal_error_message(error));
}

static int open_first(const seal_allocator *alloc, const seal__directory_config *config,
                      const servers *list, seal__directory **ret_directory, seal_error **reterr) {
    failures all = {.text = ""};
    for (size_t i = 0; i < list->n; i++) {
        size_t index = (config->first + i) % list->n;
        seal_error *error = NULL;
        int rc = open_server(alloc, config, &list->items[index], ret_directory, &error);
        if (rc == 0) {
            (*ret_directory)->n_servers = (uint32_t)list->n;
            (*ret_directory)->index = (uint32_t)index;
            return 0;
        }
        add_failure(&all, error);
        seal_error_free(error);
        if (is_final(rc)) {
            all.code = rc;
            break;
        }
    }
    return seal__error(reterr, all.code, "%s", all.text);
}

int seal__directory_open(const seal_allocator *alloc, const seal__directory_config *config,
                         seal__directory **ret_directory, seal_error **reterr) {
    servers list = {0};
    bool is_default = false;
    pthread_once(&once, init_libldap);
    int rc = find_servers(config->uris, &list, &is_default, reterr);
    if (rc < 0)
        return rc;
    rc = open_first(alloc, config, &list, ret_directory, reterr);
    if (rc < 0 && is_default && config->uris == NULL)
        seal__error_prefix(reterr, "no directory is named (URI of ldap.conf), so this host is "
                                   "asked");
    return rc;
}

void seal__directory_close(seal__directory *directory) {
    if (directory == NULL)
        return;
    seal_allocator alloc = directory->alloc;
    if (directory->ld != NULL)
        ldap_unbind_ext(directory->ld, NULL, NULL);
    seal__directory_layer_done(&directory->layer);
    seal__release(&alloc, directory->watch_class);
    seal__release(&alloc, directory->base);
    seal__release(&alloc, directory->context);
    seal__release(&alloc, directory);
}

const char *seal__directory_server(const seal__directory *directory) {
    return directory->uri;
}

const char *seal__directory_base(const seal__directory *directory) {
    return directory->base;
}

uint32_t seal__directory_servers(const seal__directory *directory) {
    return directory->n_servers;
}

uint32_t seal__directory_index(const seal__directory *directory) {
    return directory->index;
}

bool seal__directory_is_ad(const seal__directory *directory) {
    return directory->is_ad;
}

bool seal__directory_has_sync(const seal__directory *directory) {
    return directory->has_sync;
}

bool seal__directory_can_watch(const seal__directory *directory) {
    return directory->has_sync || (directory->has_notify && directory->context != NULL);
}

bool seal__directory_has_leases(const seal__directory *directory) {
    return directory->has_leases;
}
