/* Reading Metadata: what is taken, and that hostile bytes are refused whole, wherever they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/str.h>
#include "kafka/gen/field_ids.h"
#include "upstream/meta.h"

struct sample {
	int64_t	    node, port;
	const char *host, *topic;
	size_t	    host_n, topic_n;
	int64_t	    second_node;	/* -1: one broker */
	bool	    no_brokers, null_name;
	size_t	    topics;
};

static const struct sample good = { .node = 3, .port = 9092, .host = "kafka-3", .host_n = 7, .topic = "acme.orders", .topic_n = 11,
	.second_node = -1, .topics = 2 };

static void
add_broker(struct kfk_tree *t, struct kfk_node *list, const struct sample *s, int64_t id)
{
	struct kfk_node *b = kfk_add(t, list);

	kfk_set_int(t, b, KFK_METADATA_RESPONSE_BROKERS_NODE_ID, id);
	kfk_set_str(t, b, KFK_METADATA_RESPONSE_BROKERS_HOST, alv_str_make(s->host, s->host_n));
	kfk_set_int(t, b, KFK_METADATA_RESPONSE_BROKERS_PORT, s->port);
	kfk_set_str(t, b, KFK_METADATA_RESPONSE_BROKERS_RACK, ALV_STR("r1"));
}

static void
add_topic(struct kfk_tree *t, struct kfk_node *list, const struct sample *s, size_t i)
{
	struct kfk_node *e = kfk_add(t, list), *parts;
	struct alv_uuid	 id = { { (uint8_t)(i + 1) } };

	if (s->null_name)
		kfk_set_null(t, e, KFK_METADATA_RESPONSE_TOPICS_NAME);
	else
		kfk_set_str(t, e, KFK_METADATA_RESPONSE_TOPICS_NAME, alv_str_make(s->topic, s->topic_n));
	kfk_set_uuid(t, e, KFK_METADATA_RESPONSE_TOPICS_TOPIC_ID, id);
	kfk_set_int(t, e, KFK_METADATA_RESPONSE_TOPICS_ERROR_CODE, i == 1 ? KFK_LEADER_NOT_AVAILABLE : 0);
	kfk_set_int(t, e, KFK_METADATA_RESPONSE_TOPICS_IS_INTERNAL, i == 1);
	parts = kfk_set_empty(t, e, KFK_METADATA_RESPONSE_TOPICS_PARTITIONS);
	for (size_t k = 0; k < 3 + i % 2; k++) {
		struct kfk_node *p = kfk_add(t, parts);

		kfk_set_int(t, p, KFK_METADATA_RESPONSE_TOPICS_PARTITIONS_LEADER_ID, 3);
		p = kfk_set_empty(t, p, KFK_METADATA_RESPONSE_TOPICS_PARTITIONS_REPLICA_NODES);
		kfk_add(t, p)->v.i = 3;
	}
}

static void
make(const struct sample *s, struct alv_chain *out)
{
	struct alv_arena a;
	struct kfk_tree	 t;
	struct kfk_node *list;

	alv_arena_init(&a, 1 << 20);
	kfk_tree_init(&t, kfk_schema_find(KFK_API_METADATA, KFK_RESPONSE), UPS_METADATA_VERSION, &a);
	list = kfk_set_empty(&t, &t.root, KFK_METADATA_RESPONSE_BROKERS);
	if (!s->no_brokers)
		add_broker(&t, list, s, s->node);
	if (s->second_node >= 0)
		add_broker(&t, list, s, s->second_node);
	kfk_set_str(&t, &t.root, KFK_METADATA_RESPONSE_CLUSTER_ID, ALV_STR("c-1"));
	kfk_set_int(&t, &t.root, KFK_METADATA_RESPONSE_CONTROLLER_ID, 3);
	list = kfk_set_empty(&t, &t.root, KFK_METADATA_RESPONSE_TOPICS);
	for (size_t i = 0; i < s->topics; i++)
		add_topic(&t, list, s, i);
	assert_int_equal(kfk_tree_encode(&t, out), ALV_OK);
	kfk_tree_fini(&t);
	alv_arena_fini(&a);
}

static enum alv_err
read_sample(const struct sample *s)
{
	struct alv_pool *pool = alv_pool_new(0);
	struct alv_chain c;
	struct ups_meta	 m;
	enum alv_err	 err;

	alv_chain_init(&c, pool);
	make(s, &c);
	err = ups_meta_read(&m, &c);
	ups_meta_fini(&m);
	alv_chain_clear(&c);
	alv_pool_free(pool);
	return err;
}

