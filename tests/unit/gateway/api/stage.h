/* A stage for handlers: one physical cluster, two tenants, one logged-in connection of "acme", and a script's worth of
 * functions to send it a request, look at what would go upstream, play the broker's answer, and look at what the client
 * gets. Everything real but the sockets.
 *
 * Cluster: brokers 1 and 2; topics acme.orders, acme.secret, globex.orders, legacy.shared (acme's alias "shared", read
 * only), __consumer_offsets. Groups and transactional ids legacy.watched and legacy.taken are aliases as well, the first
 * read only. Ids: stage_id('o'), ('s'), ('g'), ('l'), ('c'). */
#ifndef STAGE_H
#define STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "api/kit.h"
#include "quota/table.h"

struct stage {
	struct alv_qsbr	   *qsbr;
	struct pol_dir	   *dir;
	struct clu_board   *board;
	struct pol_listener listener;
	struct pol_config   conf;
	struct api_shared   shared;
	struct api_worker   worker;
	struct api_conn	    conn;
	struct api_call	    call;
	struct alv_arena    arena;	/* of the test's own trees */
	struct kfk_tree	    tree, seen;
	struct alv_chain    body;
	const struct pol_quota *quotas;	/* of acme; for stage_tenant_at */
	size_t		    nquotas;
};

#define STAGE_PASSWORD "correct horse"

static inline struct alv_uuid
stage_id(char c)
{
	struct alv_uuid id = { { 0 } };

	memset(id.b, c, sizeof(id.b));
	return id;
}

/* ---- the world ---------------------------------------------------------------------------------- */

/* One rule more than "all may do all": a deny. */
#define STAGE_DENY(res, what, operation) \
	{ .resource = (res), .pattern = POL_LITERAL, .name = ALV_STR(what), .principal = ALV_STR("User:*"), \
	  .host = ALV_STR("*"), .op = (operation), .permission = POL_DENY }

static inline void
stage_tenant_at(struct stage *s, const char *id, const char *cluster_id, enum pol_tenant_state state,
    const struct pol_rule *denies, size_t n, uint64_t revision)
{
	static struct pol_scram keys;
	static const struct ten_alias aliases[] = {
		{ .kind = TEN_TOPIC, .virt = { "shared", 6 }, .phys = { "legacy.shared", 13 }, .writable = false },
		{ .kind = TEN_GROUP, .virt = { "watched", 7 }, .phys = { "legacy.watched", 14 }, .writable = false },
		{ .kind = TEN_GROUP, .virt = { "taken", 5 }, .phys = { "legacy.taken", 12 }, .writable = true },
		{ .kind = TEN_TXN, .virt = { "watched", 7 }, .phys = { "legacy.watched", 14 }, .writable = false },
		{ .kind = TEN_TXN, .virt = { "taken", 5 }, .phys = { "legacy.taken", 12 }, .writable = true },
	};
	struct pol_rule	 rules[32];
	size_t		 all;
	const struct pol_rule *base = pol_rules_all(&all);
	struct pol_user	 user = { .name = ALV_STR("alice"), .revision = 7, .enabled = true };
	struct pol_parts parts = { .id = alv_str_of(id), .display_name = alv_str_of(id), .state = state, .revision = revision,
		.cluster_id = cluster_id, .users = &user, .nusers = 1, .rules = rules, .nrules = all + n };

	if (!keys.present)
		assert_int_equal(aut_scram_make(POL_SCRAM_SHA_512, ALV_STR(STAGE_PASSWORD), 4096, &keys), ALV_OK);
	user.scram[POL_SCRAM_SHA_512] = keys;
	assert_true(all + n <= ALV_COUNT(rules));
	memcpy(rules, base, all * sizeof(*base));
	if (n > 0)
		memcpy(rules + all, denies, n * sizeof(*denies));
	if (strcmp(id, "acme") == 0) {
		parts.quotas = s->quotas;
		parts.nquotas = s->nquotas;
		parts.aliases = aliases;
		parts.naliases = ALV_COUNT(aliases);
	}
	assert_int_equal(pol_dir_publish(s->dir, alv_str_of(id), pol_build(&parts)), ALV_OK);
}

static inline void
stage_tenant(struct stage *s, const char *id, const char *cluster_id, enum pol_tenant_state state,
    const struct pol_rule *denies, size_t n)
{
	stage_tenant_at(s, id, cluster_id, state, denies, n, 1);
}

