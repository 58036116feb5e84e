/* What heartbeats and syncs teach of who reads what, and whose a fetch is; see readers.h.
 * Invariant: a fetch is asked about by all of the partitions that its answer may be of: those that it names, or with a session all of
 * that. What nobody asks for costs nothing: only tenants with a limit of some group have their fetches looked at. */
#include "api/fetch_session.h"
#include "api/readers.h"

enum { AGAIN_S = 10 };	/* after so long whoever went silent is noticed */

static struct api_readers *
readers_of(const struct api_call *c)
{
	return c->conn->w->shared->readers;
}

struct api_reader_key
api_reader_key(const struct api_call *c, struct alv_str client_id)
{
	return api_readers_key(readers_of(c), alv_str_of(c->conn->tenant), alv_str_of(c->conn->principal), client_id, alv_str_of(c->conn->host));
}

static struct api_reader_key
key_of(const struct api_call *c)
{
	return api_reader_key(c, c->hdr.client_id);
}

uint32_t
api_reader_now_s(const struct api_call *c)
{
	return (uint32_t)(c->conn->w->now_us / 1000000);
}

static uint32_t
now_s(const struct api_call *c)
{
	return api_reader_now_s(c);
}

/* ---- learning -------------------------------------------------------------------------------------------- */

void
api_reader_asks(struct api_call *c, struct alv_str group, struct alv_str member)
{
	api_memo(c)->group = group;
	api_memo(c)->member = member;
}

void
api_reader_leaves(struct api_call *c, struct alv_str group, struct alv_str member)
{
	if (readers_of(c) == NULL)
		return;
	api_readers_gone(readers_of(c), key_of(c), group, member);
	if (c->hdr.key == KFK_API_STREAMS_GROUP_HEARTBEAT)
		api_reader_tasks_gone(c, group, member);
}

bool
api_reader_parts_grow(struct api_call *c, struct api_reader_parts *s)
{
	enum { FIRST = 16 };
	size_t	  max = s->max == 0 ? FIRST : 2 * s->max;
	uint64_t *part = max > API_READER_PARTS_MAX ? NULL : alv_arena_alloc(&c->arena, max * sizeof(*part));

	if (part == NULL)
		return false;
	if (s->n > 0)
		memcpy(part, s->part, s->n * sizeof(*part));
	s->part = part;
	s->max = max;
	return true;
}

/* Partitions under way to a member; what is beyond those that are kept is nobody's. */
struct given {
	struct api_call	       *c;
	struct api_reader_parts parts;
};

static void
add(struct given *g, struct alv_str topic, int32_t partition)
{
	(void)api_reader_parts_add(g->c, &g->parts, api_readers_part(readers_of(g->c), topic, partition));
}

static void
end(struct given *g)
{
	api_readers_set(readers_of(g->c), key_of(g->c), api_memo(g->c)->group, api_memo(g->c)->member, g->parts.part, g->parts.n, now_s(g->c));
}

/* The next count or number of the leader's bytes; they end too early: -1. */
static int32_t
next(struct alv_str *s)
{
	int32_t v;

	if (s->n < 4)
		return -1;
	v = (int32_t)alv_be32((const uint8_t *)s->p);
	s->p += 4;
	s->n -= 4;
	return v;
}

/* Kafka's own form: version, then topics by name with their partitions. Whatever does not read as that is nothing. */
static void
read_assignment(struct given *g, struct alv_str s)
{
	if (s.n < 2)
		return;
	s = alv_str_make(s.p + 2, s.n - 2);
	for (int32_t topics = next(&s); topics > 0; topics--) {
		size_t	       n = s.n < 2 ? SIZE_MAX : alv_be16((const uint8_t *)s.p);
		struct alv_str name;

		if (n > s.n || s.n - n < 2)
			return;
		name = alv_str_make(s.p + 2, n);
		s = alv_str_make(s.p + 2 + n, s.n - 2 - n);
		for (int32_t parts = next(&s); parts > 0; parts--) {
			if (s.n < 4)
				return;
			add(g, name, next(&s));
		}
	}
}

static void
synced(struct api_call *c, const struct kfk_tree *r)
{
	struct given g = { .c = c };

	if (!api_memo(c)->consumer)
		return;
	read_assignment(&g, kfk_get_bytes(r, &r->root, KFK_SYNC_GROUP_RESPONSE_ASSIGNMENT));
	end(&g);
}

#define B(f) KFK_CONSUMER_GROUP_HEARTBEAT_RESPONSE_##f

