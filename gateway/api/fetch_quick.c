/* Fetch the short way: a full fetch by a consumer, every topic allowed, or one that goes on with a session of the client's
 * (fetch_session.h). Its response is walked anyway (fetch.c). See quick.h. */
#include "api/fetch_session.h"
#include "api/readers.h"

#define Q(f) KFK_FETCH_REQUEST_##f

struct pass {
	struct api_call	       *c;
	const struct api_shape *sh;
	int64_t			max;	/* bytes that one answer may have */
	bool			reads;	/* it is of interest whose it is */
	struct api_session     *session;	/* NULL: none */
	struct api_turn	       *turn;
	struct api_wanted	topic;	/* with a session: the one under way */
	struct api_set_topic   *known;	/* the same, as the session has it; NULL: not yet */
};

static enum kfk_do
put(struct kfk_value *v, int64_t i)
{
	if (v->i == i)
		return KFK_KEEP;
	v->i = i;
	return KFK_REPLACE;
}

/* ---- sessions ------------------------------------------------------------------------------------------ */

static enum kfk_do
see_session(struct pass *p, struct kfk_value *v)
{
	if (v->i == 0)
		return KFK_KEEP;
	p->session = api_session_find(p->c->conn, v->i);
	if (p->session == NULL)
		return KFK_STOP;
	p->turn = api_turn_new(p->c, p->session);
	v->i = p->session->up_id;
	return p->turn == NULL ? KFK_STOP : KFK_REPLACE;
}

/* Of a full fetch: the long way opens sessions, and closes the broker's that nobody needs. */
static enum kfk_do
see_no_epoch(const struct pass *p, struct kfk_value *v)
{
	if (v->i > 0 || (v->i == 0 && api_session_may_open(p->c)))
		return KFK_STOP;
	return put(v, -1);
}

/* Both sides count alike, so the epoch passes as it is. */
static enum kfk_do
see_epoch(const struct pass *p, struct kfk_value *v)
{
	struct api_call *c = p->c;

	if (p->session == NULL)
		return api_session_unneeded(c->conn) != 0 ? KFK_STOP : see_no_epoch(p, v);
	return v->i <= 0 || api_session_check(p->session, v->i, c->hdr.version >= 13) != 0 ||
	    p->session->revision != c->tenant->revision ? KFK_STOP : KFK_KEEP;
}

/* A topic of the session's, or one that may become so. */
static enum kfk_do
see_member(struct pass *p, const struct kfk_field *f, struct kfk_value *v, bool forgotten)
{
	struct api_call *c = p->c;
	struct alv_str	 name = v->s;
	int16_t		 code = 0;

	p->topic = (struct api_wanted){ .phys = ALV_STR(""), .virt = ALV_STR("") };
	if (f->kind == KFK_KIND_TOPIC_ID) {
		p->topic.id = v->id;
	} else {
		if (name.p == NULL || ten_map(&c->tenant->names, TEN_TOPIC, name, &c->arena, &p->topic.phys))
			return KFK_STOP;
		v->s = p->topic.phys;
	}
	p->known = api_set_find(&p->session->set, p->topic.id, p->topic.phys);
	if (p->known == NULL && forgotten)
		return KFK_STOP;
	if (p->known == NULL && f->kind == KFK_KIND_TOPIC_ID) {
		code = api_judge_id(c, v->id, p->sh->op, p->sh->flags, &p->topic.virt);
		if (code != 0 || api_own_id(c, v->id, &p->topic.phys))
			return KFK_STOP;
		p->topic.phys = alv_arena_str(&c->arena, p->topic.phys);
	} else if (p->known == NULL) {
		code = api_judge_name(c, name, p->sh->op, p->sh->flags);
		p->topic.virt = alv_arena_str(&c->arena, name);
	}
	if (code != 0 || p->topic.phys.p == NULL || p->topic.virt.p == NULL)
		return KFK_STOP;
	return f->kind == KFK_KIND_TOPIC_ID ? KFK_KEEP : KFK_REPLACE;
}

static enum kfk_do
see_partition(struct pass *p, uint16_t id, const struct kfk_value *v)
{
	bool forgotten = id != Q(TOPICS_PARTITIONS_PARTITION);

	if (!forgotten && p->known != NULL && api_set_has(&p->session->set, p->known, (int32_t)v->i))
		return KFK_KEEP;
	return api_turn_change(p->c, p->turn, &p->topic, (int32_t)v->i, forgotten) ? KFK_KEEP : KFK_STOP;
}

/* Of the whole answer, no more than can be paid for; of a partition, which a session may remember, only what has to be gathered. */
static enum kfk_do
see_max(const struct pass *p, uint16_t id, struct kfk_value *v)
{
	int64_t max = v->i < p->max ? v->i : p->max;

	return put(v, id == Q(MAX_BYTES) ? api_quota_fetch_max(p->c, max) : max);
}