static inline void
stage_view(struct stage *s)
{
	struct clu_broker brokers[] = { { .id = 1, .host = ALV_STR("real1.internal"), .port = 9092, .rack = ALV_STR("r1") },
		{ .id = 2, .host = ALV_STR("real2.internal"), .port = 9092 } };
	struct clu_topic topics[] = { { .name = ALV_STR("acme.orders"), .id = stage_id('o'), .partitions = 2 },
		{ .name = ALV_STR("acme.secret"), .id = stage_id('s'), .partitions = 1 },
		{ .name = ALV_STR("globex.orders"), .id = stage_id('g'), .partitions = 1 },
		{ .name = ALV_STR("legacy.shared"), .id = stage_id('l'), .partitions = 1 },
		{ .name = ALV_STR("__consumer_offsets"), .id = stage_id('c'), .partitions = 50, .internal = true } };
	static uint64_t	 generation;
	struct clu_view v = { .generation = ++generation, .cluster_id = ALV_STR("physical-cluster-idxxx"), .controller_id = 1,
		.nbrokers = ALV_COUNT(brokers), .brokers = brokers, .ntopics = ALV_COUNT(topics), .topics = topics,
		.nfeatures = 2, .features_epoch = 5 };

	for (size_t i = 0; i < CLU_API_KEYS; i++)
		v.apis[i] = (struct clu_range){ 0, 100 };
	v.features[0] = (struct clu_feature){ "transaction.version", 2, 2 };
	v.features[1] = (struct clu_feature){ "metadata.version", 27, 27 };
	clu_board_publish(s->board, clu_view_build(&v));
}

/* Denies for acme's users. The connection is logged in as alice. */
static inline void
stage_open(struct stage *s, const struct pol_rule *denies, size_t n)
{
	const char *expected;

	memset(s, 0, sizeof(*s));
	s->qsbr = alv_qsbr_new();
	s->dir = pol_dir_new(s->qsbr);
	s->board = clu_board_new(s->qsbr);
	assert_int_equal(ten_pattern_parse(ALV_STR("$(tenant).kafka.test"), TEN_TENANT, &s->listener.hosts.bootstrap, &expected), ALV_OK);
	assert_int_equal(ten_pattern_parse(ALV_STR("b$(node)-$(tenant).kafka.test"), TEN_TENANT | TEN_NODE, &s->listener.hosts.node,
	    &expected), ALV_OK);
	s->listener.endpoint = POL_ENDPOINT_SNI;
	s->conf.limits.frame_max_bytes = 1 << 20;
	s->conf.limits.fetch_max_bytes = 1 << 20;
	s->conf.limits.fetch_sessions_max = 2;
	s->conf.limits.fetch_session_partitions_max = 20;
	s->conf.scram_iterations = 4096;
	s->conf.mechanisms[AUT_SCRAM_SHA_512] = s->conf.mechanisms[AUT_PLAIN] = true;
	s->shared = (struct api_shared){ .conf = &s->conf, .dir = s->dir, .board = s->board, .fake_secret = ALV_STR("0123456789"),
		.tally = tal_book_new() };
	s->worker = (struct api_worker){ .shared = &s->shared, .pool = alv_pool_new(1 << 20), .ids = clu_ids_new(100),
		.meter = met_worker_new(10, 100), .now_us = 1000000 };
	stage_tenant(s, "acme", "acme-cluster-id-22char", POL_ACTIVE, denies, n);
	stage_tenant(s, "globex", "globex-cluster-id-22ch", POL_ACTIVE, NULL, 0);
	stage_view(s);
	api_conn_init(&s->conn, &s->worker);
	s->conn.listener = &s->listener;
	s->conn.listener_port = 9093;
	s->conn.node = -1;
	s->conn.tls = true;
	snprintf(s->conn.tenant, sizeof(s->conn.tenant), "acme");
	snprintf(s->conn.user, sizeof(s->conn.user), "alice");
	snprintf(s->conn.principal, sizeof(s->conn.principal), "User:alice");
	snprintf(s->conn.host, sizeof(s->conn.host), "192.0.2.1");
	s->conn.slot = pol_dir_find(s->dir, ALV_STR("acme"));
	s->conn.user_revision = 7;
	s->conn.auth = API_AUTH_DONE;
	alv_arena_init(&s->arena, 1 << 24);
	alv_chain_init(&s->body, s->worker.pool);
}

static inline void
stage_close(struct stage *s)
{
	kfk_tree_fini(&s->seen);
	api_call_fini(&s->call);
	api_conn_fini(&s->conn);
	alv_chain_clear(&s->body);
	alv_arena_fini(&s->arena);
	pol_dir_free(s->dir);
	clu_board_free(s->board);
	tal_book_free(s->shared.tally);
	clu_ids_free(s->worker.ids);
	met_worker_free(s->worker.meter);
	alv_pool_free(s->worker.pool);
	alv_qsbr_free(s->qsbr);
}

/* ---- limits ----------------------------------------------------------------------------------------- */

/* Of acme, from its next snapshot on; undone by stage_unlimited before stage_close. */
static inline void
stage_limited(struct stage *s, const struct pol_quota *quotas, size_t n)
{
	s->shared.quotas = quo_table_new(10, 10);
	s->conf.quota.throttle_max_ms = 5000;
	s->worker.now_us = UINT64_C(1000000000);
	s->quotas = quotas;
	s->nquotas = n;
}

static inline void
stage_unlimited(struct stage *s)
{
	api_quota_fini(&s->conn);
	quo_table_free(s->shared.quotas);
	s->shared.quotas = NULL;
}

