/* SPDX-License-Identifier: Apache-2.0 */
/* A room keeps its last events in a ring, and each member the number of the event that it was given
 * last. So a slow member costs nothing but its own place: when the event that it is to be given
 * next leaves the ring, it is put out. */
#include "rooms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEPT = 256, /* events of a room */
    MAX_NAME = 64,
    MAX_TEXT = 1000,
    MAX_WHO = 255,
    MAX_ROOMS = 100,
    MAX_MEMBERS = 1000, /* of a room */
    RETRY_MS = 1000
};

typedef struct event {
    Demo__Event__Kind kind;
    char who[MAX_WHO + 1];
    char text[MAX_TEXT + 1];
} event;

/* Why a member goes. */
typedef enum leave { STAYS, FINISHED, TOO_SLOW, NOT_SENT, CANCELLED, CLOSED, REFUSED } leave;

typedef struct room room;

typedef struct member {
    struct member *next;
    room *room;
    seal_call *call;
    char who[MAX_WHO + 1];
    uint64_t given;   /* number of the last event it was given */
    uint64_t last;    /* that it is to be given; 0: it stays */
    leave leave_with; /* when it was given that */
    leave why;
    bool asked; /* for its next line */
} member;

struct room {
    room *next;
    rooms *all;
    member *members;
    size_t n_members;
    char name[MAX_NAME + 1];
    uint64_t newest; /* number of the newest event */
    event events[KEPT];
};

struct rooms {
    room *list;
    room *lobby; /* of those who have not named a room yet: nothing happens there */
    size_t n_rooms;
    bool closed;
};

/* ---- Events ---------------------------------------------------------------------------------- */

static int send_event(const member *m, uint64_t number) {
    event *e = &m->room->events[number % KEPT];
    Demo__Event message = DEMO__EVENT__INIT;
    message.number = number;
    message.kind = e->kind;
    message.who = e->who;
    message.text = e->text;
    return demo_chat_send_join(m->call, &message);
}

/* Gives a member what it has not been given, as long as there is room on the way. One that has
 * everything is asked what it says next: who does not read is not listened to. */
static void give(member *m) {
    uint64_t last = m->last != 0 ? m->last : m->room->newest;
    while (m->why == STAYS && m->given < last) {
        int rc = send_event(m, m->given + 1);
        if (rc == SEAL_ERROR_AGAIN || rc == SEAL_ERROR_CANCELLED)
            return; /* there will be a callback */
        if (rc < 0)
            m->why = NOT_SENT;
        else
            m->given++;
    }
    if (m->why != STAYS)
        return;
    m->why = m->leave_with;
    if (m->why == STAYS && !m->asked) {
        m->asked = true;
        seal_call_read(m->call, 1);
    }
}

static void add_event(room *r, Demo__Event__Kind kind, const char *who, const char *text) {
    r->newest++;
    event *e = &r->events[r->newest % KEPT];
    e->kind = kind;
    snprintf(e->who, sizeof e->who, "%s", who);
    snprintf(e->text, sizeof e->text, "%s", text);
    for (member *m = r->members; m != NULL; m = m->next) {
        uint64_t needs = m->last != 0 ? m->last : r->newest;
        if (m->why == STAYS && r->newest - m->given > KEPT && m->given < needs)
            m->why = TOO_SLOW;
        give(m);
    }
}

/* ---- Members --------------------------------------------------------------------------------- */

static void unlink_member(room *r, const member *m) {
    member **link = &r->members;
    while (*link != m)
        link = &(*link)->next;
    *link = m->next;
    r->n_members--;
}

static void link_member(member *m, room *r) {
    m->room = r;
    m->given = r->newest;
    m->next = r->members;
    r->members = m;
    r->n_members++;
}

static void answer(const member *m) {
    switch (m->why) {
    case FINISHED:
        seal_call_finish(m->call);
        break;
    case TOO_SLOW:
        seal_call_fail(m->call, SEAL_STATUS_RESOURCE_EXHAUSTED,
                       "%d events of the room wait for this member, which does not read them; "
                       "event %llu was the last one sent; join again",
                       KEPT, (unsigned long long)m->given);
        break;
    case CANCELLED:
        seal_call_fail(m->call, SEAL_STATUS_CANCELLED, "nobody listens any more");
        break;
    case CLOSED:
        seal_call_set_retry_after(m->call, RETRY_MS);
        seal_call_fail(m->call, SEAL_STATUS_UNAVAILABLE,
                       "the server is going away; join again in a moment");
        break;
    case NOT_SENT:
        seal_call_fail(m->call, SEAL_STATUS_INTERNAL, "an event could not be sent");
        break;
    case STAYS:
    case REFUSED: /* with a reason of its own */
        break;
    }
}

/* Lets those go who are to. Each one's leave is an event, by which others may turn out too slow. */
static void let_go(room *r) {
    member *m = r->members;
    while (m != NULL) {
        if (m->why == STAYS) {
            m = m->next;
            continue;
        }
        answer(m);
        unlink_member(r, m);
        if (r != r->all->lobby && m->last == 0)
            add_event(r, DEMO__EVENT__KIND__LEFT, m->who, "");
        seal_call_unref(m->call);
        free(m);
        m = r->members;
    }
}

/* After everything that happens in a room. It may be gone then. */
static void settle(room *r) {
    let_go(r);
    if (r->members != NULL || r == r->all->lobby)
        return;
    room **link = &r->all->list;
    while (*link != r)
        link = &(*link)->next;
    *link = r->next;
    r->all->n_rooms--;
    free(r);
}

/* ---- Entering and speaking ------------------------------------------------------------------- */

