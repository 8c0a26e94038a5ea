/* SPDX-License-Identifier: Apache-2.0 */
#include "product.h"

#include "report.h"
#include "text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *product_find(const char *folders, const char *file) {
    while (*folders != '\0') {
        size_t length = strcspn(folders, ":");
        char *folder = text_format("%.*s", (int)length, folders);
        char *path = text_format("%s/%s", folder, file);
        bool found = access(path, R_OK) == 0;
        free(path);
        if (found)
            return folder;
        free(folder);
        folders += length;
        folders += strspn(folders, ":");
    }
    return NULL;
}

char *product_folder(const char *name, const char *source, const char *file) {
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        *slash = '\0';
    char *folders = text_format("%s/../share/sealrpc/%s:%s", self, name, source);
    char *folder = product_find(folders, file);
    if (folder == NULL)
        complain("%s is in none of %s; install sealrpc again", file, folders);
    free(folders);
    return folder;
}
