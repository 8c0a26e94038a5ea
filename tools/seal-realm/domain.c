/* SPDX-License-Identifier: Apache-2.0 */
#include "domain.h"

#include "config.h"
#include "daemon.h"
#include "namespaces.h"
#include "product.h"
#include "report.h"
#include "spawn.h"
#include "template.h"
#include "text.h"
#include "tool.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
#define PYTHON "/usr/bin/python3" /* the one that Samba's modules are for */

enum { LDAP_PORT = 389, LONGEST_USER = 20, LONGEST_COMPUTER = 15 };

static int check_tools(void) {
    static const char *const tools[] = {"samba", "samba-tool", "tar"};
    int status = 0;
    for (size_t i = 0; i < sizeof tools / sizeof tools[0] && status == 0; i++) {
        char *program = spawn_find(tools[i]);
        status = program == NULL ? STATUS_NO_TOOL : 0;
        free(program);
    }
    if (status == 0 && access(PYTHON, X_OK) != 0) {
        complain("%s is not installed; run: apt-get install python3-samba", PYTHON);
        status = STATUS_NO_TOOL;
    }
    return status;
}

/* Splits class/host... into the host and the account's name; both on the heap. */
static int split_service(const char *service, char **ret_host, char **ret_account) {
    const char *slash = strchr(service, '/');
    size_t host = slash == NULL ? 0 : strcspn(slash + 1, ":/");
    size_t label = slash == NULL ? 0 : strcspn(slash + 1, ".:/");
    bool plain = strspn(service, PLAIN ":/") == strlen(service);
    if (host == 0 || label == 0 || label > LONGEST_COMPUTER || !plain) {
        complain("a domain has no account for '%s'; write class/host, class/host:port or "
                 "class/host/name, the host beginning with a label of at most %d characters",
                 service, LONGEST_COMPUTER);
        return STATUS_USAGE;
    }
    *ret_host = text_format("%.*s", (int)host, slash + 1);
    *ret_account = text_format("%.*s", (int)label, slash + 1);
    return 0;
}

static int check_user(const char *name) {
    if (strspn(name, PLAIN) == strlen(name) && strlen(name) <= LONGEST_USER)
        return 0;
    complain("'%s' cannot be a user of a domain; use at most %d letters, digits and . _ -", name,
             LONGEST_USER);
    return STATUS_USAGE;
}

/* Active Directory spells its realms in capitals, and DNS domains have a dot. */
static int check_realm(const char *name) {
    for (const char *p = name; *p != '\0'; p++) {
        if (islower((unsigned char)*p) || strchr(name, '.') == NULL) {
            complain("'%s' cannot be the realm of a domain; use capitals and a dot, as in "
                     "AD.SEALRPC.TEST",
                     name);
            return STATUS_USAGE;
        }
    }
    return 0;
}

/* Each host has one of its own, so that looking it up backwards gives its name. */
static char *address_of(const char *host) {
    unsigned hash = 5381;
    for (const char *p = host; *p != '\0'; p++)
        hash = hash * 33 + (unsigned char)*p;
    return text_format("127.1.%u.%u", (hash >> 8) % 256, 1 + hash % 254);
}

/* What to tell samba-accounts.py; on the heap. The addresses of the hosts are appended to *hosts.
 */
static int plan(const struct options *options, char **orders, char **hosts) {
    int status = 0;
    for (size_t i = 0; i < options->principals.count && status == 0; i++) {
        status = check_user(options->principals.items[i]);
        text_append(orders, "user %s\n", options->principals.items[i]);
    }
    for (size_t i = 0; i < options->keytab_for.count && status == 0; i++)
        text_append(orders, "client %s\n", options->keytab_for.items[i]);
    for (size_t i = 0; i < options->services.count && status == 0; i++) {
        const char *service = options->services.items[i];
        char *host = NULL;
        char *account = NULL;
        status = split_service(service, &host, &account);
        if (status == 0) {
            text_append(orders, "computer %s %s\nspn %s %s\n", account, host, account, service);
            char *address = address_of(host);
            text_append(hosts, "%s %s\n", address, host);
            free(address);
        }
        free(host);
        free(account);
    }
    return status;
}

static void append_folder(char **text, const struct realm *realm, const char *name,
                          const char *folder) {
    text_append(text, " %s = %s/%s/%s\n", name, realm->folder, REALM_SAMBA, folder);
}