/* ---- requests ------------------------------------------------------------------------------------ */

/* A request to fill: then stage_send. */
static inline struct kfk_tree *
stage_begin(struct stage *s, int16_t key, int16_t version)
{
	kfk_tree_fini(&s->seen);
	api_call_fini(&s->call);
	memset(&s->call, 0, sizeof(s->call));
	s->call.conn = &s->conn;
	s->call.hdr = (struct kfk_req_header){ .key = key, .version = version, .correlation_id = 4, .client_id = ALV_STR("test") };
	s->call.request_bytes = 100;
	alv_arena_init(&s->call.arena, 1 << 24);
	kfk_tree_init(&s->tree, kfk_schema_find(key, KFK_REQUEST), version, &s->arena);
	return &s->tree;
}

static inline enum api_result
stage_send(struct stage *s)
{
	alv_chain_clear(&s->body);
	assert_int_equal(kfk_tree_encode(&s->tree, &s->body), ALV_OK);
	return api_request(&s->call, &s->body);
}

static inline enum api_result
stage_send_bytes(struct stage *s, const void *p, size_t n)
{
	alv_chain_clear(&s->body);
	alv_chain_copy(&s->body, p, n);
	return api_request(&s->call, &s->body);
}

static inline struct kfk_tree *
stage_decode(struct stage *s, enum kfk_dir dir, int16_t version)
{
	kfk_tree_fini(&s->seen);
	assert_int_equal(kfk_tree_decode(&s->seen, kfk_schema_find(dir == KFK_REQUEST ? s->call.up_key : s->call.hdr.key, dir), version, &s->call.out, &s->arena), ALV_OK);
	return &s->seen;
}

/* What would go to the broker. */
static inline struct kfk_tree *
stage_upstream(struct stage *s)
{
	return stage_decode(s, KFK_REQUEST, s->call.up_version);
}

/* A response to fill as the broker: then stage_reply. */
static inline struct kfk_tree *
stage_broker(struct stage *s)
{
	kfk_tree_init(&s->tree, kfk_schema_find(s->call.up_key, KFK_RESPONSE), s->call.up_version, &s->arena);
	return &s->tree;
}

static inline enum api_result
stage_reply(struct stage *s)
{
	alv_chain_clear(&s->body);
	assert_int_equal(kfk_tree_encode(&s->tree, &s->body), ALV_OK);
	return api_response(&s->call, &s->body);
}

/* What the client gets. */
static inline struct kfk_tree *
stage_client(struct stage *s)
{
	return stage_decode(s, KFK_RESPONSE, s->call.hdr.version);
}

/* ---- looking ------------------------------------------------------------------------------------- */

static inline void
stage_text(struct alv_str s, const char *want)
{
	char found[512];

	if (want == NULL) {
		assert_null(s.p);
		return;
	}
	assert_non_null(s.p);
	snprintf(found, sizeof(found), "%.*s", ALV_STR_ARG(s));
	assert_string_equal(found, want);
}

/* The i-th element of a list. */
static inline struct kfk_node *
stage_at(struct kfk_node *parent, uint16_t list, size_t i)
{
	struct kfk_node *n = kfk_get(parent, list), *e;

	assert_non_null(n);
	e = n->kids;
	while (e != NULL && i-- > 0)
		e = e->next;
	assert_non_null(e);
	return e;
}

static inline size_t
stage_count(struct kfk_node *parent, uint16_t list)
{
	struct kfk_node *n = kfk_get(parent, list);

	return n == NULL ? 0 : n->n;
}

/* The element whose string field `id` says text; NULL: none. */
static inline struct kfk_node *
stage_named(struct kfk_tree *t, struct kfk_node *parent, uint16_t list, uint16_t id, const char *text)
{
	struct kfk_node *n = kfk_get(parent, list);

	for (struct kfk_node *e = n == NULL ? NULL : n->kids; e != NULL; e = e->next)
		if (alv_str_eqz(kfk_get_str(t, e, id), text))
			return e;
	return NULL;
}

/* No byte of what leaves says anything of these. */
static inline void
stage_clean(struct stage *s)
{
	static const char *const secrets[] = { "globex", "real1", "real2", "physical-cluster", "legacy", "acme." };
	static char bytes[1 << 16];

	assert_true(s->call.out.n < sizeof(bytes));
	assert_true(alv_chain_peek(&s->call.out, 0, bytes, s->call.out.n));
	for (size_t i = 0; i < ALV_COUNT(secrets); i++) {
		const char *hit = memmem(bytes, s->call.out.n, secrets[i], strlen(secrets[i]));

		/* The tenant's own hosts name it: b1-acme.kafka.test, acme.kafka.test. */
		while (hit != NULL && i == 5 && memcmp(hit, "acme.kafka", 10) == 0)
			hit = memmem(hit + 1, (size_t)(bytes + s->call.out.n - hit - 1), secrets[i], strlen(secrets[i]));
		assert_null(hit);
	}
}

#endif
