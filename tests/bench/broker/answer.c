/* The questions around the data: by the gateway's own tree, in whatever version is asked. */
#include <alcove/kafka.h>
#include <alcove/str.h>

#include "kafka/gen/field_ids.h"
#include "tests/bench/broker/broker.h"

enum { ARENA_MAX = 4 * 1024 * 1024 };

static const struct {
	int16_t key, hi;
} apis[] = {
	{ KFK_API_PRODUCE, BENCH_PRODUCE_NEW }, { KFK_API_FETCH, 18 }, { KFK_API_METADATA, 13 }, { KFK_API_API_VERSIONS, 4 },
	{ KFK_API_LIST_OFFSETS, 10 }, { KFK_API_FIND_COORDINATOR, 6 }, { KFK_API_LIST_GROUPS, 5 }, { KFK_API_LIST_TRANSACTIONS, 1 },
	{ KFK_API_SHARE_FETCH, BENCH_SHARE_VERSION },
};

struct question {
	const struct broker *broker;
	uint16_t	     port;
	struct kfk_tree	     ask, answer;
};

static void
versions(struct question *q)
{
	struct kfk_node *list = kfk_set_empty(&q->answer, &q->answer.root, KFK_API_VERSIONS_RESPONSE_API_KEYS);

	for (size_t i = 0; i < ALV_COUNT(apis); i++) {
		struct kfk_node *e = kfk_add(&q->answer, list);

		kfk_set_int(&q->answer, e, KFK_API_VERSIONS_RESPONSE_API_KEYS_API_KEY, apis[i].key);
		kfk_set_int(&q->answer, e, KFK_API_VERSIONS_RESPONSE_API_KEYS_MIN_VERSION, 0);
		kfk_set_int(&q->answer, e, KFK_API_VERSIONS_RESPONSE_API_KEYS_MAX_VERSION, apis[i].hi);
	}
}

static bool
asked_for(struct question *q, const struct bench_topic *t)
{
	struct kfk_node *list = kfk_get(&q->ask.root, KFK_METADATA_REQUEST_TOPICS);

	if (list == NULL || list->v.is_null)
		return true;
	for (const struct kfk_node *e = list->kids; e != NULL; e = e->next) {
		struct alv_str name = kfk_get_str(&q->ask, e, KFK_METADATA_REQUEST_TOPICS_NAME);

		if (name.p != NULL ? alv_str_eq(name, t->name)
				   : alv_uuid_eq(kfk_get_uuid(&q->ask, e, KFK_METADATA_REQUEST_TOPICS_TOPIC_ID), t->id))
			return true;
	}
	return false;
}

static void
add_topic(struct kfk_tree *r, struct kfk_node *list, const struct bench_topic *t)
{
	struct kfk_node *e = kfk_add(r, list), *parts;

	kfk_set_str(r, e, KFK_METADATA_RESPONSE_TOPICS_NAME, t->name);
	kfk_set_uuid(r, e, KFK_METADATA_RESPONSE_TOPICS_TOPIC_ID, t->id);
	parts = kfk_set_empty(r, e, KFK_METADATA_RESPONSE_TOPICS_PARTITIONS);
	for (int i = 0; i < BROKER_PARTITIONS; i++) {
		struct kfk_node *p = kfk_add(r, parts);

		kfk_set_int(r, p, KFK_METADATA_RESPONSE_TOPICS_PARTITIONS_PARTITION_INDEX, i);
		kfk_set_int(r, p, KFK_METADATA_RESPONSE_TOPICS_PARTITIONS_LEADER_ID, BROKER_NODE);
		kfk_add(r, kfk_set_empty(r, p, KFK_METADATA_RESPONSE_TOPICS_PARTITIONS_REPLICA_NODES))->v.i = BROKER_NODE;
		kfk_add(r, kfk_set_empty(r, p, KFK_METADATA_RESPONSE_TOPICS_PARTITIONS_ISR_NODES))->v.i = BROKER_NODE;
	}
}

static void
metadata(struct question *q)
{
	struct kfk_tree *r = &q->answer;
	struct kfk_node *b = kfk_add(r, kfk_set_empty(r, &r->root, KFK_METADATA_RESPONSE_BROKERS)), *list;

	kfk_set_int(r, b, KFK_METADATA_RESPONSE_BROKERS_NODE_ID, BROKER_NODE);
	kfk_set_str(r, b, KFK_METADATA_RESPONSE_BROKERS_HOST, ALV_STR("127.0.0.1"));
	kfk_set_int(r, b, KFK_METADATA_RESPONSE_BROKERS_PORT, q->port);
	kfk_set_str(r, &r->root, KFK_METADATA_RESPONSE_CLUSTER_ID, ALV_STR("bench-cluster-fake-000"));
	kfk_set_int(r, &r->root, KFK_METADATA_RESPONSE_CONTROLLER_ID, BROKER_NODE);
	list = kfk_set_empty(r, &r->root, KFK_METADATA_RESPONSE_TOPICS);
	for (size_t i = 0; i < q->broker->ntopics; i++) {
		if (asked_for(q, &q->broker->topic[i]))
			add_topic(r, list, &q->broker->topic[i]);
	}
}