static void
takes_what_is_wanted(void **state)
{
	struct alv_pool *pool = alv_pool_new(0);
	struct alv_chain c;
	struct ups_meta	 m;

	(void)state;
	alv_chain_init(&c, pool);
	make(&good, &c);
	assert_int_equal(ups_meta_read(&m, &c), ALV_OK);
	alv_chain_clear(&c);	/* nothing points into it */
	assert_true(alv_str_eqz(m.cluster_id, "c-1"));
	assert_int_equal(m.controller_id, 3);
	assert_int_equal(m.nbrokers, 1);
	assert_true(alv_str_eqz(m.brokers[0].host, "kafka-3"));
	assert_int_equal(m.brokers[0].port, 9092);
	assert_true(alv_str_eqz(m.brokers[0].rack, "r1"));
	assert_int_equal(m.ntopics, 2);
	assert_true(alv_str_eqz(m.topics[0].name, "acme.orders"));
	assert_int_equal(m.topics[0].partitions, 3);
	assert_int_equal(m.topics[1].partitions, 4);
	assert_true(m.topics[1].internal && !m.topics[0].internal);
	assert_int_equal(m.topics[1].id.b[0], 2);
	assert_int_equal(m.codes[0], 0);
	assert_int_equal(m.codes[1], KFK_LEADER_NOT_AVAILABLE);
	ups_meta_fini(&m);
	alv_pool_free(pool);
}

static void
impossible_values_are_refused(void **state)
{
	static char   big[300];
	struct sample s;

	(void)state;
	memset(big, 'a', sizeof(big));
#define REFUSED(field, value) (s = good, s.field = (value), assert_int_equal(read_sample(&s), ALV_E_VALUE))
#define TAKEN(field, value) (s = good, s.field = (value), assert_int_equal(read_sample(&s), ALV_OK))
	REFUSED(node, -1);
	REFUSED(port, 0);
	REFUSED(port, -1);
	REFUSED(port, 65536);
	REFUSED(host_n, 0);
	REFUSED(no_brokers, true);
	REFUSED(second_node, 3);
	TAKEN(second_node, 4);
	TAKEN(null_name, true);
	TAKEN(topics, 0);
	TAKEN(topics, 200);
	s = good;
	s.host = big;
	s.host_n = 255;
	assert_int_equal(read_sample(&s), ALV_OK);
	s.host_n = 256;
	assert_int_equal(read_sample(&s), ALV_E_VALUE);
	s.host = "a\0b";
	s.host_n = 3;
	assert_int_equal(read_sample(&s), ALV_E_VALUE);
	s = good;
	s.topic = big;
	s.topic_n = 249;
	assert_int_equal(read_sample(&s), ALV_OK);
	s.topic_n = 250;
	assert_int_equal(read_sample(&s), ALV_E_VALUE);
}

/* Every truncation fails; every changed byte ends in an answer, not in a crash. */
static void
hostile_bytes(void **state)
{
	struct alv_pool *pool = alv_pool_new(0);
	struct alv_chain c, cut;
	uint8_t		 bytes[4096];
	struct ups_meta	 m;
	size_t		 n;

	(void)state;
	alv_chain_init(&c, pool);
	alv_chain_init(&cut, pool);
	make(&good, &c);
	n = c.n;
	assert_true(n < sizeof(bytes) && alv_chain_peek(&c, 0, bytes, n));
	for (size_t i = 0; i < n; i++) {
		alv_chain_copy(&cut, bytes, i);
		assert_int_not_equal(ups_meta_read(&m, &cut), ALV_OK);
		ups_meta_fini(&m);
		alv_chain_clear(&cut);
		for (unsigned x = 1; x < 256; x = x * 3 + 1) {
			bytes[i] = (uint8_t)(bytes[i] ^ x);
			alv_chain_copy(&cut, bytes, n);
			(void)!ups_meta_read(&m, &cut);
			ups_meta_fini(&m);
			alv_chain_clear(&cut);
			bytes[i] = (uint8_t)(bytes[i] ^ x);
		}
	}
	alv_chain_clear(&c);
	alv_pool_free(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_is_wanted),
		cmocka_unit_test(impossible_values_are_refused),
		cmocka_unit_test(hostile_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
