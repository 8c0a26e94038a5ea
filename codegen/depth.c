/* SPDX-License-Identifier: Apache-2.0 */
#include "depth.h"

#include <stdlib.h>

enum { WHITE, GRAY, BLACK };

/* The path of a depth-first search, without recursion: the graph may be one long chain. */
typedef struct step {
    message *message;
    size_t next; /* field to look at */
} step;

typedef struct path {
    step *steps;
    size_t count;
    size_t capacity;
} path;

static void enter(path *p, message *msg) {
    if (p->count == p->capacity) {
        p->capacity = p->capacity != 0 ? p->capacity * 2 : 64;
        p->steps = memory_resize(p->steps, p->capacity * sizeof *p->steps);
    }
    msg->color = GRAY;
    p->steps[p->count++] = (step){.message = msg};
}

static void leave(path *p) {
    message *done = p->steps[--p->count].message;
    done->color = BLACK;
    if (p->count > 0)
        p->steps[p->count - 1].message->deep |= done->deep;
}

/* An edge to a gray message closes a cycle. A black one has its final value: whatever it can reach
 * has been seen, and if that led back to a gray message, it was a cycle too. */
static void follow(path *p, message *from, message *to) {
    if (to->color == WHITE)
        enter(p, to);
    else
        from->deep |= to->color == GRAY || to->deep;
}

static void search(path *p, message *start) {
    if (start->color != WHITE)
        return;
    enter(p, start);
    while (p->count > 0) {
        step *top = &p->steps[p->count - 1];
        if (top->next == top->message->n_fields) {
            leave(p);
            continue;
        }
        const type_entry *type = top->message->fields[top->next++].type;
        if (type != NULL && type->message != NULL)
            follow(p, top->message, type->message);
    }
}

static void search_all(path *p, message *messages, size_t count) {
    for (size_t i = 0; i < count; i++) {
        search(p, &messages[i]);
        search_all(p, messages[i].nested, messages[i].n_nested);
    }
}

void depth_compute(model *m) {
    path p = {0};
    for (size_t i = 0; i < m->n_files; i++)
        search_all(&p, m->files[i].messages, m->files[i].n_messages);
    free(p.steps);
}
