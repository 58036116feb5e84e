/* What the members of streams groups read (KIP-1071); see readers.h. A member says its topology when it joins; what it is given is tasks, each
 * a number in a subtopology, and it reads the partition of that number of each of the subtopology's topics. Heartbeats are the main
 * consumer's, which reads sources; stores are restored by another one, which joins nothing and is told by its client id, that Kafka
 * Streams makes of the same thread's name.
 * Invariant: a topology counts once a broker took it for the group's own: one that says that it is stale knows another one. */
#include "api/readers.h"

struct api_reader_topology {
	struct api_reader_read *read;
	size_t			n;	/* 0: more than are kept */
};

enum { STALE_TOPOLOGY = 0 };

static struct api_readers *
readers_of(const struct api_call *c)
{
	return c->conn->w->shared->readers;
}

/* The client that restores what this one processes; itself where it is named otherwise. */
static struct api_reader_key
restorer(struct api_call *c)
{
	struct alv_str	  id = c->hdr.client_id, thread = ALV_STR("-StreamThread-"), tail = ALV_STR("-consumer");
	const char *const at = id.n == 0 ? NULL : memmem(id.p, id.n, thread.p, thread.n);
	struct alv_str	  number = at == NULL ? ALV_STR("") : alv_str_make(at + thread.n, (size_t)(id.p + id.n - at) - thread.n);

	if (alv_str_ends(number, tail))
		id = alv_arena_printf(&c->arena, "%.*s-StateUpdater-%.*s-restore-consumer", (int)(at - id.p), id.p, (int)(number.n - tail.n),
		    number.p);
	return api_reader_key(c, id);
}

/* ---- the topology ---------------------------------------------------------------------------------------- */

#define Q(f) KFK_STREAMS_GROUP_HEARTBEAT_REQUEST_##f
#define S(f) KFK_STREAMS_GROUP_HEARTBEAT_REQUEST_TOPOLOGY_SUBTOPOLOGIES_##f

static const struct {
	uint16_t topics, name;	/* name: API_NO_FIELD, plain strings */
	bool	 changelog;
} lists[] = {
	{ S(SOURCE_TOPICS), API_NO_FIELD, false },
	{ S(REPARTITION_SOURCE_TOPICS), S(REPARTITION_SOURCE_TOPICS_NAME), false },
	{ S(STATE_CHANGELOG_TOPICS), S(STATE_CHANGELOG_TOPICS_NAME), true },
};

/* Behind what is there; NULL: only how many there are. */
static size_t
read_subtopology(const struct api_call *c, const struct kfk_tree *q, const struct kfk_node *sub, struct api_reader_read *read)
{
	uint64_t id = api_readers_topic(readers_of(c), kfk_get_str(q, sub, S(SUBTOPOLOGY_ID)));
	size_t	 n = 0;

	for (size_t i = 0; i < ALV_COUNT(lists); i++) {
		const struct kfk_node *topics = kfk_get(sub, lists[i].topics);

		for (const struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = e->next, n++)
			if (read != NULL)
				read[n] = (struct api_reader_read){ id, api_readers_topic(readers_of(c), lists[i].name == API_NO_FIELD ? e->v.s :
				    kfk_get_str(q, e, lists[i].name)), lists[i].changelog };
	}
	return n;
}

void
api_reader_topology(struct api_call *c, const struct kfk_tree *q)
{
	const struct kfk_node	   *topology = kfk_get(&q->root, Q(TOPOLOGY)), *subs;
	struct api_reader_topology *t;
	size_t			    all = 0;

	if (readers_of(c) == NULL || topology == NULL || topology->v.is_null)
		return;
	subs = kfk_get(topology, Q(TOPOLOGY_SUBTOPOLOGIES));
	for (const struct kfk_node *s = subs == NULL ? NULL : subs->kids; s != NULL; s = s->next)
		all += read_subtopology(c, q, s, NULL);
	api_memo(c)->topology = t = alv_arena_alloc(&c->arena, sizeof(*t));
	if (t == NULL)
		return;
	*t = (struct api_reader_topology){ .n = 0 };
	if (all <= API_READER_TOPICS_MAX)
		t->read = alv_arena_alloc(&c->arena, all * sizeof(*t->read));
	for (const struct kfk_node *s = t->read == NULL ? NULL : subs->kids; s != NULL; s = s->next)
		t->n += read_subtopology(c, q, s, t->read + t->n);
}
#undef Q
#undef S