/* Without an assignment it has what it had. */
static void
beaten(struct api_call *c, const struct kfk_tree *r)
{
	const struct kfk_node *a = kfk_get(&r->root, B(ASSIGNMENT)), *topics = a == NULL ? NULL : kfk_get(a, B(ASSIGNMENT_TOPIC_PARTITIONS));
	struct given	       g = { .c = c };

	if (a == NULL || a->v.is_null) {
		api_readers_seen(readers_of(c), key_of(c), api_memo(c)->group, api_memo(c)->member, now_s(c));
		return;
	}
	for (const struct kfk_node *t = topics == NULL ? NULL : topics->kids; t != NULL; t = t->next) {
		const struct kfk_node *parts = kfk_get(t, B(ASSIGNMENT_TOPIC_PARTITIONS_PARTITIONS));
		struct alv_str	       phys, virt;

		if (api_own_id(c, kfk_get_uuid(r, t, B(ASSIGNMENT_TOPIC_PARTITIONS_TOPIC_ID)), &phys) ||
		    ten_unmap(&c->tenant->names, TEN_TOPIC, phys, &virt))
			continue;
		for (const struct kfk_node *p = parts == NULL ? NULL : parts->kids; p != NULL; p = p->next)
			add(&g, virt, (int32_t)p->v.i);
	}
	end(&g);
}

void
api_reader_answered(struct api_call *c, const struct kfk_tree *r, int64_t code)
{
	struct api_memo *m = api_memo(c);

	/* A new member of KIP-848 may learn its id with the first answer. */
	if (c->hdr.key == KFK_API_CONSUMER_GROUP_HEARTBEAT && m->member.n == 0)
		m->member = kfk_get_str(r, &r->root, B(MEMBER_ID));
	if (readers_of(c) == NULL || m->group.p == NULL || m->member.n == 0 || code == KFK_REBALANCE_IN_PROGRESS)
		return;
	if (code != 0)
		api_reader_leaves(c, m->group, m->member);
	else if (c->hdr.key == KFK_API_SYNC_GROUP)
		synced(c, r);
	else if (c->hdr.key == KFK_API_CONSUMER_GROUP_HEARTBEAT)
		beaten(c, r);
	else if (c->hdr.key == KFK_API_STREAMS_GROUP_HEARTBEAT)
		api_reader_tasks(c, r);
	else if (c->hdr.key == KFK_API_HEARTBEAT)
		api_readers_seen(readers_of(c), key_of(c), m->group, m->member, now_s(c));
}

/* ---- asking ---------------------------------------------------------------------------------------------- */

bool
api_reader_wanted(const struct api_call *c)
{
	return readers_of(c) != NULL && c->conn->w->shared->quotas != NULL &&
	    c->tenant->quota_keys[POL_QUOTA_OF_GROUP] >> POL_QUOTA_CONSUMER_BYTE_RATE & 1;
}

void
api_reader_fetches(struct api_call *c, struct alv_str topic, int32_t partition)
{
	struct api_memo *m = api_memo(c);
	uint64_t	 part;

	if (topic.p != m->reads_of.p || topic.n != m->reads_of.n) {	/* names stay where they are for as long as the request lasts */
		m->reads_of = topic;
		m->reads_topic = api_readers_topic(readers_of(c), topic);
	}
	part = api_readers_part_of(m->reads_topic, partition);
	m->reads_sum = (m->reads_sum ^ part) * UINT64_C(0x9e3779b97f4a7c15) + 1;
	if (!api_reader_parts_add(c, &m->reads, part))
		m->reads_more = true;
}

void
api_reader_anew(struct api_call *c)
{
	api_memo(c)->reads.n = 0;
	api_memo(c)->reads_sum = 0;
	api_memo(c)->reads_more = false;
	api_memo(c)->reads_of = ALV_STR_NULL;
}

/* With a session, all that it holds. */
static void
fetches_set(struct api_call *c, const struct api_set *s)
{
	api_reader_anew(c);
	for (uint32_t i = 0; i < s->nparts; i++)
		api_reader_fetches(c, s->part[i].topic->w.virt, s->part[i].index);
}

bool
api_reader_group(struct api_call *c, struct alv_str *group)
{
	struct api_memo	     *m = api_memo(c);
	struct api_fetcher   *f = &c->conn->fetcher;
	const struct api_turn *t = c->hdr.key == KFK_API_FETCH ? m->own : NULL;
	struct api_reader_key k;
	uint64_t	      version, sum;

	*group = m->group;
	if (c->hdr.key == KFK_API_SHARE_FETCH) {
		f->known = false;
		return true;
	}
	if (t != NULL)
		fetches_set(c, &t->session->set);
	k = key_of(c);
	version = api_readers_version(readers_of(c), k);
	sum = m->reads_sum ^ k.a;	/* a connection may say another client id each time */
	if (f->known && f->sum == sum && f->version == version && now_s(c) < f->at_s + AGAIN_S)
		return false;
	*f = (struct api_fetcher){ .known = true, .sum = sum, .version = version, .at_s = now_s(c) };
	*group = m->reads_more ? ALV_STR_NULL : api_readers_find(readers_of(c), k, m->reads.part, m->reads.n, now_s(c), &c->arena);
	return true;
}
