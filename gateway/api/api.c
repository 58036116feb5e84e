/* The way of one request through the api layer: gate, decode, the family's handler, encode; and back.
 *
 *   api_request -> gate -> kfk_tree_decode -> def->request  -> api_forward / api_answer / api_wait_ids / api_close
 *   api_response ->         kfk_tree_decode -> def->response -> api_pass .. / api_wait_ids / api_close
 *
 * Invariants: nothing is decoded before the gate let it pass; a body is consumed to its last byte or refused;
 * c->tenant and c->view are loaded anew at each entry and never kept. */
#include "api/counts.h"
#include "api/readers.h"
#include "api/repeat.h"

/* ---- results ---------------------------------------------------------------------------------- */

enum api_result
api_close(struct api_call *c, enum met_close why)
{
	c->close = why;
	alv_chain_clear(&c->out);
	return API_CLOSE;
}

enum api_result
api_fail(struct api_call *c, enum alv_err err)
{
	if (c->arena.failed || err == ALV_E_NOMEM || err == ALV_E_LIMIT)
		return api_close(c, MET_CLOSE_MEMORY);
	return api_close(c, MET_CLOSE_INTERNAL);
}

enum api_result
api_wait_ids(struct api_call *c)
{
	c->wait = API_WAIT_IDS;
	return API_WAIT;
}

void
api_note(struct api_call *c, int64_t code)
{
	if (c->error_code == 0)
		c->error_code = (int16_t)code;
}

/* Kafka lifts its ban on writing internal topics for this client id, whoever says it. */
struct alv_str
api_upstream_client_id(struct alv_str id)
{
	return alv_str_eqz(id, "__admin_client") ? ALV_STR("admin-client") : id;
}

static enum api_result
forward(struct api_call *c, int16_t key, int16_t version)
{
	c->up_key = key;
	c->up_version = version;
	c->up_client_id = api_upstream_client_id(c->hdr.client_id);
	return API_FORWARD;
}

enum api_result
api_send(struct api_call *c, struct kfk_tree *q)
{
	enum alv_err err = kfk_tree_encode(q, &c->out);

	return err ? api_fail(c, err) : forward(c, q->schema->key, q->version);
}

enum api_result
api_send_out(struct api_call *c)
{
	return forward(c, c->hdr.key, c->hdr.version);
}

bool
api_mapped(struct api_call *c, struct kfk_tree *q, enum api_result *result)
{
	enum alv_err err = api_map_in(c, q);

	if (err == ALV_E_AGAIN)
		*result = api_wait_ids(c);
	else if (err == ALV_E_NOMEM || err == ALV_E_LIMIT || c->arena.failed)
		*result = api_fail(c, err);
	else if (err)
		*result = api_close(c, MET_CLOSE_API_REFUSED);	/* a field that no rule lets pass */
	else
		return true;
	return false;
}

enum api_result
api_forward(struct api_call *c, struct kfk_tree *q)
{
	enum api_result result;

	return api_mapped(c, q, &result) ? api_send(c, q) : result;
}

void
api_answer_begin(struct api_call *c, struct kfk_tree *r)
{
	kfk_tree_init(r, kfk_schema_find(c->hdr.key, KFK_RESPONSE), c->hdr.version, &c->arena);
}

enum api_result
api_answer(struct api_call *c, struct kfk_tree *r)
{
	enum alv_err err;

	r->version = c->hdr.version;
	api_quota_tell(c, r);
	err = kfk_tree_encode(r, &c->out);
	return err ? api_fail(c, err) : API_ANSWER;
}

bool
api_unmap(struct api_call *c, struct kfk_tree *r, enum api_result *result)
{
	enum alv_err err = api_map_out(c, r);

	switch (err) {
	case ALV_OK:
		return true;
	case ALV_E_AGAIN:
		*result = api_wait_ids(c);
		return false;
	case ALV_E_NOMEM:
	case ALV_E_LIMIT:
		*result = api_fail(c, err);
		return false;
	default:
		*result = api_close(c, MET_CLOSE_UPSTREAM_FOREIGN);
		return false;
	}
}