/* ---- the walk --------------------------------------------------------------------------------------------- */

static enum kfk_do
see(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	struct pass *p = arg;

	switch (f->kind) {
	case KFK_KIND_TOPIC_NAME:
	case KFK_KIND_TOPIC_ID:
		return api_quick_topic(p->c, p->sh, f, v);
	case KFK_KIND_REPLICA_ID:
		return v->i >= 0 ? KFK_STOP : put(v, -1);
	case KFK_KIND_SESSION_ID:
		return put(v, 0);	/* there is none here that could be meant */
	case KFK_KIND_SESSION_EPOCH:
		return see_no_epoch(p, v);
	case KFK_KIND_MAX_BYTES:
		return see_max(p, id, v);
	case KFK_KIND_PARTITION:	/* where it is wanted whose it is */
		if (id == Q(TOPICS_PARTITIONS_PARTITION) && p->reads && api_memo(p->c)->asked.n > 0)
			api_reader_fetches(p->c, api_memo(p->c)->asked.topic[api_memo(p->c)->asked.n - 1].virt, (int32_t)v->i);
		return KFK_KEEP;
	case KFK_KIND_RACK:
		if (v->s.n == 0)
			return KFK_KEEP;
		v->s = api_rack_in(p->c, v->s);
		if (v->s.p == NULL)
			v->s = ALV_STR("");
		return KFK_REPLACE;
	default:
		return KFK_STOP;	/* what consumers do not send */
	}
}

/* On a connection that has, or had, sessions. */
static enum kfk_do
see_more(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	struct pass *p = arg;

	switch (f->kind) {
	case KFK_KIND_SESSION_ID:
		return see_session(p, v);
	case KFK_KIND_SESSION_EPOCH:
		return see_epoch(p, v);
	case KFK_KIND_PARTITION:
		if (p->session != NULL)
			return see_partition(p, id, v);
		break;
	case KFK_KIND_TOPIC_NAME:
	case KFK_KIND_TOPIC_ID:
		if (p->session != NULL)
			return see_member(p, f, v, id == Q(FORGOTTEN_TOPICS_DATA_TOPIC) || id == Q(FORGOTTEN_TOPICS_DATA_TOPIC_ID));
		break;
	default:
		break;
	}
	return see(arg, id, f, v);
}

static enum kfk_do
list_begins(void *arg, uint16_t id, int32_t n)
{
	struct pass *p = arg;

	if (id == Q(TOPICS) && p->session == NULL)
		return n >= 0 && api_asked_begin(p->c, (uint32_t)n) ? KFK_KEEP : KFK_STOP;
	return id == Q(FORGOTTEN_TOPICS_DATA) && n != 0 && p->session == NULL ? KFK_STOP : KFK_KEEP;
}

static enum kfk_do
struct_begins(void *arg, uint16_t id, bool is_null)
{
	(void)arg;
	(void)is_null;
	return id == Q(REPLICA_STATE) ? KFK_STOP : KFK_KEEP;
}

static bool
request(struct api_call *c, const struct alv_chain *body)
{
	static const struct kfk_visitor plain = { .field = see, .array_begin = list_begins, .struct_begin = struct_begins };
	static const struct kfk_visitor more = { .field = see_more, .array_begin = list_begins, .struct_begin = struct_begins };
	bool				leaves = c->hdr.version >= 13, sessions = c->conn->sessions != NULL;
	struct pass			p = { .c = c, .sh = api_shape(API_SHAPE_FETCH),
				    .reads = api_reader_wanted(c), .max = leaves ? INT32_MAX : c->conn->w->shared->conf->limits.fetch_max_bytes };

	if (!api_quick_walk(c, KFK_REQUEST, API_SEE(TOPIC_NAME) | API_SEE(TOPIC_ID) | API_SEE(REPLICA_ID) | API_SEE(SESSION_ID) |
	    API_SEE(SESSION_EPOCH) | API_SEE(RACK) | API_SEE(CLUSTER_ID) | API_SEE(LOG_DIR) | API_SEE(FOLLOWER) |
	    (leaves && !api_quota_limits(c, API_Q_FETCH) ? 0 : API_SEE(MAX_BYTES)) | (sessions || p.reads ? API_SEE(PARTITION) : 0), sessions ? &more : &plain, &p, body))
		return false;
	if (p.turn != NULL && !api_turn_goes(c, p.turn)) {
		alv_chain_clear(&c->out);
		return false;
	}
	api_memo(c)->own = p.turn;
	api_memo(c)->streams = leaves;
	return true;
}

const struct api_quick api_quick_fetch = { .request = request };
