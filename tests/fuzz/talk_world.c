/* The world of talk.h: three tenants and a cluster that is full of others' things; memory that fails. */
#include "tests/fuzz/talk.h"

#include <alcove/listing.h>

#include <stdlib.h>

#include "quota/table.h"

struct talk_world talk_world;
unsigned	  talk_fail_at;

#define W talk_world

/* ---- memory that is not there (the linker's --wrap) --------------------------------------------------------------- */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t each);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t each);
void *__wrap_realloc(void *p, size_t n);

static bool
fails(void)
{
	return talk_fail_at > 0 && --talk_fail_at == 0;
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

/* ---- tenants -------------------------------------------------------------------------------------------------- */

/* One of each thing that is counted, and hardly anything at once of what is created. */
static void
limit_counts(struct pol_quota *q)
{
	for (int key = POL_QUOTA_TOPICS; key <= POL_QUOTA_OPEN_TRANSACTIONS; key++) {
		q->set |= 1u << key;
		q->value[key] = 1;
	}
	q->set |= 1u << POL_QUOTA_CONTROLLER_MUTATION_RATE;
	q->value[POL_QUOTA_CONTROLLER_MUTATION_RATE] = 0.1;
	q->value[POL_QUOTA_TOPICS] = q->value[POL_QUOTA_PARTITIONS] = 4;
}

static void
tenant(struct pol_dir *dir, const char *id, enum pol_tenant_state state, size_t denials)
{
	static const struct ten_alias aliases[] = {
		{ TEN_TOPIC, ALV_STR("shared"), ALV_STR("legacy.shared"), false },
		{ TEN_GROUP, ALV_STR("watched"), ALV_STR("legacy.watched"), false },
		{ TEN_GROUP, ALV_STR("taken"), ALV_STR("legacy.taken"), true },
		{ TEN_TXN, ALV_STR("watched"), ALV_STR("legacy.watched"), false },
		{ TEN_TXN, ALV_STR("taken"), ALV_STR("legacy.taken"), true },
	};
	/* The last two are nobody's to see by Kafka's apis; those of others are in the other tenant's snapshot. */
	struct pol_quota quotas[] = {
		{ { POL_QUOTA_OF_CLIENT, { { POL_QUOTA_NAMED, ALV_STR("alice") } } }, 3, { 1e15, 1e15 } },
		{ { POL_QUOTA_OF_CLIENT, { { .match = POL_QUOTA_DEFAULT }, { POL_QUOTA_NAMED, ALV_STR("orders") } } }, 1, { 1e15 } },
		{ { POL_QUOTA_OF_GROUP, { { POL_QUOTA_NAMED, ALV_STR(NEEDLE) } } }, 2, { 0, 1e15 } },
		{ { .kind = POL_QUOTA_OF_TENANT }, 3, { 1e15, 1e15 } },
	}, foreign = { { POL_QUOTA_OF_CLIENT, { { POL_QUOTA_NAMED, ALV_STR(NEEDLE) } } }, 1, { 1e15 } };
	static const struct alv_str denied[] = { ALV_STR("secret"), ALV_STR("orders") };
	bool		       mine = strcmp(id, "acme") == 0;
	struct pol_rule	       rules[16];
	size_t		       n;
	const struct pol_rule *base = pol_rules_all(&n);
	struct pol_user	       user = { .name = ALV_STR("alice"), .revision = 7, .enabled = true };
	struct pol_parts       p = { .id = alv_str_of(id), .display_name = alv_str_of(id), .state = state, .revision = 1 + denials,
		.cluster_id = "acme-cluster-id-22char", .users = &user, .nusers = 1, .rules = rules, .nrules = n + denials,
		.quotas = mine ? quotas : &foreign, .nquotas = mine ? ALV_COUNT(quotas) : 1, .aliases = aliases, .naliases = denials == 0 ? 0 : ALV_COUNT(aliases),
		.auto_create = { .on = denials == 0, .partitions = 2, .replication_factor = -1 } };

	if (denials == 2)
		limit_counts(&quotas[ALV_COUNT(quotas) - 1]);
	for (int m = 0; m < POL_MECHANISMS; m++)	/* keys of no password; one iteration, for speed */
		user.scram[m] = (struct pol_scram){ .present = true, .iterations = 1, .salt_n = 16, .stored_key = "stored" };
	MUST(n + denials <= ALV_COUNT(rules));
	memcpy(rules, base, n * sizeof(*base));
	for (size_t i = 0; i < denials; i++)
		rules[n + i] = (struct pol_rule){ .resource = POL_TOPIC, .pattern = POL_LITERAL, .name = denied[i],
			.principal = ALV_STR("User:*"), .host = ALV_STR("*"), .op = POL_OP_READ, .permission = POL_DENY };
	MUST(pol_dir_publish(dir, p.id, pol_build(&p)) == ALV_OK);
}

/* ---- the cluster -------------------------------------------------------------------------------------------------- */

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
	clu_board_publish(W.board, clu_view_build(&v));
}