enum api_result
api_pass(struct api_call *c, struct kfk_tree *r)
{
	enum api_result result;

	return api_unmap(c, r, &result) ? api_answer(c, r) : result;
}

enum api_result
api_answer_code(struct api_call *c, uint16_t error, int16_t code)
{
	struct kfk_tree r;

	api_answer_begin(c, &r);
	kfk_set_int(&r, &r.root, error, code);
	api_note(c, code);
	return api_answer(c, &r);
}

/* ---- gate --------------------------------------------------------------------------------------- */

static void
load(struct api_call *c)
{
	struct api_conn *conn = c->conn;

	c->view = clu_board_load(conn->w->shared->board);
	c->tenant = conn->slot == NULL ? NULL : pol_slot_load(conn->slot);
	c->out.pool = conn->w->pool;
	c->kept.pool = conn->w->pool;
}

/* May an authenticated connection's tenant be served? */
static bool
tenant_serves(const struct api_call *c, enum met_close *why)
{
	if (c->tenant == NULL || c->tenant->state == POL_DELETED) {
		*why = MET_CLOSE_TENANT_GONE;
		return false;
	}
	*why = MET_CLOSE_TENANT_SUSPENDED;
	return c->tenant->state == POL_ACTIVE;
}

static bool
gate(struct api_call *c, enum met_close *why)
{
	const struct api_def *d = c->def;
	struct clu_range      r;

	*why = MET_CLOSE_API_REFUSED;
	if (c->conn->auth != API_AUTH_DONE && (d == NULL || !(d->flags & API_UNAUTHENTICATED))) {
		*why = MET_CLOSE_AUTH_REQUIRED;
		return false;
	}
	if (d == NULL)
		return false;
	r = api_offered(d, c->view);
	if (c->hdr.version < r.lo || c->hdr.version > r.hi)
		return false;
	if (c->conn->auth == API_AUTH_DONE && !tenant_serves(c, why))
		return false;
	if (!api_reauth_lets(c->conn, c->hdr.key, why))
		return false;
	*why = MET_CLOSE_NO_BROKER;
	return c->view != NULL || d->decision == API_LOCAL;
}

static bool
versions_fallback(const struct api_call *c)
{
	struct clu_range r;

	if (c->hdr.key != KFK_API_API_VERSIONS || c->def == NULL)
		return false;
	r = api_offered(c->def, c->view);
	return c->hdr.version < r.lo || c->hdr.version > r.hi;
}

/* ---- requests ------------------------------------------------------------------------------------- */

/* The body was refused by its shape or by our own limits. */
static enum api_result
undecodable(struct api_call *c, const struct kfk_tree *t, enum alv_err err, enum met_close why)
{
	if (err == ALV_E_NOMEM || err == ALV_E_LIMIT || c->arena.failed)
		return api_close(c, MET_CLOSE_MEMORY);
	c->fault = t->fault;
	return api_close(c, why);
}

static enum api_result
judge(struct api_call *c, const struct alv_chain *body)
{
	const struct kfk_schema *s = kfk_schema_find(c->hdr.key, KFK_REQUEST);
	struct kfk_tree		 q;
	struct alv_chain	 meant;
	enum alv_err		 err;
	enum api_result		 result;

	if (c->def->quick != NULL) {
		if (c->def->quick->request(c, body))
			return api_send_out(c);
		api_memo(c)->asked = (struct api_asked){ 0 };
		api_reader_anew(c);
	}
	err = kfk_tree_decode(&q, s, c->hdr.version, body, &c->arena);
	alv_chain_init(&meant, body->pool);
	if (err == ALV_E_TRAILING && api_padded(&c->hdr, body, &meant))
		err = kfk_tree_decode(&q, s, c->hdr.version, &meant, &c->arena);
	alv_chain_clear(&meant);
	if (err) {
		result = undecodable(c, &q, err, MET_CLOSE_FRAME_MALFORMED);
	} else {
		met_dropped(c->conn->w->meter, q.dropped_tags, 0);
		api_memo(c)->news = api_news_of(&q);
		result = c->def->request(c, &q);
	}
	kfk_tree_fini(&q);
	return result;
}

