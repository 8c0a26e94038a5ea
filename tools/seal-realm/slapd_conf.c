/* SPDX-License-Identifier: Apache-2.0 */
#include "slapd_conf.h"

#include "config.h"
#include "daemon.h"
#include "product.h"
#include "report.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Copies a file of the product to the realm, filled in. */
static int fill_in(const struct realm *realm, const char *product, const char *file) {
    char *from = text_format("%s/%s", product, file);
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    char *text = fd < 0 ? NULL : text_read_fd(fd);
    int status = 0;
    if (text == NULL) {
        complain("cannot read %s: %s", from, strerror(errno));
        status = STATUS_FAILED;
    } else {
        char *suffix = realm_suffix(realm);
        char *pattern = text_replace(realm->name, ".", "[.]");
        char *with_suffix = text_replace(text, "@SUFFIX@", suffix);
        char *whole = text_replace(with_suffix, "@REALM@", pattern);
        status = realm_write_file(realm, file, whole);
        free(whole);
        free(with_suffix);
        free(pattern);
        free(suffix);
    }
    if (fd >= 0)
        close(fd);
    free(text);
    free(from);
    return status;
}

static char *global_part(const struct realm *realm, enum daemon which, const char *suffix) {
    char *schema = product_find("/etc/ldap/schema:/etc/openldap/schema", "core.schema");
    char *modules = product_find("/usr/lib/ldap:/usr/lib64/openldap:/usr/lib/openldap", "dds.so");
    if (schema == NULL) {
        complain("slapd's core.schema is missing; run: apt-get install --reinstall slapd");
        free(modules);
        return NULL;
    }
    char *text = text_format("include %s/core.schema\ninclude %s/cosine.schema\n"
                             "include \"%s/sealrpc.schema\"\n",
                             schema, schema, realm->folder);
    if (modules != NULL)
        text_append(&text,
                    "modulepath %s\nmoduleload back_mdb\nmoduleload syncprov\n"
                    "moduleload unique\nmoduleload dds\n",
                    modules);
    text_append(&text, "pidfile \"%s/%s.pid\"\nthreads 4\nlocalSSF 256\n", realm->folder,
                daemon_name(which));
    text_append(&text, "sasl-host localhost\nsasl-realm %s\n", realm->name);
    text_append(&text,
                "authz-regexp \"^gidnumber=[0-9]+[+]uidnumber=%u,cn=peercred,cn=external,"
                "cn=auth$\" \"cn=admin,%s\"\n",
                (unsigned)geteuid(), suffix);
    text_append(&text,
                "authz-regexp \"^uid=ldap/localhost,cn=[^,]+,cn=gssapi,cn=auth$\" "
                "\"cn=replica,%s\"\n",
                suffix);
    text_append(&text, "include \"%s/sealrpc-sasl.conf\"\n", realm->folder);
    text_append(&text, "access to dn.base=\"\" by * read\n"
                       "access to dn.base=\"cn=subschema\" by * read\n");
    free(schema);
    free(modules);
    return text;
}

static void append_database(char **text, const struct realm *realm, enum daemon which,
                            const char *suffix) {
    text_append(text, "database mdb\nsuffix \"%s\"\nrootdn \"cn=admin,%s\"\n", suffix, suffix);
    text_append(text, "directory \"%s/%s.db\"\nmaxsize 268435456\ndbnosync\n", realm->folder,
                daemon_name(which));
    text_append(text, "index objectClass,entryUUID,entryCSN,keywords,servicePrincipalName,"
                      "serviceClassName,uid,cn eq\n");
    text_append(text, "limits dn.exact=\"cn=replica,%s\" size=unlimited time=unlimited\n", suffix);
    if (which == DAEMON_REPLICA)
        text_append(text,
                    "syncrepl rid=1 provider=ldap://localhost:%d type=refreshAndPersist\n"
                    "  retry=\"1 +\" searchbase=\"%s\" bindmethod=sasl saslmech=GSSAPI\n"
                    "  secprops=minssf=56 network-timeout=10 keepalive=10:3:5\n"
                    "updateref ldap://localhost:%d\n",
                    realm->ports[DAEMON_DIRECTORY], suffix, realm->ports[DAEMON_DIRECTORY]);
    text_append(text, "include \"%s/sealrpc-acl.conf\"\n", realm->folder);
    if (which == DAEMON_DIRECTORY)
        text_append(text, "overlay dds\ndds-min-ttl 1\ndds-max-ttl 86400\ndds-default-ttl 30\n"
                          "dds-interval 1\ndds-tolerance 0\n"
                          "overlay syncprov\nsyncprov-sessionlog 1000\n");
}

static int write_slapd_conf(const struct realm *realm, enum daemon which) {
    char *suffix = realm_suffix(realm);
    char *text = global_part(realm, which, suffix);
    int status = text == NULL ? STATUS_NO_TOOL : 0;
    if (status == 0) {
        append_database(&text, realm, which, suffix);
        char *path = daemon_file(realm, which, "conf");
        char *database = daemon_file(realm, which, "db");
        status = realm_write_path(path, text);
        if (status == 0 && mkdir(database, 0700) != 0) {
            complain("cannot create %s: %s", database, strerror(errno));
            status = STATUS_FAILED;
        }
        free(path);
        free(database);
    }
    free(text);
    free(suffix);
    return status;
}

int slapd_conf_write(const struct realm *realm) {
    static const char *const files[] = {"sealrpc.schema", "sealrpc-sasl.conf", "sealrpc-acl.conf"};
    char *product = product_folder("openldap", SEAL_REALM_OPENLDAP, "sealrpc-acl.conf");
    int status = product == NULL ? STATUS_FAILED : 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0] && status == 0; i++)
        status = fill_in(realm, product, files[i]);
    if (status == 0)
        status = write_slapd_conf(realm, DAEMON_DIRECTORY);
    if (status == 0 && realm->ports[DAEMON_REPLICA] != 0)
        status = write_slapd_conf(realm, DAEMON_REPLICA);
    if (status == 0)
        status = config_write_ldap(realm, "");
    free(product);
    return status;
}
