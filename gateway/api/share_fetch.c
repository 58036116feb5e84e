/* ShareFetch's request: what changes of its session, and of the broker's, which is the part of it that may be read.
 *
 *   client's session = what it named - what it forgot        broker's session = those of them that the principal may read now
 *
 * A partition that may not be read is answered here in each response, as brokers do; one that may be read no more is forgotten
 * upstream in its principal's name, one that may be read again is named. Acknowledgements in the request go with its topics.
 * Invariants: nothing of the session changes before all ids of the request are known; then the request is forwarded, whatever is
 * left of it, because the broker counts it too; what the broker's session holds, the table of this connection calls `up`. */
#include "api/share.h"

#include <stdlib.h>

#define Q(f) KFK_SHARE_FETCH_REQUEST_##f
#define R(f) KFK_SHARE_FETCH_RESPONSE_##f

enum { OPENS = 0 };	/* epochs: below, it closes */

struct fetching {
	struct api_call	      *c;
	struct kfk_tree	      *q;
	struct api_share      *share;
	struct api_share_turn *turn;
	struct alv_str	       group;
	int64_t		       epoch;
	bool		       acknowledges, renews;
};

/* ---- verdicts ---------------------------------------------------------------------------------------------- */

static int
by_id(const void *a, const void *b)
{
	const struct api_share_verdict *x = a, *y = b;

	return memcmp(x->id.b, y->id.b, sizeof(x->id.b));
}

const struct api_share_verdict *
api_share_verdict(const struct api_share_turn *t, struct alv_uuid id)
{
	struct api_share_verdict key = { .id = id };

	return t->n == 0 ? NULL : bsearch(&key, t->topic, t->n, sizeof(key), by_id);
}

static uint32_t
session_topics(const struct api_share *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; s != NULL && i < s->n; i++)
		n += i == 0 || !alv_uuid_eq(s->part[i].id, s->part[i - 1].id);
	return n;
}

static void
gather_topics(struct api_share_turn *t, const struct api_share *s, const struct kfk_tree *q, const struct kfk_node *topics)
{
	for (uint32_t i = 0; s != NULL && i < s->n; i++)
		if (i == 0 || !alv_uuid_eq(s->part[i].id, s->part[i - 1].id))
			t->topic[t->n++].id = s->part[i].id;
	for (const struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = e->next)
		t->topic[t->n++].id = kfk_get_uuid(q, e, Q(TOPICS_TOPIC_ID));
}

static void
sort_topics(struct api_share_turn *t)
{
	uint32_t kept = 0;

	if (t->n > 1)
		qsort(t->topic, t->n, sizeof(*t->topic), by_id);
	for (uint32_t i = 0; i < t->n; i++)
		if (kept == 0 || by_id(&t->topic[kept - 1], &t->topic[i]) != 0)
			t->topic[kept++] = t->topic[i];
	t->n = kept;
}

/* Everything that the answer can be about is judged. False: ids must be asked for first. */
static bool
judge_topics(struct fetching *f, const struct api_share *held)
{
	const struct kfk_node *topics = kfk_get(&f->q->root, Q(TOPICS));
	struct api_share_turn *t = f->turn;
	bool		       known = true;

	t->topic = alv_arena_alloc(&f->c->arena, (session_topics(held) + (topics == NULL ? 0 : topics->n) + 1) * sizeof(*t->topic));
	if (t->topic == NULL)
		return true;	/* the arena says it */
	gather_topics(t, held, f->q, topics);
	sort_topics(t);
	for (uint32_t i = 0; i < t->n; i++) {
		t->topic[i].code = api_judge_id(f->c, t->topic[i].id, POL_OP_READ, 0, &t->topic[i].virt);
		known &= t->topic[i].code != API_UNRESOLVED;
	}
	return known;
}

/* ---- what is refused ------------------------------------------------------------------------------------------ */

static void
refuse(struct fetching *f, struct alv_uuid id, int32_t index, int16_t code, int16_t acknowledge)
{
	struct api_share_refusal *r = alv_arena_alloc(&f->c->arena, sizeof(*r));
	struct api_share_turn	 *t = f->turn;

	if (r == NULL)
		return;		/* the arena says it */
	*r = (struct api_share_refusal){ NULL, id, index, code, acknowledge };
	if (t->tail == NULL)
		t->tail = &t->first;
	*t->tail = r;
	t->tail = &r->next;
	api_note(f->c, code != 0 ? code : acknowledge);
}

/* A partition is refused as the session's, as one that the request acknowledges, or as both. */
static void
refuse_part(struct fetching *f, const struct api_share_part *p, int16_t code)
{
	int16_t fetch = f->renews || p->gone ? 0 : code, acknowledge = p->named && f->acknowledges ? code : 0;

	if (fetch != 0 || acknowledge != 0)
		refuse(f, p->id, p->index, fetch, acknowledge);
}

