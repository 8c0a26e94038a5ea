/* SPDX-License-Identifier: Apache-2.0 */
#include "descendants.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

struct process {
    pid_t pid;
    pid_t parent;
    bool below;
};

struct process_list {
    struct process *items;
    size_t count;
    size_t room;
};

static bool read_parent(pid_t pid, pid_t *ret_parent) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    char line[512];
    size_t length = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[length] = '\0';
    const char *name_end = strrchr(line, ')'); /* the name itself may hold anything */
    int parent;
    if (name_end == NULL || sscanf(name_end + 1, " %*c %d", &parent) != 1)
        return false;
    *ret_parent = (pid_t)parent;
    return true;
}

static void add(struct process_list *list, pid_t pid, pid_t parent) {
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 256 : list->room * 2;
        struct process *items = realloc(list->items, room * sizeof *items);
        if (items == NULL)
            return;
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] =
        (struct process){.pid = pid, .parent = parent, .below = parent == getpid()};
}

static struct process_list list_processes(void) {
    struct process_list list = {0};
    DIR *stream = opendir("/proc");
    const struct dirent *entry;
    while (stream != NULL && (entry = readdir(stream)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        pid_t parent;
        if (pid > 0 && read_parent(pid, &parent))
            add(&list, pid, parent);
    }
    if (stream != NULL)
        closedir(stream);
    return list;
}

static bool is_below(const struct process_list *list, pid_t pid) {
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].pid == pid)
            return list->items[i].below;
    return false;
}

static void mark_below(struct process_list *list) {
    bool changed = true;
    while (changed) {
        changed = false;
        for (size_t i = 0; i < list->count; i++) {
            struct process *process = &list->items[i];
            if (!process->below && is_below(list, process->parent)) {
                process->below = true;
                changed = true;
            }
        }
    }
}

static struct process_list list_below(void) {
    struct process_list list = list_processes();
    mark_below(&list);
    return list;
}

static bool first_time(struct asked *asked, pid_t pid) {
    for (size_t i = 0; i < asked->count; i++)
        if (asked->pids[i] == pid)
            return false;
    pid_t *pids = realloc(asked->pids, (asked->count + 1) * sizeof *pids);
    if (pids != NULL) {
        asked->pids = pids;
        asked->pids[asked->count++] = pid;
    }
    return true;
}

void descendants_ask(struct asked *asked) {
    struct process_list list = list_below();
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i].below && first_time(asked, list.items[i].pid)) {
            kill(list.items[i].pid, SIGTERM);
            kill(list.items[i].pid, SIGCONT);
        }
    }
    free(list.items);
}

void asked_done(struct asked *asked) {
    free(asked->pids);
}

void descendants_kill(void) {
    struct process_list list = list_below();
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i].below)
            kill(list.items[i].pid, SIGKILL);
    free(list.items);
}