static enum api_result
unmap_tree(struct api_call *c, const struct alv_chain *body)
{
	struct kfk_tree r;
	enum alv_err	err;
	enum api_result result;

	if (c->repeat != NULL && api_repeat_response(c, body))
		return API_ANSWER;
	if (c->repeat != NULL && !api_repeat_recall(c))
		return api_fail(c, ALV_E_LIMIT);
	if (c->def->quick != NULL && c->def->quick->response(c, body))
		return API_ANSWER;
	err = kfk_tree_decode(&r, kfk_schema_find(c->up_key, KFK_RESPONSE), c->up_version, body, &c->arena);
	if (err) {
		result = undecodable(c, &r, err, MET_CLOSE_UPSTREAM_MALFORMED);
	} else {
		met_dropped(c->conn->w->meter, r.dropped_tags, 0);
		result = c->def->response(c, &r);
	}
	kfk_tree_fini(&r);
	return result;
}

/* The same was asked a moment ago: what the broker said then goes the way of an answer. */
static enum api_result
answer_shared(struct api_call *c)
{
	struct alv_chain question, answer;
	enum api_result	 result;

	alv_chain_init(&answer, c->conn->w->pool);
	if (!api_shared_find(c, &answer)) {
		alv_chain_clear(&answer);
		return API_FORWARD;
	}
	alv_chain_init(&question, c->conn->w->pool);
	alv_chain_move(&question, &c->out);
	result = unmap_tree(c, &answer);
	alv_chain_clear(&answer);
	if (result == API_ANSWER) {
		met_shared(c->conn->w->meter, c->hdr.key);
		alv_chain_clear(&question);
		return API_ANSWER;
	}
	/* What it would take to answer is not here: a broker is asked as always. */
	alv_chain_clear(&c->out);
	alv_chain_move(&c->out, &question);
	c->wait = API_WAIT_NONE;
	c->error_code = 0;
	return c->out.err ? api_fail(c, c->out.err) : API_FORWARD;
}

enum api_result
api_request(struct api_call *c, const struct alv_chain *body)
{
	enum met_close	why;
	enum api_result result;

	load(c);
	c->def = api_def_find(c->hdr.key);
	c->wait = API_WAIT_NONE;
	c->nids = 0;
	c->error_code = 0;
	c->wants = NULL;	/* it is judged anew */
	if (versions_fallback(c))
		return api_versions_unknown(c);
	if (!gate(c, &why))
		return api_close(c, why);
	c->memo = alv_arena_alloc(&c->arena, sizeof(struct api_memo));
	if (c->memo == NULL)
		return api_fail(c, ALV_E_LIMIT);
	api_quota_request(c);
	result = judge(c, body);
	if (result == API_FORWARD)
		result = answer_shared(c);
	if (result == API_FORWARD) {
		c->ids_asked = false;	/* the response may ask once for its own */
		c->nids = 0;
		api_quota_forwarded(c);
	}
	if (c->wants != NULL && !(result == API_WAIT && (c->wait == API_WAIT_IDS || c->wait == API_WAIT_GROUPS)))
		api_wants_settle(c);
	if (result == API_FORWARD || result == API_ANSWER)
		api_charge_request(c);
	if (result == API_ANSWER)
		api_charge_response(c, c->out.n);
	return result;
}

bool
api_again(struct api_call *c, struct alv_chain *frame)
{
	enum met_close why;

	if (c->conn->repeats.of[0] == NULL || c->conn->auth != API_AUTH_DONE)
		return false;
	load(c);
	return tenant_serves(c, &why) && api_reauth_lets(c->conn, KFK_API_PRODUCE, &why) && c->view != NULL && api_repeat_request(c, frame);
}

/* ---- responses -------------------------------------------------------------------------------------- */

bool
api_streams(const struct api_call *c)
{
	return c->memo != NULL && api_memo(c)->streams;
}

/* May a response still go to this client? */
static bool
may_respond(struct api_call *c, enum met_close *why)
{
	load(c);
	c->wait = API_WAIT_NONE;
	c->nids = 0;
	if (!tenant_serves(c, why))
		return false;
	*why = MET_CLOSE_UPSTREAM_ORDER;
	return c->view != NULL && c->def != NULL && (c->def->response != NULL || c->def->stream != NULL);
}