/* ---- the request -------------------------------------------------------------------------------------------------- */

static bool
acknowledges(const struct kfk_node *topics)
{
	for (const struct kfk_node *t = topics == NULL ? NULL : topics->kids; t != NULL; t = t->next) {
		const struct kfk_node *parts = kfk_get(t, Q(TOPICS_PARTITIONS));

		for (const struct kfk_node *p = parts == NULL ? NULL : parts->kids; p != NULL; p = p->next) {
			const struct kfk_node *b = kfk_get(p, Q(TOPICS_PARTITIONS_ACKNOWLEDGEMENT_BATCHES));

			if (b != NULL && b->n > 0)
				return true;
		}
	}
	return false;
}

/* What the request names becomes the session's. False: no memory, or too much. */
static bool
name_parts(struct fetching *f)
{
	const struct kfk_node *topics = kfk_get(&f->q->root, Q(TOPICS));

	for (const struct kfk_node *t = topics == NULL ? NULL : topics->kids; t != NULL; t = t->next) {
		const struct kfk_node *parts = kfk_get(t, Q(TOPICS_PARTITIONS));
		struct alv_uuid	       id = kfk_get_uuid(f->q, t, Q(TOPICS_TOPIC_ID));

		for (const struct kfk_node *p = parts == NULL ? NULL : parts->kids; p != NULL; p = p->next)
			if (!api_share_name(f->share, id, (int32_t)kfk_get_int(f->q, p, Q(TOPICS_PARTITIONS_PARTITION_INDEX))))
				return false;
	}
	api_share_sort(f->share);
	return true;
}

static void
forget_parts(struct fetching *f)
{
	const struct kfk_node *topics = kfk_get(&f->q->root, Q(FORGOTTEN_TOPICS_DATA));

	for (const struct kfk_node *t = topics == NULL ? NULL : topics->kids; t != NULL; t = t->next) {
		const struct kfk_node *parts = kfk_get(t, Q(FORGOTTEN_TOPICS_DATA_PARTITIONS));
		struct alv_uuid	       id = kfk_get_uuid(f->q, t, Q(FORGOTTEN_TOPICS_DATA_TOPIC_ID));

		for (const struct kfk_node *e = parts == NULL ? NULL : parts->kids; e != NULL; e = e->next) {
			struct api_share_part *p = api_share_part(f->share, id, (int32_t)e->v.i);

			if (p != NULL)
				p->gone = true;
		}
	}
}

/* Refused topics do not go upstream. */
static void
drop_refused(struct fetching *f)
{
	struct kfk_node *topics = kfk_get(&f->q->root, Q(TOPICS)), *prev = NULL, *next;

	for (struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = next) {
		const struct api_share_verdict *v = api_share_verdict(f->turn, kfk_get_uuid(f->q, e, Q(TOPICS_TOPIC_ID)));

		next = e->next;
		if (v != NULL && v->code == 0)
			prev = e;
		else
			kfk_unlink(topics, prev, e);
	}
}

/* The partitions of one topic, in an element of their own at the end of a list. */
static struct kfk_node *
parts_of(struct fetching *f, uint16_t list, uint16_t id_field, uint16_t parts_field, struct alv_uuid id)
{
	struct kfk_node *l = kfk_get(&f->q->root, list), *e;

	if (l == NULL)
		l = kfk_set_empty(f->q, &f->q->root, list);
	e = l->last;
	if (e == NULL || !alv_uuid_eq(kfk_get_uuid(f->q, e, id_field), id)) {
		e = kfk_add(f->q, l);
		kfk_set_uuid(f->q, e, id_field, id);
	}
	l = kfk_get(e, parts_field);
	return l == NULL ? kfk_set_empty(f->q, e, parts_field) : l;
}

/* Brokers take in what Topics names before they forget. */
static void
settle_part(struct fetching *f, struct api_share_part *p, int16_t code)
{
	bool there = p->up || (p->named && code == 0), wanted = code == 0 && !p->gone;

	if (code != 0)
		refuse_part(f, p, code);
	if (wanted && !there)
		kfk_set_int(f->q, kfk_add(f->q, parts_of(f, Q(TOPICS), Q(TOPICS_TOPIC_ID), Q(TOPICS_PARTITIONS), p->id)),
		    Q(TOPICS_PARTITIONS_PARTITION_INDEX), p->index);
	if (there && !wanted)
		kfk_add(f->q, parts_of(f, Q(FORGOTTEN_TOPICS_DATA), Q(FORGOTTEN_TOPICS_DATA_TOPIC_ID),
		    Q(FORGOTTEN_TOPICS_DATA_PARTITIONS), p->id))->v.i = p->index;
	p->up = wanted;
}

