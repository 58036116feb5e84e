/* Whole conversations of one connection with the api layer: the bytes say who the connection is, what it asks, and what
 * the broker answers, as bytes that came so or as messages made of them (make.h).
 * What must hold: no crash, every block comes back, nobody who cannot know a password gets in; what goes upstream
 * decodes and names only the tenant's own; what goes to the client decodes, and nothing of it holds the needle, which
 * the cluster's view, the brokers' answers and the other tenant are full of. The bytes also say which allocation of the
 * api layer fails, if one does: then all of this still holds. */
#include "tests/fuzz/make.h"

#include "api/kit.h"

#include <stdlib.h>

enum { STEPS_MAX = 6, WAITS_MAX = 4, PIECE = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct world {
	struct alv_qsbr	   *qsbr;
	struct clu_board   *board, *empty;
	struct pol_listener listener;
	struct pol_config   conf;
	struct api_shared   shared;
	struct api_worker   worker;
	size_t		    ndefs;
} w;

struct talk {
	struct in	 in;
	struct api_conn	 conn;
	struct api_call	 call;
	struct alv_arena arena;	/* of what is made and looked at here */
	struct alv_chain body;	/* the last one that was given in */
	unsigned	 fail_at;
	bool		 made;	/* both bodies came from lists so far */
	bool		 all_made;	/* so did those of the requests before */
	int32_t		 session;	/* that the client was told last */
};

/* ---- memory that is not there (the linker's --wrap) --------------------------------------------------------------- */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t each);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t each);
void *__wrap_realloc(void *p, size_t n);

static unsigned fail_at;	/* the how-manieth from now fails; 0: none */

static bool
fails(void)
{
	return fail_at > 0 && --fail_at == 0;
}