/* ---- tasks ------------------------------------------------------------------------------------------------- */

#define R(f) KFK_STREAMS_GROUP_HEARTBEAT_RESPONSE_##f

/* Partitions under way to a member. */
struct given {
	const struct api_reader_read *read;
	size_t			      nreads;
	struct api_reader_parts	      parts;
};

static void
add(struct api_call *c, struct given *g, const struct api_reader_read *r, const struct kfk_node *numbers)
{
	for (const struct kfk_node *p = numbers == NULL ? NULL : numbers->kids; p != NULL; p = p->next)
		if (!api_reader_parts_add(c, &g->parts, api_readers_part_of(r->topic, (int32_t)p->v.i)))
			return;
}

/* What the tasks of a list read: sources alone, or all. */
static void
add_tasks(struct api_call *c, struct given *g, const struct kfk_tree *t, uint16_t list, uint16_t subtopology, uint16_t numbers, bool all)
{
	const struct kfk_node *tasks = kfk_get(&t->root, list);

	for (const struct kfk_node *e = tasks == NULL || tasks->v.is_null ? NULL : tasks->kids; e != NULL; e = e->next) {
		uint64_t id = api_readers_topic(readers_of(c), kfk_get_str(t, e, subtopology));

		for (size_t i = 0; i < g->nreads; i++)
			if (g->read[i].subtopology == id && (all || !g->read[i].changelog))
				add(c, g, &g->read[i], kfk_get(e, numbers));
	}
}

#define TASKS(list) R(list), R(list##_SUBTOPOLOGY_ID), R(list##_PARTITIONS)

/* A topic may be source and changelog in one: so whoever restores has both. */
static void
given_tasks(struct api_call *c, const struct kfk_tree *r, struct api_reader_key k, bool restores)
{
	struct api_memo	       *m = api_memo(c);
	struct api_reader_read *read;
	struct given		g = { .nreads = api_readers_reads(readers_of(c), api_reader_key(c, c->hdr.client_id), m->group, m->member, &c->arena, &read) };

	g.read = read;
	add_tasks(c, &g, r, TASKS(ACTIVE_TASKS), restores);
	if (restores) {
		add_tasks(c, &g, r, TASKS(STANDBY_TASKS), true);
		add_tasks(c, &g, r, TASKS(WARMUP_TASKS), true);
	}
	api_readers_set(readers_of(c), k, m->group, m->member, g.parts.part, g.parts.n, api_reader_now_s(c));
}

static bool
is_stale(const struct kfk_tree *r)
{
	const struct kfk_node *status = kfk_get(&r->root, R(STATUS));

	for (const struct kfk_node *e = status == NULL || status->v.is_null ? NULL : status->kids; e != NULL; e = e->next)
		if (kfk_get_int(r, e, R(STATUS_STATUS_CODE)) == STALE_TOPOLOGY)
			return true;
	return false;
}

/* Without tasks it has those it had. */
void
api_reader_tasks(struct api_call *c, const struct kfk_tree *r)
{
	struct api_memo	      *m = api_memo(c);
	struct api_reader_key  k = api_reader_key(c, c->hdr.client_id), other = restorer(c);
	const struct kfk_node *active = kfk_get(&r->root, R(ACTIVE_TASKS));

	if (is_stale(r)) {
		api_reader_leaves(c, m->group, m->member);
		return;
	}
	if (m->topology != NULL)
		api_readers_topology(readers_of(c), k, m->group, m->member, m->topology->read, m->topology->n, api_reader_now_s(c));
	if (active == NULL || active->v.is_null) {
		api_readers_seen(readers_of(c), k, m->group, m->member, api_reader_now_s(c));
		api_readers_seen(readers_of(c), other, m->group, m->member, api_reader_now_s(c));
		return;
	}
	given_tasks(c, r, k, false);
	if (other.a != k.a)
		given_tasks(c, r, other, true);
}

void
api_reader_tasks_gone(struct api_call *c, struct alv_str group, struct alv_str member)
{
	api_readers_gone(readers_of(c), restorer(c), group, member);
}