static int write_smb_conf(const struct realm *realm) {
    char *workgroup = realm_workgroup(realm);
    char *text = text_format("[global]\n realm = %s\n workgroup = %s\n netbios name = DC1\n",
                             realm->name, workgroup);
    free(workgroup);
    text_append(&text, " server role = active directory domain controller\n"
                       " server services = ldap cldap kdc dns rpc\n"
                       " dcerpc endpoint servers = +drsuapi\n"
                       " interfaces = " REALM_DC_ADDRESS "/8\n bind interfaces only = yes\n"
                       " tls enabled = no\n dns forwarder =\n log level = 1\n logging = file\n");
    append_folder(&text, realm, "private dir", "private");
    append_folder(&text, realm, "state directory", "state");
    append_folder(&text, realm, "cache directory", "cache");
    append_folder(&text, realm, "lock directory", "lock");
    append_folder(&text, realm, "binddns dir", "bind-dns");
    append_folder(&text, realm, "pid directory", "run");
    append_folder(&text, realm, "ncalrpc dir", "run/ncalrpc");
    append_folder(&text, realm, "ntp signd socket directory", "run/ntp");
    append_folder(&text, realm, "winbindd socket directory", "run/winbindd");
    append_folder(&text, realm, "log file", "log");
    int status = realm_write_file(realm, REALM_SMB_CONF, text);
    free(text);
    return status;
}

static int make_folders(const struct realm *realm) {
    static const char *const folders[] = {"", "/cache", "/lock", "/run"};
    int status = 0;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0] && status == 0; i++) {
        char *path = text_format("%s/%s%s", realm->folder, REALM_SAMBA, folders[i]);
        if (mkdir(path, 0755) != 0) {
            complain("cannot create %s: %s", path, strerror(errno));
            status = STATUS_FAILED;
        }
        free(path);
    }
    return status;
}

static int write_hosts(const struct realm *realm, const char *more) {
    char *host = realm_dc_host(realm);
    char *hosts = text_format("127.0.0.1 localhost\n" REALM_DC_ADDRESS " %s dc1\n%s", host,
                              more == NULL ? "" : more);
    int status = realm_write_file(realm, REALM_HOSTS, hosts);
    if (status == 0)
        status =
            realm_write_file(realm, REALM_RESOLV_CONF,
                             "nameserver " REALM_DC_ADDRESS "\noptions timeout:1 attempts:1\n");
    free(hosts);
    free(host);
    return status;
}

int domain_prepare(struct realm *realm, const struct options *options) {
    char *orders = NULL;
    char *hosts = NULL;
    int status = check_tools();
    if (status == 0)
        status = check_realm(realm->name);
    if (status == 0)
        status = plan(options, &orders, &hosts); /* checks the names */
    realm->ports[DAEMON_DC] = LDAP_PORT;
    if (status == 0)
        status = make_folders(realm);
    if (status == 0)
        status = write_smb_conf(realm);
    if (status == 0)
        status = config_write_ldap(realm, "REFERRALS off\n");
    if (status == 0)
        status = write_hosts(realm, hosts);
    if (status == 0)
        status = namespaces_resolve(realm->folder);
    free(orders);
    free(hosts);
    return status;
}

int domain_order(const struct realm *realm, const char *orders, struct children *children,
                 int control_fd) {
    static const char file[] = "samba-accounts.py";
    char *folder = product_folder("seal-realm", SEAL_REALM_SOURCE, file);
    if (folder == NULL)
        return STATUS_FAILED;
    char *script = text_format("%s/%s", folder, file);
    char *config = realm_path(realm, REALM_SMB_CONF);
    char python[] = PYTHON;
    char *arguments[] = {python, script, config, realm->folder, NULL};
    char *output = NULL;
    char *errors = NULL;
    int status = tool_run(children, control_fd, arguments, orders, &output, &errors);
    free(output);
    free(errors);
    free(config);
    free(script);
    free(folder);
    return status;
}

int domain_start(const struct realm *realm, const struct options *options,
                 struct children *children, int control_fd) {
    int status = template_unpack(realm, options, children, control_fd);
    if (status != 0)
        return status;
    char *orders = NULL;
    char *hosts = NULL;
    status = plan(options, &orders, &hosts);
    text_append(&orders, "installer installer\n");
    if (status == 0)
        status = domain_order(realm, orders, children, control_fd);
    free(orders);
    free(hosts);
    if (status != 0)
        return status;
    pid_t pid = daemon_launch(realm, DAEMON_DC, -1, 0);
    if (pid < 0)
        return STATUS_FAILED;
    child_started(&children->daemons[DAEMON_DC], pid);
    return daemon_await(realm, DAEMON_DC, children, control_fd);
}

int domain_add(const struct realm *realm, const struct options *options,
               struct children *children) {
    char *orders = NULL;
    char *hosts = NULL;
    int status = plan(options, &orders, &hosts);
    if (status == 0)
        status = domain_order(realm, orders, children, -1);
    if (status == 0 && hosts != NULL) {
        char *path = realm_path(realm, REALM_HOSTS);
        if (text_append_file(path, hosts) != 0) { /* the same file: it is mounted over /etc/hosts */
            complain("cannot write %s: %s", path, strerror(errno));
            status = STATUS_FAILED;
        }
        free(path);
    }
    free(orders);
    free(hosts);
    return status;
}
