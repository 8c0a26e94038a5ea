/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "report.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_KEYS "aes256-cts-hmac-sha384-192:normal aes256-cts-hmac-sha1-96:normal"

/* Names as given, each with `suffix`, separated by spaces. */
static char *join(const struct text_list *list, const char *suffix) {
    char *joined = NULL;
    for (size_t i = 0; i < list->count; i++)
        text_append(&joined, "%s%s%s", i == 0 ? "" : " ", list->items[i], suffix);
    return joined;
}

static char *krb5_conf(const struct realm *realm, const struct options *options) {
    const char *folder = realm->folder;
    char *text = text_format("[libdefaults]\n"
                             " default_realm = %s\n"
                             " dns_lookup_realm = false\n"
                             " dns_lookup_kdc = false\n"
                             " dns_uri_lookup = false\n"
                             " dns_canonicalize_hostname = false\n"
                             " rdns = false\n"
                             " qualify_shortname = \"\"\n"
                             " udp_preference_limit = 1\n"
                             " forwardable = true\n",
                             realm->name);
    text_append(&text, " default_ccache_name = FILE:%s/%s\n", folder, REALM_CCACHE);
    text_append(&text, " default_keytab_name = FILE:%s/%s\n", folder, REALM_SERVICE_KEYTAB);
    text_append(&text, " default_client_keytab_name = FILE:%s/%s\n", folder, REALM_CLIENT_KEYTAB);
    text_append(&text, " default_rcache_name = file2:%s/%s\n", folder, REALM_RCACHE);
    if (options->ticket_life > 0)
        text_append(&text, " ticket_lifetime = %lds\n", options->ticket_life);
    if (options->clockskew > 0)
        text_append(&text, " clockskew = %ld\n", options->clockskew);
    char *enctypes = join(&options->enctypes, "");
    if (enctypes != NULL) /* asked for by name, so old ones are meant to work */
        text_append(&text,
                    " permitted_enctypes = %s\n allow_weak_crypto = true\n"
                    " allow_rc4 = true\n allow_des3 = true\n",
                    enctypes);
    free(enctypes);
    if (realm->ports[DAEMON_DC] != 0)
        text_append(&text, "[realms]\n %s = {\n  kdc = %s\n  kpasswd_server = %s\n", realm->name,
                    REALM_DC_ADDRESS, REALM_DC_ADDRESS);
    else
        text_append(&text, "[realms]\n %s = {\n  kdc = 127.0.0.1:%d\n", realm->name,
                    realm->ports[DAEMON_KDC]);
    if (realm->ports[DAEMON_KADMIND] != 0)
        text_append(&text, "  admin_server = 127.0.0.1:%d\n  kpasswd_server = 127.0.0.1:%d\n",
                    realm->ports[DAEMON_KADMIND], realm->kpasswd_port);
    text_append(&text, " }\n");
    text_append(&text, "[domain_realm]\n localhost = %s\n", realm->name);
    if (realm->ports[DAEMON_DC] != 0) {
        char *host = realm_dc_host(realm);
        text_append(&text, " %s = %s\n", strchr(host, '.'), realm->name);
        free(host);
    }
    return text;
}

static char *kdc_conf(const struct realm *realm, const struct options *options) {
    const char *folder = realm->folder;
    char *text = text_format("[kdcdefaults]\n"
                             " kdc_listen = 127.0.0.1:%d\n"
                             " kdc_tcp_listen = 127.0.0.1:%d\n"
                             "[realms]\n"
                             " %s = {\n",
                             realm->ports[DAEMON_KDC], realm->ports[DAEMON_KDC], realm->name);
    text_append(&text, "  database_name = %s/%s\n", folder, REALM_DATABASE);
    text_append(&text, "  key_stash_file = %s/%s\n", folder, REALM_STASH);
    text_append(&text, "  acl_file = %s/%s\n", folder, REALM_KADMIND_ACL);
    if (realm->ports[DAEMON_KADMIND] != 0)
        text_append(&text, "  kadmind_listen = 127.0.0.1:%d\n  kpasswd_listen = 127.0.0.1:%d\n",
                    realm->ports[DAEMON_KADMIND], realm->kpasswd_port);
    if (options->ticket_life > 0)
        text_append(&text, "  max_life = %lds\n", options->ticket_life);
    else
        text_append(&text, "  max_life = 10h\n");
    char *keys = join(&options->enctypes, ":normal");
    text_append(&text,
                "  max_renewable_life = 7d\n  default_principal_flags = +preauth\n"
                "  supported_enctypes = %s\n }\n",
                keys == NULL ? DEFAULT_KEYS : keys);
    free(keys);
    text_append(&text, "[logging]\n kdc = FILE:%s/%s\n", folder, REALM_KDC_LOG);
    text_append(&text, " admin_server = FILE:%s/kadmind.log\n", folder);
    text_append(&text, " default = FILE:%s/other.log\n", folder);
    return text;
}

/* Takes the text. */
static int write_file(const struct realm *realm, const char *file, char *text) {
    int status = realm_write_file(realm, file, text);
    free(text);
    return status;
}

int config_write(const struct realm *realm, const struct options *options) {
    int status = write_file(realm, REALM_KRB5_CONF, krb5_conf(realm, options));
    if (status == 0 && realm->ports[DAEMON_KDC] != 0)
        status = write_file(realm, REALM_KDC_CONF, kdc_conf(realm, options));
    return status;
}

/* Without SASL_NOCANON the server's name would come from a reverse look-up. */
int config_write_ldap(const struct realm *realm, const char *more) {
    char *uris = realm_directory_uris(realm);
    char *suffix = realm_suffix(realm);
    char *text = text_format("URI %s\nBASE %s\nSASL_MECH GSSAPI\nSASL_NOCANON on\n"
                             "SASL_SECPROPS minssf=56\n%s",
                             uris, suffix, more);
    free(uris);
    free(suffix);
    return write_file(realm, REALM_LDAP_CONF, text);
}
