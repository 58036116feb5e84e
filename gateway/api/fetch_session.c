/* The fetch sessions of one client connection: ids, epochs, and how they come and go. See fetch_session.h.
 * Bounded by limits/fetch.sessions.max and limits/fetch.session.partitions.max; what they keep is in conn->kept, which counts
 * in the connection's memory. */
#include "api/fetch_session.h"

#include <alcove/str.h>

#include <stdlib.h>
#include <sys/random.h>

/* A broker that has no place for a session is not asked for one with each fetch. */
enum { REST_US = 10 * 1000 * 1000 };

struct api_sessions {
	struct api_session *first;	/* the one that was used last */
	uint32_t	    n;
	int32_t		    unneeded;
	uint64_t	    rests_until_us, random;
};

/* ---- the table ------------------------------------------------------------------------------------------ */

static struct api_sessions *
table_of(struct api_conn *c)
{
	struct api_sessions *t = c->sessions;

	if (t != NULL)
		return t;
	t = calloc(1, sizeof(*t));
	if (t == NULL || getrandom(&t->random, sizeof(t->random), 0) != (ssize_t)sizeof(t->random)) {
		free(t);
		return NULL;
	}
	c->sessions = t;
	return t;
}

static uint64_t
next_random(struct api_sessions *t)
{
	t->random += 0x9e3779b97f4a7c15u;
	return alv_hash(&t->random, sizeof(t->random), t->random);
}

size_t
api_sessions_weight(const struct api_conn *c)
{
	size_t n = 0;

	for (const struct api_session *s = c->sessions == NULL ? NULL : c->sessions->first; s != NULL; s = s->next)
		n += sizeof(*s) + s->set.bytes;
	return n;
}

static struct api_session **
link_of(struct api_sessions *t, const struct api_session *s)
{
	struct api_session **at = &t->first;

	while (*at != s)
		at = &(*at)->next;
	return at;
}

static void
release(struct api_conn *c, struct api_session *s)
{
	*link_of(c->sessions, s) = s->next;
	c->sessions->n--;
	api_set_fini(&s->set);
	free(s);
	api_conn_weigh(c);
}

struct api_session *
api_session_find(const struct api_conn *c, int64_t id)
{
	if (c->sessions == NULL || id == 0)
		return NULL;
	for (struct api_session *s = c->sessions->first; s != NULL; s = s->next)
		if (s->id == id && !s->over)
			return s;
	return NULL;
}

/* ---- endings -------------------------------------------------------------------------------------------- */

void
api_session_end(struct api_conn *c, struct api_session *s, enum met_session why)
{
	if (s->over)
		return;
	s->over = true;
	if (s->id != 0)
		met_session(c->w->meter, why);
	if (s->up_id != 0 && why != MET_SESSION_BROKER)
		c->sessions->unneeded = s->up_id;
	if (!s->busy)
		release(c, s);
}

void
api_session_done(struct api_conn *c, struct api_session *s)
{
	s->busy = false;
	if (s->over || s->id == 0)
		release(c, s);
}

int32_t
api_session_unneeded(const struct api_conn *c)
{
	return c->sessions == NULL ? 0 : c->sessions->unneeded;
}

void
api_session_unneeded_taken(struct api_conn *c)
{
	if (c->sessions != NULL)
		c->sessions->unneeded = 0;
}

void
api_sessions_release(struct api_conn *c)
{
	struct api_session *next;

	for (struct api_session *s = c->sessions == NULL ? NULL : c->sessions->first; s != NULL; s = next) {
		next = s->next;
		api_session_end(c, s, MET_SESSION_EVICTED);
	}
}

void
api_sessions_doubt(struct api_conn *c)
{
	for (struct api_session *s = c->sessions == NULL ? NULL : c->sessions->first; s != NULL; s = s->next)
		s->revision = UINT64_MAX;	/* as no snapshot's */
}

void
api_sessions_fini(struct api_conn *c)
{
	struct api_session *s, *next;

	for (s = c->sessions == NULL ? NULL : c->sessions->first; s != NULL; s = next) {
		next = s->next;
		if (s->id != 0 && !s->over)
			met_session(c->w->meter, MET_SESSION_CLIENT);
		release(c, s);
	}
	free(c->sessions);
	c->sessions = NULL;
}

/* ---- beginnings ------------------------------------------------------------------------------------------ */

bool
api_session_may_open(const struct api_call *c)
{
	const struct api_sessions *t = c->conn->sessions;

	return c->conn->w->shared->conf->limits.fetch_sessions_max > 0 &&
	    (t == NULL || c->conn->w->now_us >= t->rests_until_us);
}

/* The one that was used longest ago goes. False: all are busy. */
static bool
make_room(struct api_conn *c)
{
	struct api_session *last = NULL;

	for (struct api_session *s = c->sessions->first; s != NULL; s = s->next)
		if (!s->busy)
			last = s;
	if (last != NULL)
		api_session_end(c, last, MET_SESSION_EVICTED);
	return last != NULL;
}

