/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <pthread.h>
#include <stdlib.h>

struct worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    worker_fn *work;
    void *user;
    bool stopping;
    unsigned max_jobs;
    unsigned first;
    unsigned n_jobs;
    void *jobs[]; /* a ring */
};

static void *run(void *arg) {
    worker *w = arg;
    pthread_mutex_lock(&w->lock);
    while (w->n_jobs > 0 || !w->stopping) {
        if (w->n_jobs == 0) {
            pthread_cond_wait(&w->arrived, &w->lock);
            continue;
        }
        void *job = w->jobs[w->first];
        w->first = (w->first + 1) % w->max_jobs;
        w->n_jobs--;
        pthread_mutex_unlock(&w->lock);
        w->work(w->user, job);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

worker *worker_start(unsigned max_jobs, worker_fn *work, void *user) {
    worker *w = calloc(1, sizeof *w + max_jobs * sizeof w->jobs[0]);
    if (w == NULL)
        return NULL;
    w->work = work;
    w->user = user;
    w->max_jobs = max_jobs;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->arrived, NULL);
    if (pthread_create(&w->thread, NULL, run, w) == 0)
        return w;
    free(w);
    return NULL;
}

bool worker_submit(worker *w, void *job) {
    pthread_mutex_lock(&w->lock);
    bool fits = w->n_jobs < w->max_jobs;
    if (fits) {
        w->jobs[(w->first + w->n_jobs) % w->max_jobs] = job;
        w->n_jobs++;
        pthread_cond_signal(&w->arrived);
    }
    pthread_mutex_unlock(&w->lock);
    return fits;
}

void worker_stop(worker *w) {
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->arrived);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->arrived);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