static void
coordinator(struct question *q)
{
	struct kfk_tree *r = &q->answer;
	struct kfk_node *keys = kfk_get(&q->ask.root, KFK_FIND_COORDINATOR_REQUEST_COORDINATOR_KEYS);
	struct kfk_node *list;

	if (q->ask.version < 4) {
		kfk_set_int(r, &r->root, KFK_FIND_COORDINATOR_RESPONSE_NODE_ID, BROKER_NODE);
		kfk_set_str(r, &r->root, KFK_FIND_COORDINATOR_RESPONSE_HOST, ALV_STR("127.0.0.1"));
		kfk_set_int(r, &r->root, KFK_FIND_COORDINATOR_RESPONSE_PORT, q->port);
		return;
	}
	list = kfk_set_empty(r, &r->root, KFK_FIND_COORDINATOR_RESPONSE_COORDINATORS);
	for (const struct kfk_node *k = keys == NULL ? NULL : keys->kids; k != NULL; k = k->next) {
		struct kfk_node *e = kfk_add(r, list);

		kfk_set_str(r, e, KFK_FIND_COORDINATOR_RESPONSE_COORDINATORS_KEY, k->v.s);
		kfk_set_int(r, e, KFK_FIND_COORDINATOR_RESPONSE_COORDINATORS_NODE_ID, BROKER_NODE);
		kfk_set_str(r, e, KFK_FIND_COORDINATOR_RESPONSE_COORDINATORS_HOST, ALV_STR("127.0.0.1"));
		kfk_set_int(r, e, KFK_FIND_COORDINATOR_RESPONSE_COORDINATORS_PORT, q->port);
	}
}

static void
nothing(struct question *q)
{
	(void)q;
}

static const struct {
	int16_t key;
	void (*fill)(struct question *q);
} fillers[] = {
	{ KFK_API_API_VERSIONS, versions },
	{ KFK_API_METADATA, metadata },
	{ KFK_API_FIND_COORDINATOR, coordinator },
	{ KFK_API_LIST_GROUPS, nothing },
	{ KFK_API_LIST_TRANSACTIONS, nothing },
};

/* The body behind header tags, as a chain, because that is what the tree reads. */
static bool
decode(struct question *q, const struct bench_head *h, struct bench_in body, struct alv_arena *a, struct alv_pool *pool)
{
	const struct kfk_schema *s = kfk_schema_find(h->key, KFK_REQUEST);
	struct alv_chain	 c;
	enum alv_err		 err;

	if (s == NULL)
		return false;
	bench_get_tags(&body, h->version >= s->flexible);
	alv_chain_init(&c, pool);
	alv_chain_copy(&c, body.p, body.n);
	err = kfk_tree_decode(&q->ask, s, h->version, &c, a);
	alv_chain_clear(&c);
	return err == ALV_OK;
}

static void
encode(struct question *q, const struct bench_head *h, struct alv_pool *pool, struct alv_buf *out)
{
	struct alv_chain body, frame;

	alv_chain_init(&body, pool);
	alv_chain_init(&frame, pool);
	if (kfk_tree_encode(&q->answer, &body))
		bench_die("cannot encode api %d v%d", h->key, h->version);
	kfk_rsp_header_write(&frame, h->key, h->version, h->correlation_id, body.n);
	alv_chain_move(&frame, &body);
	out->n = 0;
	for (const struct alv_piece *x = frame.head; x != NULL; x = x->next)
		alv_buf_add(out, x->p, x->n);
	alv_chain_clear(&frame);
}

bool
broker_answer(const struct broker *b, uint16_t port, const struct bench_head *h, struct bench_in body, struct alv_buf *out)
{
	struct question	 q = { .broker = b, .port = port };
	struct alv_arena a;
	struct alv_pool *pool;
	size_t		 i = 0;

	while (i < ALV_COUNT(fillers) && fillers[i].key != h->key)
		i++;
	if (i == ALV_COUNT(fillers) || (pool = alv_pool_new(0)) == NULL)
		return false;
	alv_arena_init(&a, ARENA_MAX);
	if (!decode(&q, h, body, &a, pool))
		bench_die("a malformed request of api %d v%d", h->key, h->version);
	kfk_tree_init(&q.answer, kfk_schema_find(h->key, KFK_RESPONSE), h->version, &a);
	fillers[i].fill(&q);
	encode(&q, h, pool, out);
	kfk_tree_fini(&q.ask);
	alv_arena_fini(&a);
	alv_pool_free(pool);
	return true;
}