static void
keep_body(struct api_call *c, const struct alv_chain *body)
{
	alv_chain_clear(&c->kept);
	for (const struct alv_piece *x = body->head; x != NULL; x = x->next)
		alv_chain_ref(&c->kept, x->block, x->p, x->n);
}

static enum api_result
respond(struct api_call *c, const struct alv_chain *body)
{
	enum met_close	why;
	enum api_result result;

	if (!may_respond(c, &why))
		return api_close(c, why);
	result = c->def->stream != NULL ? api_walk_whole(c, body) : unmap_tree(c, body);
	if (c->wants != NULL && result != API_WAIT)
		api_wants_settle(c);
	if (c->memo != NULL)	/* a repeat has none, and brings no news */
		api_news_note(c);
	if (result == API_ANSWER && c->memo != NULL)
		api_shared_keep(c, body);
	if (result == API_ANSWER || (result == API_WAIT && c->wait == API_WAIT_LEARN))
		api_charge_response(c, c->framed ? c->answer_n : c->out.n);
	return result;
}

enum api_result
api_stream(struct api_call *c, size_t body_n, const struct alv_chain *in)
{
	enum met_close	why;
	enum api_result result;

	if (!may_respond(c, &why))
		return api_close(c, why);
	result = api_stream_part(c, body_n, in);
	if (result == API_ANSWER)
		api_charge_response(c, c->answer_n);
	return result;
}

enum api_result
api_response(struct api_call *c, const struct alv_chain *body)
{
	enum api_result result;

	alv_chain_clear(&c->out);
	c->framed = false;
	result = respond(c, body);
	if (result == API_WAIT && c->wait == API_WAIT_IDS) {
		/* Should nobody resolve them: this is why it ends. */
		c->close = MET_CLOSE_UPSTREAM_FOREIGN;
		keep_body(c, body);
		if (c->kept.err)
			return api_fail(c, c->kept.err);
	}
	return result;
}

static enum api_result
resume_long(struct api_call *c)
{
	enum met_close	why;
	enum api_result result;

	load(c);
	if (!tenant_serves(c, &why))
		return api_close(c, why);
	result = api_long_more(c);
	if (result != API_ANSWER)
		return result;
	api_charge_request(c);
	api_charge_response(c, c->out.n);
	return result;
}

enum api_result
api_resume(struct api_call *c)
{
	struct alv_chain body;
	enum api_result	 result;

	switch (c->wait) {
	case API_WAIT_LEARN:
		api_count_made(c);
		return API_ANSWER;	/* out was made before */
	case API_WAIT_TIME:
		if (c->more != NULL)
			return resume_long(c);
		/* fall through */
	case API_WAIT_WORK:
		load(c);
		result = api_sasl_resume(c);
		if (result == API_ANSWER)
			api_charge_response(c, c->out.n);
		return result;
	case API_WAIT_CHANGE:
		load(c);
		result = api_change_made(c);
		if (result != API_ANSWER)
			return result;
		api_charge_request(c);
		api_charge_response(c, c->out.n);
		return result;
	case API_WAIT_IDS:
		body = c->kept;
		alv_chain_init(&c->kept, body.pool);
		c->close = 0;
		result = respond(c, &body);
		alv_chain_clear(&body);
		return result;
	default:
		return api_close(c, MET_CLOSE_INTERNAL);
	}
}

void
api_call_fini(struct api_call *c)
{
	api_quota_over(c);
	api_stream_fini(c);
	alv_chain_clear(&c->out);
	alv_chain_clear(&c->kept);
	api_repeat_put(c->repeat);
	c->repeat = NULL;
	api_change_forget(c);
	alv_arena_fini(&c->arena);
}

void
api_call_reset(struct api_call *c)
{
	struct alv_arena arena;

	api_quota_over(c);
	api_stream_fini(c);
	alv_chain_clear(&c->out);
	alv_chain_clear(&c->kept);
	api_repeat_put(c->repeat);
	api_change_forget(c);
	alv_arena_reset(&c->arena);
	arena = c->arena;
	memset(c, 0, sizeof(*c));
	c->arena = arena;
}
