/* A control thread that runs, and waiting for what it answers. */
#ifndef CONTROL_TEST_RUNNING_H
#define CONTROL_TEST_RUNNING_H

#include <pthread.h>
#include <stdatomic.h>

#include <alcove/str.h>
#include <alcove/tally.h>

#include "control/control.h"
#include "tests/unit/gateway/control/kit.h"

struct running {
	struct kit_place    place;
	struct pol_config   conf;
	struct pol_bind	    bootstrap;
	struct alv_qsbr	   *qsbr;
	struct pol_dir	   *dir;
	struct clu_board   *board;
	struct net_jobs	   *crypto, *resolver;
	struct tal_book	   *tally;
	struct con_control *control;
	int		    reader;
	_Atomic int	    published;
};

static inline void
running_published(void *arg)
{
	atomic_fetch_add(&((struct running *)arg)->published, 1);
}

static inline enum alv_err
running_start(struct running *r, struct alv_buf *words)
{
	struct con_conf c = { .conf = &r->conf, .qsbr = r->qsbr, .dir = r->dir, .board = r->board, .tally = r->tally, .crypto = r->crypto,
		.resolver = r->resolver, .on_publish = running_published, .arg = r };

	return con_start(&c, &r->control, words);
}

static inline void
running_must_start(struct running *r)
{
	struct alv_buf words;

	alv_buf_init(&words, 4096);
	if (running_start(r, &words))
		fail_msg("%.*s", (int)words.n, (const char *)words.p);
	alv_buf_fini(&words);
}

static inline int
running_setup(void **state)
{
	struct running *r = calloc(1, sizeof(*r));

	kit_place_make(&r->place);
	r->conf.state.file = r->place.file;
	r->conf.state.key_file = r->place.key;
	r->conf.scram_iterations = 4096;
	/* Nothing listens on port 1 of the loopback interface. */
	snprintf(r->bootstrap.host, sizeof(r->bootstrap.host), "127.0.0.1");
	r->bootstrap.port = 1;
	r->conf.upstream = (struct pol_upstream){ .nbootstrap = 1, .bootstrap = &r->bootstrap, .connect_timeout_ms = 1000,
		.request_timeout_ms = 1000, .metadata_refresh_ms = 1000 };
	r->conf.limits.response_max_bytes = r->conf.limits.arena_max_bytes = 1 << 20;
	r->qsbr = alv_qsbr_new();
	r->reader = alv_qsbr_join(r->qsbr);
	alv_qsbr_idle(r->qsbr, r->reader);
	r->dir = pol_dir_new(r->qsbr);
	r->board = clu_board_new(r->qsbr);
	r->tally = tal_book_new();
	r->conf.upstream.census_interval_ms = 1000;
	r->crypto = net_jobs_new(1, 64, 64);
	r->resolver = net_jobs_new(1, 64, 64);
	running_must_start(r);
	*state = r;
	return 0;
}

static inline int
running_teardown(void **state)
{
	struct running *r = *state;

	con_stop(r->control);
	net_jobs_free(r->crypto);
	net_jobs_free(r->resolver);
	tal_book_free(r->tally);
	clu_board_free(r->board);
	pol_dir_free(r->dir);
	alv_qsbr_free(r->qsbr);
	kit_place_drop(&r->place);
	free(r);
	return 0;
}

/* ---- changes ----------------------------------------------------------------------------------------------- */

struct waiting {
	struct con_change change;	/* first */
	pthread_mutex_t	  lock;
	pthread_cond_t	  cond;
	int		  order;	/* the number of this end among all; 0: not yet */
};

static _Atomic int running_ends;

static inline void
waiting_done(struct con_change *c)
{
	struct waiting *w = (struct waiting *)c;

	pthread_mutex_lock(&w->lock);
	w->order = atomic_fetch_add(&running_ends, 1) + 1;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

static inline struct waiting *
waiting_submit(struct running *r, struct con_change c)
{
	struct waiting *w = calloc(1, sizeof(*w));

	w->change = c;
	w->change.done = waiting_done;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->cond, NULL);
	assert_int_equal(con_submit(r->control, &w->change), ALV_OK);
	return w;
}

/* Frees w. */
static inline struct con_change
waiting_end(struct waiting *w, int *order)
{
	struct con_change c;

	pthread_mutex_lock(&w->lock);
	while (w->order == 0)
		pthread_cond_wait(&w->cond, &w->lock);
	c = w->change;
	if (order != NULL)
		*order = w->order;
	pthread_mutex_unlock(&w->lock);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->cond);
	free(w);
	return c;
}

static inline struct con_change
running_do(struct running *r, struct con_change c)
{
	return waiting_end(waiting_submit(r, c), NULL);
}

/* A reader's look: what it loads stays until it is idle again. */
static inline bool
running_has_user(struct running *r, const char *tenant, const char *user)
{
	const struct pol_tenant *t;
	struct pol_slot		*s;
	bool			 has = false;

	alv_qsbr_quiet(r->qsbr, r->reader);
	s = pol_dir_find(r->dir, alv_str_of(tenant));
	t = s == NULL ? NULL : pol_slot_load(s);
	if (t != NULL)
		has = user == NULL || pol_user_find(t, alv_str_of(user)) != NULL;
	alv_qsbr_idle(r->qsbr, r->reader);
	return has;
}

#endif