static enum api_result
send_on(struct fetching *f)
{
	int64_t		max = kfk_get_int(f->q, &f->q->root, Q(MAX_BYTES)), can = api_quota_fetch_max(f->c, max);
	enum api_result result;

	drop_refused(f);
	if (can < max)
		kfk_set_int(f->q, &f->q->root, Q(MAX_BYTES), can);
	api_drop_field(&f->q->root, Q(FORGOTTEN_TOPICS_DATA));
	if (!api_share_mapped(f->c, f->q, Q(SHARE_SESSION_EPOCH), &result))
		return result;
	/* Behind the mapping: what is forgotten may be nobody's by now. */
	for (uint32_t i = 0; f->share != NULL && i < f->share->n; i++) {
		struct api_share_part		*p = &f->share->part[i];
		const struct api_share_verdict *v = api_share_verdict(f->turn, p->id);

		settle_part(f, p, v == NULL ? KFK_UNKNOWN_TOPIC_ID : v->code);
	}
	if (f->share != NULL)
		api_share_settle(f->c->conn, f->share);
	if (f->c->arena.failed)
		return api_fail(f->c, ALV_E_LIMIT);
	api_memo(f->c)->own = f->turn;
	api_memo(f->c)->group = f->group;
	api_memo(f->c)->streams = true;
	return api_send(f->c, f->q);
}

/* The last one of a session has acknowledgements at most. */
static enum api_result
close_session(struct fetching *f)
{
	const struct kfk_node *topics = kfk_get(&f->q->root, Q(TOPICS));

	for (const struct kfk_node *t = topics == NULL ? NULL : topics->kids; t != NULL; t = t->next) {
		const struct kfk_node	       *parts = kfk_get(t, Q(TOPICS_PARTITIONS));
		struct alv_uuid			id = kfk_get_uuid(f->q, t, Q(TOPICS_TOPIC_ID));
		const struct api_share_verdict *v = api_share_verdict(f->turn, id);

		if (v == NULL || v->code == 0 || !f->acknowledges)
			continue;
		for (const struct kfk_node *p = parts == NULL ? NULL : parts->kids; p != NULL; p = p->next)
			refuse(f, id, (int32_t)kfk_get_int(f->q, p, Q(TOPICS_PARTITIONS_PARTITION_INDEX)), 0, v->code);
	}
	api_share_close(f->c->conn, f->share->serial);
	f->share = NULL;
	return send_on(f);
}

/* Clients open another one after this. */
static enum api_result
too_many(struct fetching *f)
{
	if (f->share != NULL)
		api_share_close(f->c->conn, f->share->serial);
	return api_answer_code(f->c, R(ERROR_CODE), KFK_SHARE_SESSION_LIMIT_REACHED);
}

static enum api_result
with_session(struct fetching *f, struct alv_str group, struct alv_str member)
{
	if (f->epoch == OPENS)
		f->share = api_share_open(f->c->conn, group, member);
	if (f->share == NULL)
		return too_many(f);
	f->turn->serial = f->share->serial;
	if (f->epoch < OPENS)
		return close_session(f);
	if (!name_parts(f))
		return too_many(f);
	forget_parts(f);
	return send_on(f);
}

enum api_result
api_share_fetch_request(struct api_call *c, struct kfk_tree *q)
{
	struct alv_str	group = kfk_get_str(q, &q->root, Q(GROUP_ID)), member = kfk_get_str(q, &q->root, Q(MEMBER_ID));
	struct fetching f = { .c = c, .q = q, .group = group, .turn = alv_arena_alloc(&c->arena, sizeof(*f.turn)),
		.epoch = kfk_get_int(q, &q->root, Q(SHARE_SESSION_EPOCH)),
		.acknowledges = acknowledges(kfk_get(&q->root, Q(TOPICS))),
		.renews = kfk_get_int(q, &q->root, Q(IS_RENEW_ACK)) != 0 };
	int16_t		code = api_share_judge(c, group, member);

	if (code != 0)
		return api_answer_code(c, R(ERROR_CODE), code);
	if (f.turn == NULL)
		return api_fail(c, ALV_E_LIMIT);
	if (f.epoch != OPENS) {
		f.share = api_share_find(c->conn, group, member);
		if (f.share == NULL)
			return api_answer_code(c, R(ERROR_CODE), KFK_SHARE_SESSION_NOT_FOUND);
	}
	if (!judge_topics(&f, f.share))
		return api_wait_ids(c);
	if (c->arena.failed)
		return api_fail(c, ALV_E_LIMIT);
	return with_session(&f, group, member);
}