void *
__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t each)
{
	return fails() ? NULL : __real_calloc(n, each);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

/* ---- the world: built once ----------------------------------------------------------------------------------- */

static void
tenant(const char *id, enum pol_tenant_state state)
{
	static const struct ten_alias aliases[] = {
		{ TEN_TOPIC, ALV_STR("shared"), ALV_STR("legacy.shared"), false },
		{ TEN_GROUP, ALV_STR("watched"), ALV_STR("legacy.watched"), false },
		{ TEN_GROUP, ALV_STR("taken"), ALV_STR("legacy.taken"), true },
		{ TEN_TXN, ALV_STR("watched"), ALV_STR("legacy.watched"), false },
		{ TEN_TXN, ALV_STR("taken"), ALV_STR("legacy.taken"), true },
	};
	struct pol_rule	       rules[16];
	size_t		       n;
	const struct pol_rule *base = pol_rules_all(&n);
	struct pol_user	       user = { .name = ALV_STR("alice"), .revision = 7, .enabled = true };
	struct pol_parts       p = { .id = alv_str_of(id), .display_name = alv_str_of(id), .state = state, .revision = 1,
		.cluster_id = "acme-cluster-id-22char", .users = &user, .nusers = 1, .rules = rules, .nrules = n + 1,
		.aliases = aliases, .naliases = ALV_COUNT(aliases) };

	for (int m = 0; m < POL_MECHANISMS; m++)	/* keys of no password; one iteration, for speed */
		user.scram[m] = (struct pol_scram){ .present = true, .iterations = 1, .salt_n = 16, .stored_key = "stored" };
	MUST(n < ALV_COUNT(rules));
	memcpy(rules, base, n * sizeof(*base));
	rules[n] = (struct pol_rule){ .resource = POL_TOPIC, .pattern = POL_LITERAL, .name = ALV_STR("secret"),
		.principal = ALV_STR("User:*"), .host = ALV_STR("*"), .op = POL_OP_READ, .permission = POL_DENY };
	MUST(pol_dir_publish(w.shared.dir, p.id, pol_build(&p)) == ALV_OK);
}

static void
view(void)
{
	struct clu_broker brokers[] = { { .id = 1, .host = ALV_STR("real1." NEEDLE), .port = 9092, .rack = ALV_STR(NEEDLE "-rack") },
		{ .id = 2, .host = ALV_STR("real2." NEEDLE), .port = 9092 } };
	struct clu_topic  list[] = { { .name = ALV_STR("acme.orders"), .id = make_id('o'), .partitions = 2 },
		 { .name = ALV_STR("acme.secret"), .id = make_id('s'), .partitions = 1 },
		 { .name = ALV_STR("globex." NEEDLE), .id = make_id('g'), .partitions = 1 },
		 { .name = ALV_STR("legacy.shared"), .id = make_id('l'), .partitions = 1 },
		 { .name = ALV_STR("legacy." NEEDLE), .id = make_id('h'), .partitions = 1 },
		 { .name = ALV_STR("__consumer_offsets"), .id = make_id('c'), .partitions = 50, .internal = true } };
	struct clu_view	  v = { .generation = 1, .cluster_id = ALV_STR(NEEDLE "-cluster"), .controller_id = 1,
		  .nbrokers = ALV_COUNT(brokers), .brokers = brokers, .ntopics = ALV_COUNT(list), .topics = list, .nfeatures = 1,
		  .features = { { "transaction.version", 2, 2 } }, .features_epoch = 5 };

	for (size_t i = 0; i < CLU_API_KEYS; i++)
		v.apis[i] = (struct clu_range){ 0, 100 };
	clu_board_publish(w.board, clu_view_build(&v));
}

static void
build(void)
{
	static struct alv_arena hosts;
	w.qsbr = alv_qsbr_new();
	w.shared.dir = pol_dir_new(w.qsbr);
	w.board = clu_board_new(w.qsbr);
	w.empty = clu_board_new(w.qsbr);
	w.shared.conf = &w.conf;
	w.shared.fake_secret = ALV_STR("0123456789");
	w.conf.limits.frame_max_bytes = w.conf.limits.fetch_max_bytes = 1 << 20;
	w.conf.limits.fetch_sessions_max = 2;
	w.conf.limits.fetch_session_partitions_max = 6;
	w.conf.scram_iterations = 1;
	w.conf.mechanisms[AUT_SCRAM_SHA_512] = w.conf.mechanisms[AUT_PLAIN] = true;
	w.worker = (struct api_worker){ .shared = &w.shared, .pool = alv_pool_new(0), .meter = met_worker_new(10, 100),
		.now_us = 1000000 };
	alv_arena_init(&hosts, 4096);
	MUST(ten_hosts_below(&w.listener.hosts, &hosts, ALV_STR("kafka.test")) == ALV_OK);
	tenant("acme", POL_ACTIVE);
	tenant("frozen", POL_SUSPENDED);
	tenant("globex", POL_ACTIVE);
	view();
	while (api_def_at(w.ndefs) != NULL)
		w.ndefs++;
}

/* ---- looking at what came out ---------------------------------------------------------------------------------- */

typedef void (*look_fn)(struct talk *k, const struct kfk_tree *t, const struct kfk_node *n);

static void
each(struct talk *k, const struct kfk_tree *t, const struct kfk_node *parent, bool list, look_fn fn)
{
	for (const struct kfk_node *n = parent->kids; n != NULL; n = n->next) {
		if (n->f->array && !list)
			each(k, t, n, true, fn);
		else if (n->f->type == KFK_STRUCT)
			each(k, t, n, false, fn);
		else
			fn(k, t, n);
	}
}

static const struct ten_names *
names(const struct talk *k)
{
	return &pol_slot_load(k->conn.slot)->names;
}

static bool
is_id(struct alv_uuid id, const char *list)
{
	for (; *list != '\0'; list++)
		if (alv_uuid_eq(id, make_id(*list)))
			return true;
	return false;
}

static bool
is_brokers(int64_t session)
{
	for (size_t i = 0; i < ALV_COUNT(make_sessions); i++)
		if (session == make_sessions[i])
			return true;
	return false;
}

static enum alv_err
own_topic(void *arg, enum kfk_kind kind, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	(void)a;
	MUST(kind != KFK_KIND_TOPIC_NAME || ten_owns(arg, TEN_TOPIC, in, NULL));
	*out = in;
	return ALV_OK;
}

static void
upstream_embedded(struct talk *k, const struct kfk_tree *t, const struct kfk_node *n)
{
	const struct kfk_schema *s = n->f->kind == KFK_KIND_SUBSCRIPTION ? &kfk_consumer_subscription : &kfk_consumer_assignment;
	struct alv_str		 in = kfk_node_bytes(t, n), out;

	if (((const struct api_memo *)k->call.memo)->consumer && in.n > 0)
		MUST(kfk_embedded_map(s, in, own_topic, (void *)(uintptr_t)names(k), &k->arena, &out) == ALV_OK);
}

static void
upstream_field(struct talk *k, const struct kfk_tree *t, const struct kfk_node *n)
{
	switch (n->f->kind) {
	case KFK_KIND_TOPIC_NAME:
	case KFK_KIND_RESOURCE_NAME:
		MUST(n->v.is_null || ten_owns(names(k), TEN_TOPIC, n->v.s, NULL) || (n->v.s.n == 0 && t->schema->key == KFK_API_FETCH));
		break;
	case KFK_KIND_GROUP_ID:
		MUST(n->v.is_null || ten_owns(names(k), TEN_GROUP, n->v.s, NULL));
		break;
	case KFK_KIND_TXN_ID:
		MUST(n->v.is_null || ten_owns(names(k), TEN_TXN, n->v.s, NULL));
		break;
	case KFK_KIND_COORDINATOR_KEY:
		MUST(ten_owns(names(k), ((const struct api_memo *)k->call.memo)->key_kind, n->v.s, NULL));
		break;
	case KFK_KIND_TOPIC_ID:
		MUST(!is_id(n->v.id, "ghcv"));
		break;
	case KFK_KIND_SESSION_ID:	/* only what a broker gave */
		MUST(n->v.i == 0 || (k->session != 0 && n->v.i != k->session && (is_brokers(n->v.i) || !k->all_made)));
		break;
	case KFK_KIND_TOPIC_REGEX:
	case KFK_KIND_TXN_REGEX:
		MUST(n->v.is_null || n->v.s.n == 0);
		break;
	case KFK_KIND_SUBSCRIPTION:
	case KFK_KIND_ASSIGNMENT:
		upstream_embedded(k, t, n);
		break;
	case KFK_KIND_INTERNAL:
	case KFK_KIND_PRINCIPAL:
	case KFK_KIND_SECRET:
		MUST(false);
	}
}

/* What was made of lists: no client says a name with the tenant's prefix, so none comes back. */
static void
client_field(struct talk *k, const struct kfk_tree *t, const struct kfk_node *n)
{
	(void)t;
	if (k->made && n->f->type == KFK_STRING && make_identity((enum kfk_kind)n->f->kind) && !n->v.is_null)
		MUST(!alv_str_starts(n->v.s, ALV_STR("acme.")));
	if (n->f->kind == KFK_KIND_SESSION_ID && n->v.i != 0) {
		MUST(!is_brokers(n->v.i));
		k->session = (int32_t)n->v.i;
	}
	if (n->f->kind == KFK_KIND_CLUSTER_ID && n->v.s.n > 0)
		MUST(alv_str_eqz(n->v.s, k->call.tenant->cluster_id));
}

static void
look(struct talk *k, int16_t key, enum kfk_dir dir, int16_t version, look_fn fn)
{
	struct kfk_tree t;

	MUST(!k->call.out.err);
	MUST(kfk_tree_decode(&t, kfk_schema_find(key, dir), version, &k->call.out, &k->arena) == ALV_OK);
	MUST(t.dropped_tags == 0 || dir == KFK_RESPONSE);
	each(k, &t, &t.root, false, fn);
	kfk_tree_fini(&t);
}

static void
nothing_of_others(const struct alv_chain *c)
{
	uint8_t *flat = malloc(c->n + 1);

	MUST(flat != NULL && alv_chain_peek(c, 0, flat, c->n));
	MUST(memmem(flat, c->n, NEEDLE, strlen(NEEDLE)) == NULL);
	free(flat);
}

static void
answered(struct talk *k)
{
	nothing_of_others(&k->call.out);
	if (k->call.raw)
		return;
	if (k->call.hdr.key == KFK_API_API_VERSIONS && k->call.hdr.version > 5)
		return;	/* answered in version 0 */
	look(k, k->call.hdr.key, KFK_RESPONSE, k->call.hdr.version, client_field);
}

/* ---- a conversation ---------------------------------------------------------------------------------------------- */

static void
raw_body(struct talk *k)
{
	size_t	       n = (size_t)in_u8(&k->in) << 4;
	struct alv_str s = alv_str_make(k->in.p, n < (size_t)(k->in.end - k->in.p) ? n : (size_t)(k->in.end - k->in.p));

	k->made = k->all_made = false;
	k->in.p += s.n;
	for (size_t at = 0; at < s.n; at += PIECE) {	/* blocks of their own: a view that outlives them is seen */
		size_t		  part = s.n - at < PIECE ? s.n - at : PIECE;
		struct alv_block *b = alv_block_get(w.worker.pool, part);

		MUST(b != NULL);
		memcpy(b->data, s.p + at, part);
		b->used = (uint32_t)part;
		alv_chain_ref(&k->body, b, b->data, part);
		alv_block_put(b);
	}
}

static void
next_body(struct talk *k, int16_t key, enum kfk_dir dir, int16_t version, bool raw)
{
	const struct kfk_schema *s = kfk_schema_find(key, dir);
	struct make		 g = { .in = &k->in,
				 .session = k->session, .consumer = dir == KFK_RESPONSE && ((const struct api_memo *)k->call.memo)->consumer };

	alv_chain_clear(&k->body);
	if (raw || s == NULL || !kfk_versions_has(s->versions, version))
		raw_body(k);
	else if (!make_body(&g, s, version, &k->arena, &k->body))
		alv_chain_clear(&k->body);
}

/* Does what the proxy does with a call that waits, until it waits no more. */
static enum api_result
wait(struct talk *k, enum api_result r, bool response)
{
	for (int i = 0; r == API_WAIT; i++) {
		MUST(i < WAITS_MAX && k->call.wait != API_WAIT_NONE);
		if (k->call.wait == API_WAIT_WORK)
			aut_server_work(k->conn.sasl);
		if (k->call.wait == API_WAIT_IDS) {
			MUST(!k->call.ids_asked && k->call.nids > 0);
			k->call.ids_asked = true;
			if (in_u8(&k->in) & 1) {
				clu_ids_learn(w.worker.ids, make_id('u'), ALV_STR("acme.late"), w.worker.now_us);
				clu_ids_learn(w.worker.ids, make_id('v'), ALV_STR("globex." NEEDLE), w.worker.now_us);
			}
			if (!response) {
				r = api_request(&k->call, &k->body);
				continue;
			}
			alv_chain_clear(&k->body);	/* the api layer keeps what it needs */
		}
		r = api_resume(&k->call);
	}
	return r;
}

static bool
begin(struct talk *k)
{
	const struct api_def *d = api_def_at(in_u8(&k->in) % w.ndefs);
	uint8_t		      x = in_u8(&k->in);
	int		      version = d->lo + x % (d->hi - d->lo + 1);

	memset(&k->call, 0, sizeof(k->call));
	k->call.conn = &k->conn;
	k->call.request_bytes = 100;
	k->call.hdr = (struct kfk_req_header){ .key = d->key, .version = (int16_t)version, .correlation_id = 4,
		.client_id = x & 0x80 ? ALV_STR("__admin_client") : ALV_STR("test") };
	if (x == 0xff) {
		k->call.hdr.key = (int16_t)(in_u8(&k->in) - 1);
		k->call.hdr.version = (int16_t)(in_u8(&k->in) - 1);
	}
	alv_arena_init(&k->call.arena, 1 << 22);
	x = in_u8(&k->in);
	k->fail_at = x >> 2 < 32 ? 0 : (x >> 2) - 31;
	return (x & 3) == 3;
}

static enum api_result
request(struct talk *k)
{
	enum api_result r;

	fail_at = k->fail_at;
	r = api_request(&k->call, &k->body);
	fail_at = 0;
	return r;
}

static enum api_result
response(struct talk *k)
{
	enum api_result r;

	fail_at = k->fail_at;
	r = api_response(&k->call, &k->body);
	fail_at = 0;
	return r;
}

/* The same while it comes, in pieces that the bytes choose: what has left was announced, holds nothing of others even where
 * the rest never comes, and is whole in the end. */
static enum api_result
passes(struct talk *k)
{
	size_t		 all = k->body.n;
	struct alv_chain part, gone;
	enum api_result	 r = API_MORE;

	alv_chain_init(&gone, w.worker.pool);
	alv_chain_init(&part, w.worker.pool);
	while (r == API_MORE) {
		size_t n = (size_t)in_u8(&k->in) + 1, known = k->call.answer_n;
		bool   last = k->in.p == k->in.end || n >= k->body.n;

		alv_chain_cut(&part, &k->body, last ? k->body.n : n);
		fail_at = k->fail_at;
		r = part.err ? API_CLOSE : api_stream(&k->call, all, &part);
		fail_at = 0;
		alv_chain_clear(&part);
		MUST(k->call.out.n == 0 || k->call.answer_n > 0);
		MUST(known == 0 || r == API_CLOSE || known == k->call.answer_n);
		alv_chain_move(&gone, &k->call.out);
		MUST(r != API_MORE || !last);
	}
	MUST(r == API_ANSWER || r == API_CLOSE);
	MUST(r != API_ANSWER || gone.n == k->call.answer_n);
	nothing_of_others(&gone);
	if (r == API_ANSWER)
		alv_chain_move(&k->call.out, &gone);
	alv_chain_clear(&gone);
	return r;
}

/* True: the connection goes on. */
static bool
ask(struct talk *k)
{
	bool		raw = begin(k), before = k->conn.auth == API_AUTH_DONE;
	enum api_result r;
	uint8_t		x;

	k->made = true;
	if (k->conn.raw_sasl) {
		r = wait(k, api_raw_token(&k->call, in_str(&k->in, 200)), false);
	} else {
		next_body(k, k->call.hdr.key, KFK_REQUEST, k->call.hdr.version, raw);
		r = wait(k, request(k), false);
	}
	MUST(before || k->conn.auth != API_AUTH_DONE);
	if (r == API_FORWARD) {
		MUST(before && k->conn.slot != NULL && !k->call.raw);
		look(k, k->call.up_key, KFK_REQUEST, k->call.up_version, upstream_field);	/* not always the client's api */
		if (k->call.no_response)
			return true;
		x = in_u8(&k->in);
		next_body(k, k->call.up_key, KFK_RESPONSE, k->call.up_version, (x & 3) == 3);
		r = api_streams(&k->call) && x & 4 ? passes(k) : wait(k, response(k), true);
		MUST(r != API_FORWARD && r != API_MORE);
	}
	if (r == API_ANSWER)
		answered(k);
	else
		MUST(k->call.out.n == 0);
	return r == API_ANSWER && !k->call.close_after;
}

static void
connect_as(struct talk *k, uint8_t who)
{
	static const char *const ids[] = { "acme", "acme", "frozen", "gone" };
	struct api_conn		*c = &k->conn;

	w.shared.board = who & 1 ? w.empty : w.board;
	w.listener.endpoint = who & 2 ? POL_ENDPOINT_PORT : POL_ENDPOINT_SNI;
	w.listener.node_port_first = 9101;
	w.listener.node_port_last = 9104;
	w.listener.node_id_first = 1;
	api_conn_init(c, &w.worker);
	c->listener = &w.listener;
	c->listener_port = 9093;
	c->node = who & 4 ? 1 : -1;
	c->tls = true;
	snprintf(c->host, sizeof(c->host), "192.0.2.1");
	snprintf(c->tenant, sizeof(c->tenant), "%s", ids[who >> 3 & 3]);
	c->slot = pol_dir_find(w.shared.dir, alv_str_of(c->tenant));
	if ((who >> 5 & 7) == 7)
		return;	/* not logged in */
	snprintf(c->user, sizeof(c->user), "alice");
	snprintf(c->principal, sizeof(c->principal), "User:alice");
	c->user_revision = 7;
	c->auth = API_AUTH_DONE;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct talk k = { .in = { data, data + n }, .all_made = true };
	bool	    more = true;

	/* What the bytes say themselves may come back: then neither mark would tell anything. */
	if (n == 0 || memmem(data, n, NEEDLE, strlen(NEEDLE)) != NULL || memmem(data, n, "acme.", 5) != NULL)
		return 0;
	if (w.qsbr == NULL)
		build();
	w.worker.ids = clu_ids_new(100);
	alv_arena_init(&k.arena, 1 << 24);
	alv_chain_init(&k.body, w.worker.pool);
	connect_as(&k, in_u8(&k.in));
	for (int i = 0; i < STEPS_MAX && more && (i == 0 || k.in.p < k.in.end); i++) {
		more = ask(&k);
		api_call_fini(&k.call);
	}
	api_conn_fini(&k.conn);
	alv_chain_clear(&k.body);
	alv_arena_fini(&k.arena);
	clu_ids_free(w.worker.ids);
	MUST(alv_pool_out(w.worker.pool) == 0);
	return 0;
}
