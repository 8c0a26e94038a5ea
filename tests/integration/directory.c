/* SPDX-License-Identifier: Apache-2.0 */
#include "directory.h"

#include "base/shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *setting(const char *name) {
    const char *value = getenv(name);
    if (value == NULL) {
        print_error("%s is not set: run this inside seal-realm --with-directory\n", name);
        fail();
    }
    return value;
}

const char *it_directory_uri(void) {
    static char uri[128];
    snprintf(uri, sizeof uri, "%.*s", (int)strcspn(setting("SEAL_DIRECTORY_URI"), " "),
             setting("SEAL_DIRECTORY_URI"));
    return uri;
}

const char *it_directory_copy_uri(void) {
    const char *uri = strrchr(setting("SEAL_DIRECTORY_URI"), ' ');
    assert_non_null(uri);
    return uri + 1;
}

const char *it_directory_base(void) {
    return setting("SEAL_DIRECTORY_BASE");
}

const char *it_account(const char *host) {
    static char dns[4][256];
    static unsigned count;
    char *dn = dns[count++ % 4];
    snprintf(dn, sizeof dns[0], "cn=%s,ou=Accounts,%s", host, it_directory_base());
    return dn;
}

void it_directory_steer(const char *command) {
    char line[512];
    snprintf(line, sizeof line, "\"$SEAL_REALM_PROGRAM\" %s directory >/dev/null", command);
    it_shell(line);
}

void it_directory_modify(const char *options, const char *ldif) {
    char line[512];
    const char *path = it_path("change.ldif");
    it_write_file(path, ldif, strlen(ldif));
    snprintf(line, sizeof line,
             "ldapmodify -Q -Y EXTERNAL -H \"$SEAL_REALM_LDAPI\" %s -f %s >/dev/null", options,
             path);
    it_shell(line);
}

void it_directory_remove(const char *dn) {
    char line[512];
    char word[256];
    snprintf(line, sizeof line,
             "ldapdelete -Q -Y EXTERNAL -H \"$SEAL_REALM_LDAPI\" %s 2>/dev/null || test $? = 32",
             seal__shell_word(dn, "", word, sizeof word));
    it_shell(line);
}

static void copy_one(const seal__directory_entry *entry, const char *name, char *text,
                     size_t size) {
    const char *value = seal__directory_get_one(entry, name);
    snprintf(text, size, "%s", value == NULL ? "" : value);
}

static bool take(void *user, const seal__directory_entry *from) {
    it_entry *entry = user;
    const seal__directory_attribute *keywords = seal__directory_get(from, "keywords");
    char ttl[16];
    assert_false(entry->found);
    assert_int_equal(seal__scp_parse(from, &entry->scp, NULL), 0);
    entry->found = true;
    copy_one(from, "entryTtl", ttl, sizeof ttl);
    entry->ttl_s = (uint32_t)strtoul(ttl, NULL, 10);
    copy_one(from, "serviceDNSNameType", entry->type, sizeof entry->type);
    copy_one(from, "serviceBindingInformation", entry->binding, sizeof entry->binding);
    for (size_t i = 0; keywords != NULL && i < keywords->n_values; i++) {
        if (strcmp(keywords->values[i], SEAL__SCP_PRODUCT_GUID) == 0)
            snprintf(entry->guid, sizeof entry->guid, "%s", keywords->values[i]);
    }
    return true;
}

void it_entry_get(const char *name, it_entry *ret_entry) {
    static const char *const attributes[] = {"*", "entryTtl", NULL};
    seal__directory_config config = {.uris = it_directory_uri(), .base = it_directory_base()};
    seal__directory *directory = NULL;
    seal_error *error = NULL;
    char filter[256];
    *ret_entry = (it_entry){.found = false};
    int rc = seal__directory_open(&seal__default_allocator, &config, &directory, &error);
    snprintf(filter, sizeof filter, "(&(objectClass=serviceConnectionPoint)(cn=%s))", name);
    if (rc == 0)
        rc = seal__directory_search(directory, NULL, SEAL__SCOPE_SUBTREE, filter, attributes, take,
                                    ret_entry, &error);
    if (rc < 0)
        print_error("directory: %s\n", seal_error_message(error));
    seal_error_free(error);
    seal__directory_close(directory);
    assert_int_equal(rc, 0);
}

typedef struct awaited {
    const char *name;
    bool found;
} awaited;

static bool is_as_wanted(void *arg) {
    static it_entry entry;
    const awaited *a = arg;
    it_entry_get(a->name, &entry);
    return entry.found == a->found;
}

void it_entry_wait(const char *name, bool found) {
    awaited a = {.name = name, .found = found};
    it_wait(is_as_wanted, &a, found ? "an entry that appears" : "an entry that disappears");
}