static void refuse(member *m, seal_status status, const char *message) {
    seal_call_fail(m->call, status, "%s", message);
    m->why = REFUSED;
}

static bool is_name(const char *name) {
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    return len >= 1 && len <= MAX_NAME && name[len] == '\0';
}

static room *new_room(rooms *all, const char *name) {
    room *r = calloc(1, sizeof *r);
    if (r != NULL) {
        r->all = all;
        snprintf(r->name, sizeof r->name, "%s", name);
    }
    return r;
}

/* NULL: there can be no more. */
static room *find_room(rooms *all, const char *name) {
    for (room *r = all->list; r != NULL; r = r->next)
        if (strcmp(r->name, name) == 0)
            return r;
    room *r = all->n_rooms < MAX_ROOMS ? new_room(all, name) : NULL;
    if (r != NULL) {
        r->next = all->list;
        all->list = r;
        all->n_rooms++;
    }
    return r;
}

static void enter(member *m, const char *name) {
    rooms *all = m->room->all;
    if (m->room != all->lobby) {
        refuse(m, SEAL_STATUS_INVALID_ARGUMENT, "this call is in a room; use another for another");
        return;
    }
    if (!is_name(name)) {
        refuse(m, SEAL_STATUS_INVALID_ARGUMENT,
               "a room is named by 1 to 64 letters, digits, '-' and '_'");
        return;
    }
    room *r = find_room(all, name);
    if (r == NULL || r->n_members == MAX_MEMBERS) {
        refuse(m, SEAL_STATUS_RESOURCE_EXHAUSTED,
               r == NULL ? "there are too many rooms; take one that is there, or try later"
                         : "the room is full; try later");
        return;
    }
    unlink_member(all->lobby, m);
    link_member(m, r);
    add_event(r, DEMO__EVENT__KIND__ENTERED, m->who, "");
}

static void speak(member *m, const char *text) {
    size_t len = strlen(text);
    if (m->room == m->room->all->lobby)
        refuse(m, SEAL_STATUS_INVALID_ARGUMENT, "the first line must name the room");
    else if (len < 1 || len > MAX_TEXT)
        refuse(m, SEAL_STATUS_INVALID_ARGUMENT, "a line has 1 to 1000 bytes");
    else
        add_event(m->room, DEMO__EVENT__KIND__SAID, m->who, text);
}

/* The client says no more: it hears all up to its own leave. */
static void take_leave(member *m) {
    m->leave_with = FINISHED;
    if (m->room != m->room->all->lobby) {
        m->last = m->room->newest + 1;
        add_event(m->room, DEMO__EVENT__KIND__LEFT, m->who, "");
    }
    give(m);
}

/* ---- Callbacks ------------------------------------------------------------------------------- */

static void on_line(seal_call *call, const Demo__Line *line, void *user) {
    member *m = user;
    (void)call;
    if (m->leave_with != STAYS)
        return; /* the server is going away */
    m->asked = false;
    if (line == NULL)
        take_leave(m);
    else if (line->what_case == DEMO__LINE__WHAT_ROOM)
        enter(m, line->room);
    else
        speak(m, line->what_case == DEMO__LINE__WHAT_TEXT ? line->text : "");
    settle(m->room);
}

static void on_writable(seal_call *call, void *user) {
    member *m = user;
    (void)call;
    give(m);
    settle(m->room);
}

static void on_cancel(seal_call *call, void *user) {
    member *m = user;
    (void)call;
    m->why = CANCELLED;
    settle(m->room);
}

static void join(seal_call *call, void *user) {
    rooms *all = user;
    const char *who = seal_peer_principal(seal_call_peer(call));
    member *m = all->closed ? NULL : calloc(1, sizeof *m);
    if (m == NULL) {
        seal_call_set_retry_after(call, RETRY_MS);
        seal_call_fail(call, SEAL_STATUS_UNAVAILABLE,
                       "nobody can come in now; try again in a moment");
        return;
    }
    if (strlen(who) > MAX_WHO) {
        seal_call_fail(call, SEAL_STATUS_INVALID_ARGUMENT, "a principal has at most %d bytes here",
                       MAX_WHO);
        free(m);
        return;
    }
    m->call = seal_call_ref(call);
    snprintf(m->who, sizeof m->who, "%s", who);
    link_member(m, all->lobby);
    seal_call_on_writable(call, on_writable, m);
    seal_call_on_cancel(call, on_cancel, m);
    if (demo_chat_receive_join(call, on_line, m) < 0)
        m->why = NOT_SENT;
    give(m);
    settle(all->lobby);
}

const demo_chat_ops rooms_ops = {.size = sizeof rooms_ops, .join = join};

/* ---- All of them ----------------------------------------------------------------------------- */

rooms *rooms_new(void) {
    rooms *all = calloc(1, sizeof *all);
    if (all == NULL)
        return NULL;
    all->lobby = new_room(all, "");
    if (all->lobby == NULL) {
        free(all);
        return NULL;
    }
    return all;
}

static void close_room(room *r) {
    for (member *m = r->members; m != NULL; m = m->next) {
        if (m->last == 0)
            m->last = r->newest; /* leaves of the others are no news any more */
        if (m->leave_with == STAYS)
            m->leave_with = CLOSED;
        give(m);
    }
    settle(r);
}

void rooms_close(void *all) {
    rooms *rs = all;
    rs->closed = true;
    room *next = NULL;
    for (room *r = rs->list; r != NULL; r = next) {
        next = r->next;
        close_room(r);
    }
    close_room(rs->lobby);
}

void rooms_free(rooms *all) {
    if (all == NULL)
        return;
    free(all->lobby); /* the calls have ended, and the rooms with them */
    free(all);
}
