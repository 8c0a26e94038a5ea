/* SPDX-License-Identifier: Apache-2.0 */
#include "template.h"

#include "domain.h"
#include "report.h"
#include "spawn.h"
#include "text.h"
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

/* `list` without its program, which is found here. */
static int run(const char *program, struct text_list *list, struct children *children,
               int control_fd, char **ret_output) {
    char *path = spawn_find(program);
    int status = STATUS_NO_TOOL;
    char *output = NULL;
    char *errors = NULL;
    if (path != NULL) {
        text_list_insert(list, path);
        text_list_end(list);
        status = tool_run(children, control_fd, list->items, NULL, &output, &errors);
    }
    if (ret_output != NULL && status == 0)
        *ret_output = output;
    else
        free(output);
    free(errors);
    free(path);
    return status;
}

static char *folder_of(const struct options *options) {
    if (options->ad_template != NULL)
        return text_format("%s", options->ad_template);
    const char *cache = getenv("XDG_CACHE_HOME");
    if (cache != NULL && cache[0] == '/')
        return text_format("%s/sealrpc", cache);
    const char *home = getenv("HOME");
    return home != NULL && home[0] == '/' ? text_format("%s/.cache/sealrpc", home)
                                          : text_format("/var/tmp/sealrpc");
}

/* Another version of Samba may have another schema. The file is replaced as a whole, never changed.
 */
static int find_path(const struct realm *realm, const struct options *options,
                     struct children *children, int control_fd, char **ret_path) {
    struct text_list words = {0};
    char *said = NULL;
    text_list_add(&words, "--version");
    int status = run("samba", &words, children, control_fd, &said);
    text_list_done(&words);
    if (status != 0)
        return status;
    const char *version = strncmp(said, "Version ", 8) == 0 ? said + 8 : said;
    char *folder = folder_of(options);
    *ret_path = text_format("%s/samba-%.*s-%s-1.tar.gz", folder, (int)strspn(version, PLAIN),
                            version, realm->name);
    free(folder);
    free(said);
    return 0;
}

static void add_option(struct text_list *words, const char *name, const char *value) {
    char *word = text_format("--option=%s=%s", name, value);
    text_list_add(words, word);
    free(word);
}

static void add_folder(struct text_list *words, const struct realm *realm, const char *name,
                       const char *folder) {
    char *path = text_format("%s/%s/%s", realm->folder, REALM_SAMBA, folder);
    add_option(words, name, path);
    free(path);
}

static int provision(const struct realm *realm, struct children *children, int control_fd) {
    static const char files[] = "/usr/share/samba/setup";
    if (access(files, R_OK) != 0) {
        complain("there is no %s, of which Samba makes domains; run: apt-get install "
                 "samba-ad-provision (Fedora: dnf install samba-dc-provision)",
                 files);
        return STATUS_NO_TOOL;
    }
    char *target = realm_path(realm, REALM_SAMBA);
    char *realm_word = text_format("--realm=%s", realm->name);
    char *workgroup = realm_workgroup(realm);
    char *domain_word = text_format("--domain=%s", workgroup);
    char *target_word = text_format("--targetdir=%s", target);
    const char *const fixed[] = {"domain",
                                 "provision",
                                 realm_word,
                                 domain_word,
                                 target_word,
                                 "--server-role=dc",
                                 "--dns-backend=SAMBA_INTERNAL",
                                 "--host-name=dc1",
                                 ("--host-ip=" REALM_DC_ADDRESS),
                                 "--configfile=/dev/null"};
    struct text_list words = {0};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        text_list_add(&words, fixed[i]);
    add_option(&words, "interfaces", REALM_DC_ADDRESS "/8");
    add_option(&words, "bind interfaces only", "yes");
    add_option(&words, "dns forwarder", "");
    add_folder(&words, realm, "pid directory", "run");
    add_folder(&words, realm, "ncalrpc dir", "run/ncalrpc");
    add_folder(&words, realm, "ntp signd socket directory", "run/ntp");
    add_folder(&words, realm, "winbindd socket directory", "run/winbindd");
    add_folder(&words, realm, "log file", "log");
    int status = run("samba-tool", &words, children, control_fd, NULL);
    text_list_done(&words);
    free(realm_word);
    free(domain_word);
    free(workgroup);
    free(target_word);
    free(target);
    if (status != 0)
        return status;
    char *host = realm_dc_host(realm);
    char *order = text_format("domain %s\n", host);
    status = domain_order(realm, order, children, control_fd);
    free(order);
    free(host);
    return status;
}

static void make_folders(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) == 0) /* if not, opening a file in it will tell */
            chmod(path, 0755);      /* whatever the umask: it is for everybody */
        *slash = '/';
    }
}

static int pack(const struct realm *realm, char *path, struct children *children, int control_fd) {
    make_folders(path);
    char *new_path = text_format("%s.%d", path, (int)getpid());
    const char *const fixed[] = {
        "-czSf", new_path, "-C", realm->folder, REALM_SAMBA "/private", REALM_SAMBA "/state"};
    struct text_list words = {0};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        text_list_add(&words, fixed[i]);
    int status = run("tar", &words, children, control_fd, NULL);
    text_list_done(&words);
    if (status != 0)
        complain("name a folder that can be written, with --ad-template DIR");
    /* It holds only what is in every realm made of it: no secret of anything real. */
    if (status == 0 && (chmod(new_path, 0644) != 0 || rename(new_path, path) != 0)) {
        complain("cannot make %s: %s", path, strerror(errno));
        status = STATUS_FAILED;
    }
    if (status != 0)
        unlink(new_path);
    free(new_path);
    return status;
}

static int unpack(const struct realm *realm, const char *path, struct children *children,
                  int control_fd) {
    const char *const fixed[] = {"-xzf", path, "--no-same-owner", "-C", realm->folder};
    struct text_list words = {0};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        text_list_add(&words, fixed[i]);
    int status = run("tar", &words, children, control_fd, NULL);
    text_list_done(&words);
    return status;
}

/* In a user namespace of ours, Samba cannot set the owners of its files. */
static bool is_real_root(void) {
    FILE *file = fopen("/proc/self/uid_map", "re");
    unsigned long inside = 0;
    unsigned long outside = 0;
    unsigned long count = 0;
    bool all = file != NULL && fscanf(file, "%lu %lu %lu", &inside, &outside, &count) == 3 &&
               count > 65536;
    if (file != NULL)
        fclose(file);
    return all && geteuid() == 0;
}

int template_unpack(const struct realm *realm, const struct options *options,
                    struct children *children, int control_fd) {
    char *path = NULL;
    int status = find_path(realm, options, children, control_fd, &path);
    if (status != 0)
        return status;
    if (access(path, R_OK) == 0) {
        status = unpack(realm, path, children, control_fd);
    } else if (is_real_root()) {
        say("making the domain %s, for this time and later ones", realm->name);
        status = provision(realm, children, control_fd);
        if (status == 0)
            status = pack(realm, path, children, control_fd);
    } else {
        complain(
            "there is no %s, and only root can make it; run once, as root: seal-realm run --ad "
            "--ad-template DIR -- true, and give everybody the same --ad-template",
            path);
        status = STATUS_NO_TOOL;
    }
    free(path);
    return status;
}