/* Of the first broker, and from the future, so that it is always good enough. */
static void
groups(void)
{
	static const struct clu_group list[] = { { ALV_STR("acme.g"), ALV_STR("consumer"), ALV_STR("Stable"), ALV_STR("Consumer") },
		{ ALV_STR("acme.taken"), ALV_STR(""), ALV_STR_NULL, ALV_STR_NULL },
		{ ALV_STR("globex." NEEDLE), ALV_STR(NEEDLE), ALV_STR(NEEDLE), ALV_STR(NEEDLE) },
		{ ALV_STR("legacy.watched"), ALV_STR("consumer"), ALV_STR("Empty"), ALV_STR("Classic") },
		{ ALV_STR("legacy." NEEDLE), ALV_STR(NEEDLE), ALV_STR(NEEDLE), ALV_STR(NEEDLE) } };
	struct clu_groups	      g = { .node = 1, .asked_us = UINT64_MAX, .n = ALV_COUNT(list), .groups = list };

	MUST(clu_board_put_groups(W.board, clu_groups_build(&g)) == ALV_OK);
}

static void
configure(void)
{
	W.conf.limits.frame_max_bytes = W.conf.limits.fetch_max_bytes = 1 << 20;
	W.conf.limits.fetch_sessions_max = 2;
	W.conf.limits.fetch_session_partitions_max = 6;
	W.conf.scram_iterations = 1;
	W.conf.mechanisms[AUT_SCRAM_SHA_512] = W.conf.mechanisms[AUT_PLAIN] = true;
	W.shared.conf = &W.conf;
	W.shared.fake_secret = ALV_STR("0123456789");
	W.conf.quota.throttle_max_ms = 5000;
	W.shared.quotas = quo_table_new(100, 100);
	W.shared.readers = api_readers_new(1 << 16);
	MUST(W.shared.quotas != NULL && W.shared.readers != NULL);
}

void
talk_build(void)
{
	static struct alv_arena hosts;

	W.qsbr = alv_qsbr_new();
	W.dir = pol_dir_new(W.qsbr);
	W.plain = pol_dir_new(W.qsbr);
	W.denied = pol_dir_new(W.qsbr);
	W.board = clu_board_new(W.qsbr);
	W.empty = clu_board_new(W.qsbr);
	configure();
	W.worker = (struct api_worker){ .shared = &W.shared, .pool = alv_pool_new(0), .meter = met_worker_new(10, 100),
		.now_us = 1000000 };
	alv_arena_init(&hosts, 4096);
	MUST(ten_hosts_below(&W.listener.hosts, &hosts, ALV_STR("kafka.test")) == ALV_OK);
	tenant(W.dir, "acme", POL_ACTIVE, 1);
	tenant(W.dir, "frozen", POL_SUSPENDED, 1);
	tenant(W.dir, "globex", POL_ACTIVE, 1);
	tenant(W.plain, "acme", POL_ACTIVE, 0);
	tenant(W.denied, "acme", POL_ACTIVE, 2);
	view();
	groups();
	while (api_def_at(W.ndefs) != NULL)
		W.ndefs++;
}

/* ---- who it is ---------------------------------------------------------------------------------------------------- */

/* who: 1: the cluster was never reached; 2: a port per broker; 4: at a broker's; 8 and 16: as which tenant; the high bits:
 * 7: not logged in; 4 to 6: answers are shared. */
void
talk_connect(struct talk *k, uint8_t who)
{
	static const char *const ids[] = { "acme", "acme", "frozen", "gone" };
	struct api_conn		*c = &k->conn;

	W.shared.board = who & 1 ? W.empty : W.board;
	W.shared.dir = (who >> 3 & 3) == 1 ? W.plain : W.dir;
	W.conf.upstream.listing_max_age_ms = who >> 5 >= 4 ? 1000 : 0;
	W.worker.keep = who >> 5 >= 4 ? api_keep_new() : NULL;
	atomic_store(&W.shared.draining, false);
	W.listener.endpoint = who & 2 ? POL_ENDPOINT_PORT : POL_ENDPOINT_SNI;
	W.listener.node_port_first = 9101;
	W.listener.node_port_last = 9104;
	W.listener.node_id_first = 1;
	api_conn_init(c, &W.worker);
	c->listener = &W.listener;
	c->listener_port = 9093;
	c->node = who & 4 ? 1 : -1;
	c->tls = true;
	snprintf(c->host, sizeof(c->host), "192.0.2.1");
	snprintf(c->tenant, sizeof(c->tenant), "%s", ids[who >> 3 & 3]);
	c->slot = pol_dir_find(W.shared.dir, alv_str_of(c->tenant));
	if (who >> 5 == 7)
		return;	/* not logged in */
	snprintf(c->user, sizeof(c->user), "alice");
	snprintf(c->principal, sizeof(c->principal), "User:alice");
	c->user_revision = 7;
	c->auth = API_AUTH_DONE;
}

/* 0, 1, 2: the tenant has changed, as acme is in one of its three kinds; 3: it moves to a worker; 4: its memory is wanted back;
 * 5: something was published, and it is asked whether it may go on; 6: the gateway goes. */
bool
talk_happens(struct talk *k, uint8_t what)
{
	struct pol_dir *const dirs[] = { W.dir, W.plain, W.denied };
	enum met_close	      why;

	switch (what % 7) {
	case 6:
		atomic_store(&W.shared.draining, true);
		return true;
	case 3:
		api_conn_enter(&k->conn, &W.worker);
		return true;
	case 4:
		api_conn_release(&k->conn);
		return true;
	case 5:
		return api_conn_check(&k->conn, &why);
	default:
		if (k->conn.auth == API_AUTH_DONE && strcmp(k->conn.tenant, "acme") == 0) {
			W.shared.dir = dirs[what % 7];
			k->conn.slot = pol_dir_find(W.shared.dir, ALV_STR("acme"));
		}
		return true;
	}
}
