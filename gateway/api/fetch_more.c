/* Fetch requests that go on with a session (KIP-227) and are not the usual case: wrong numbers, permissions that changed since
 * the session was judged, topics that may not be read or that nobody knows yet, fields that only followers send.
 * Nothing is forwarded from here but by the short way (fetch_quick.c), which is given what is left of the request when all
 * of it is allowed. What is refused is answered here and ends the session: the client goes on with full fetches, each of
 * which says what is refused, until all is allowed again. See fetch_session.h. */
#include "api/fetch_session.h"

#include <alcove/str.h>

#define Q(f) KFK_FETCH_REQUEST_##f
#define R(f) KFK_FETCH_RESPONSE_##f

/* ---- what is refused --------------------------------------------------------------------------------- */

/* By today's snapshot. False: under that name is another topic now. */
static bool
judge(struct api_call *c, const struct api_session *s, const struct api_set_topic *t, int16_t *code)
{
	const struct api_shape *sh = api_shape(API_SHAPE_FETCH);
	struct alv_str		phys, virt;
	bool			writable;

	*code = 0;
	if (s->set.by_id && !ten_owned_id(&c->tenant->names, t->w.id, t->w.phys, &virt, &writable)) {
		*code = KFK_UNKNOWN_TOPIC_ID;
		return true;
	}
	if (s->set.by_id && !alv_str_eq(virt, t->w.virt))
		return false;
	*code = api_judge_topic(c, t->w.virt, sh->op, sh->flags, &phys);
	if (*code == KFK_INVALID_TOPIC_EXCEPTION)
		*code = KFK_UNKNOWN_TOPIC_OR_PARTITION;
	return *code != 0 || alv_str_eq(phys, t->w.phys);
}

/* Tells of each partition that the session has of refused topics; denied: by the topic's slot. */
static void
add_parts(struct api_call *c, const struct api_session *s, struct api_denied **denied)
{
	for (uint32_t i = 0; i < s->set.nparts && !c->arena.failed; i++) {
		const struct api_set_part *p = &s->set.part[i];
		struct api_denied	  *d = denied[p->topic->slot];

		if (d != NULL && d->parts == NULL)
			d->parts = alv_arena_alloc(&c->arena, p->topic->nparts * sizeof(*d->parts));
		if (d != NULL && d->parts != NULL)
			d->parts[d->nparts++] = p->index;
	}
}

/* All of the session, where something of the tenant changed since that was done. False: it cannot go on. */
static bool
judge_session(struct api_call *c, struct api_session *s)
{
	struct api_denied **denied;
	bool		    same = true;

	if (s->revision == c->tenant->revision)
		return true;
	denied = alv_arena_alloc(&c->arena, (s->set.ntopics + 1) * sizeof(*denied));
	for (uint32_t i = 0; denied != NULL && same && i < s->set.ntopics; i++) {
		const struct api_wanted *w = &s->set.topic[i]->w;
		struct alv_str		 name = s->set.by_id ? ALV_STR_NULL : alv_arena_str(&c->arena, w->virt);
		int16_t			 code;

		same = judge(c, s, s->set.topic[i], &code);
		if (code != 0)
			denied[i] = api_deny(c, &api_memo(c)->split, name, w->id, code);
	}
	if (denied != NULL)
		add_parts(c, s, denied);
	return same;
}

static enum api_result
end(struct api_call *c, struct api_session *s, enum met_session why)
{
	api_session_end(c->conn, s, why);
	if (api_memo(c)->split.first != NULL)
		return api_answer_denied(c, api_shape(API_SHAPE_FETCH));
	return api_answer_code(c, R(ERROR_CODE), KFK_FETCH_SESSION_ID_NOT_FOUND);
}

/* ---- what is left ------------------------------------------------------------------------------------- */

/* What is not in the session cannot leave it. */
static void
keep_own_forgotten(struct api_call *c, struct kfk_tree *q, const struct api_session *s)
{
	struct kfk_node *list = kfk_get(&q->root, Q(FORGOTTEN_TOPICS_DATA)), *prev = NULL, *next;

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = next) {
		struct alv_uuid id = kfk_get_uuid(q, e, Q(FORGOTTEN_TOPICS_DATA_TOPIC_ID));
		struct alv_str	name = kfk_get_str(q, e, Q(FORGOTTEN_TOPICS_DATA_TOPIC)), phys = ALV_STR("");
		bool		has = s->set.by_id || !ten_map(&c->tenant->names, TEN_TOPIC, name, &c->arena, &phys);

		next = e->next;
		if (has && api_set_find(&s->set, id, phys) != NULL)
			prev = e;
		else
			kfk_unlink(list, prev, e);
	}
}

static void
drop_what_followers_send(struct kfk_tree *q)
{
	const struct kfk_node *topics = kfk_get(&q->root, Q(TOPICS));

	api_drop_field(&q->root, Q(REPLICA_STATE));
	api_drop_field(&q->root, Q(CLUSTER_ID));
	for (const struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = e->next) {
		const struct kfk_node *parts = kfk_get(e, Q(TOPICS_PARTITIONS));

		for (struct kfk_node *p = parts == NULL ? NULL : parts->kids; p != NULL; p = p->next) {
			api_drop_field(p, Q(TOPICS_PARTITIONS_HIGH_WATERMARK));
			api_drop_field(p, Q(TOPICS_PARTITIONS_REPLICA_DIRECTORY_ID));
		}
	}
}

static enum api_result
go_on(struct api_call *c, struct kfk_tree *q, struct api_session *s)
{
	int32_t		 id = s->id;
	struct alv_chain body;
	bool		 goes;

	drop_what_followers_send(q);
	keep_own_forgotten(c, q, s);
	alv_chain_init(&body, c->out.pool);
	goes = kfk_tree_encode(q, &body) == ALV_OK && c->def->quick->request(c, &body);
	alv_chain_clear(&body);
	if (goes)
		return api_send_out(c);
	if (c->arena.failed)
		return api_fail(c, ALV_E_LIMIT);
	/* It would be larger than it may be, or there was no memory for more of it, and it went. */
	s = api_session_find(c->conn, id);
	return s != NULL ? end(c, s, MET_SESSION_EVICTED) : api_answer_code(c, R(ERROR_CODE), KFK_FETCH_SESSION_ID_NOT_FOUND);
}

enum api_result
api_fetch_more(struct api_call *c, struct kfk_tree *q)
{
	const struct api_shape *sh = api_shape(API_SHAPE_FETCH);
	struct api_split       *split = &api_memo(c)->split;
	struct api_session     *s = api_session_find(c->conn, kfk_get_int(q, &q->root, Q(SESSION_ID)));
	int16_t			code = api_session_check(s, kfk_get_int(q, &q->root, Q(SESSION_EPOCH)), q->version >= 13);

	if (code != 0)
		return api_answer_code(c, R(ERROR_CODE), code);
	if (api_fetch_is_follower(q)) {
		api_split_all(c, q, &q->root, sh, split, KFK_TOPIC_AUTHORIZATION_FAILED);
		return api_answer_denied(c, sh);
	}
	if (!judge_session(c, s))
		return end(c, s, MET_SESSION_REVOKED);
	api_split(c, q, &q->root, sh, split);
	if (split->waiting)
		return api_wait_ids(c);
	if (c->arena.failed)
		return api_fail(c, ALV_E_LIMIT);
	if (split->first != NULL)
		return end(c, s, MET_SESSION_REVOKED);
	s->revision = c->tenant->revision;
	return go_on(c, q, s);
}