struct api_session *
api_session_begin(struct api_call *c, bool by_id)
{
	struct api_sessions *t = table_of(c->conn);
	struct api_session  *s;

	if (t == NULL || (t->n >= c->conn->w->shared->conf->limits.fetch_sessions_max && !make_room(c->conn)))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	api_set_init(&s->set, by_id, next_random(t));
	s->revision = c->tenant->revision;
	s->next = t->first;
	t->first = s;
	t->n++;
	return s;
}

/* Positive, as brokers' are. */
static int32_t
new_id(struct api_conn *c)
{
	int32_t id;

	do
		id = (int32_t)(next_random(c->sessions) >> 33);
	while (id == 0 || api_session_find(c, id) != NULL);
	return id;
}

static int64_t
opened(struct api_call *c, struct api_session *s, int64_t up)
{
	if (up == 0) {
		c->conn->sessions->rests_until_us = c->conn->w->now_us + REST_US;
		return 0;
	}
	if (s->over) {
		c->conn->sessions->unneeded = (int32_t)up;
		return 0;
	}
	s->up_id = (int32_t)up;
	s->id = new_id(c->conn);
	s->epoch = 1;
	met_session(c->conn->w->meter, MET_SESSION_OPENED);
	return s->id;
}

/* ---- requests and responses ------------------------------------------------------------------------------- */

int16_t
api_session_check(const struct api_session *s, int64_t epoch, bool by_id)
{
	if (s == NULL)
		return KFK_FETCH_SESSION_ID_NOT_FOUND;
	if (s->busy || epoch != s->epoch)
		return KFK_INVALID_FETCH_SESSION_EPOCH;
	return s->set.by_id == by_id ? 0 : KFK_FETCH_SESSION_TOPIC_ID_ERROR;
}

struct api_turn *
api_turn_new(struct api_call *c, struct api_session *s)
{
	struct api_turn *t = alv_arena_alloc(&c->arena, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->session = s;
	t->tail = &t->first;
	return t;
}

bool
api_turn_change(struct api_call *c, struct api_turn *t, const struct api_wanted *w, int32_t index, bool forgotten)
{
	struct api_change *x;

	if (!forgotten && t->session->set.nparts + ++t->nadded > c->conn->w->shared->conf->limits.fetch_session_partitions_max)
		return false;
	x = alv_arena_alloc(&c->arena, sizeof(*x));
	if (x == NULL)
		return false;
	*x = (struct api_change){ .w = *w, .index = index, .forgotten = forgotten };
	*t->tail = x;
	t->tail = &x->next;
	return true;
}

/* As a broker does: what is asked for comes in first, then what is forgotten goes. */
static bool
make_changes(struct api_turn *t)
{
	struct api_set *set = &t->session->set;

	for (const struct api_change *x = t->first; x != NULL; x = x->next)
		if (!x->forgotten && !api_set_add(set, &x->w, x->index))
			return false;
	for (const struct api_change *x = t->first; x != NULL; x = x->next) {
		struct api_set_topic *topic = x->forgotten ? api_set_find(set, x->w.id, x->w.phys) : NULL;

		if (topic != NULL)
			api_set_remove(set, topic, x->index);
	}
	return true;
}

static void
to_the_front(struct api_sessions *t, struct api_session *s)
{
	if (t->first == s)
		return;
	*link_of(t, s) = s->next;
	s->next = t->first;
	t->first = s;
}

bool
api_turn_goes(struct api_call *c, struct api_turn *t)
{
	struct api_session *s = t->session;

	if (!make_changes(t)) {
		api_session_end(c->conn, s, MET_SESSION_EVICTED);
		return false;
	}
	s->busy = true;
	if (s->id != 0) {
		s->epoch = s->epoch == INT32_MAX ? 1 : s->epoch + 1;
		met_session(c->conn->w->meter, MET_SESSION_USED);
	}
	to_the_front(c->conn->sessions, s);
	if (t->first != NULL)
		api_conn_weigh(c->conn);
	return true;
}

enum alv_err
api_session_came(struct api_call *c, struct api_turn *t, int64_t up, int64_t *told)
{
	struct api_session *s = t->session;

	*told = 0;
	if (s->id == 0) {
		*told = opened(c, s, t->code == 0 ? up : 0);
		return ALV_OK;
	}
	if (t->code == 0 && up != 0 && up != s->up_id)
		return ALV_E_FOREIGN;
	if (t->code == 0 && up != 0) {
		*told = s->over ? 0 : s->id;
		return ALV_OK;
	}
	api_session_end(c->conn, s, MET_SESSION_BROKER);
	/* There still, but at another epoch than ours. */
	if (t->code == KFK_INVALID_FETCH_SESSION_EPOCH || t->code == KFK_FETCH_SESSION_TOPIC_ID_ERROR)
		c->conn->sessions->unneeded = s->up_id;
	return ALV_OK;
}
