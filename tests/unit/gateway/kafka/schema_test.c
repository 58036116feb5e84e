/* The schema tables: found by any key a peer may send, and consistent in what the engine takes for granted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/kafka.h>
#include "kafka/gen/field_ids.h"

static bool
within(struct kfk_versions v, struct kfk_versions around)
{
	return v.lo > v.hi || (v.lo >= around.lo && v.hi <= around.hi);
}

static void
finds_only_what_brokers_serve(void **state)
{
	static const struct { int32_t key; const char *request, *response; } cases[] = {
		{ KFK_API_PRODUCE, "ProduceRequest", "ProduceResponse" },
		{ KFK_API_METADATA, "MetadataRequest", "MetadataResponse" },
		{ KFK_API_API_VERSIONS, "ApiVersionsRequest", "ApiVersionsResponse" },
		{ KFK_API_UNREGISTER_CONTROLLER, "UnregisterControllerRequest", "UnregisterControllerResponse" },
		{ KFK_API_UPDATE_METADATA, NULL, NULL },	/* removed from Kafka */
		{ KFK_API_ENVELOPE, NULL, NULL },		/* controllers only */
		{ 95, NULL, NULL }, { 9999, NULL, NULL }, { -1, NULL, NULL },
		{ INT32_MIN, NULL, NULL }, { INT32_MAX, NULL, NULL }, { 0x10000, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct kfk_schema *req = kfk_schema_find(cases[i].key, KFK_REQUEST);
		const struct kfk_schema *rsp = kfk_schema_find(cases[i].key, KFK_RESPONSE);

		if (!cases[i].request) {
			assert_null(req);
			assert_null(rsp);
			continue;
		}
		assert_string_equal(req->name, cases[i].request);
		assert_string_equal(rsp->name, cases[i].response);
	}
}

static void
every_broker_api_has_both_directions(void **state)
{
	static const struct { int32_t key; bool broker; } apis[] = {
#define BROKER true
#define CONTROLLER false
#define GONE false
#define KAPI(key, name, text, who) { key, who },
#include <alcove/tbl/kafka_api.def>
#undef KAPI
#undef BROKER
#undef CONTROLLER
#undef GONE
	};
	size_t tables = 0, special = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(apis) / sizeof(*apis); i++) {
		for (int dir = KFK_REQUEST; dir <= KFK_RESPONSE; dir++) {
			const struct kfk_schema *s = kfk_schema_find(apis[i].key, (enum kfk_dir)dir);

			assert_int_equal(s != NULL, apis[i].broker);
			if (!s)
				continue;
			tables++;
			assert_int_equal(s->key, apis[i].key);
			assert_int_equal((int)s->dir, dir);
			assert_true(s->broker);
		}
	}
	for (size_t i = 0; kfk_schema_at(i); i++)
		special += kfk_schema_at(i)->key < 0;
	assert_int_equal(special, 4);
	assert_non_null(kfk_schema_at(tables + special - 1));
	assert_null(kfk_schema_at(tables + special));
	assert_null(kfk_schema_at(SIZE_MAX));
}

static void
check_field(const struct kfk_schema *s, size_t at, uint8_t *parents)
{
	const struct kfk_field *f = &s->fields[at];
	struct kfk_versions flexible = { s->flexible, s->versions.hi };

	assert_true(f->in.lo <= f->in.hi && within(f->in, s->versions));
	assert_true(within(f->nullable, f->in) && within(f->tagged, f->in) && within(f->flexible, f->in));
	assert_true(within(f->tagged, flexible) && within(f->flexible, flexible));
	assert_int_equal(f->tag >= 0, f->tagged.lo <= f->tagged.hi);
	assert_true(f->type <= KFK_STRUCT && f->kind < KFK_KIND_COUNT);
	if (f->type == KFK_STRING || f->type == KFK_BYTES || f->type == KFK_UUID || f->type == KFK_RECORDS)
		assert_int_not_equal(f->kind, KFK_KIND_NONE);
	if (f->type != KFK_STRUCT) {
		assert_int_equal(f->count, 0);
		return;
	}
	assert_true(f->count > 0 && f->first > at && (size_t)f->first + f->count <= s->nfields);
	for (size_t i = f->first; i < (size_t)f->first + f->count; i++) {
		parents[i]++;
		assert_true(within(s->fields[i].in, f->in));
	}
}

/* Each field hangs below exactly one struct, or below the message; nothing points outside. */
static void
fields_make_a_tree(void **state)
{
	static uint8_t parents[4096];

	(void)state;
	for (size_t i = 0; kfk_schema_at(i); i++) {
		const struct kfk_schema *s = kfk_schema_at(i);

		assert_true(s->top <= s->nfields && s->nfields <= sizeof(parents));
		assert_true(s->versions.lo >= 0 && s->versions.lo <= s->versions.hi && s->versions.hi < 127);
		memset(parents, 0, sizeof(parents));
		for (size_t at = 0; at < s->nfields; at++)
			check_field(s, at, parents);
		for (size_t at = 0; at < s->nfields; at++)
			assert_int_equal(parents[at], at >= s->top);
	}
}

/* Two tags of one struct in one version must differ, or a walk could not tell them apart. */
static void
tags_are_distinct(void **state)
{
	(void)state;
	for (size_t i = 0; kfk_schema_at(i); i++) {
		const struct kfk_schema *s = kfk_schema_at(i);

		for (size_t a = 0; a < s->nfields; a++) {
			size_t end = s->top;

			for (size_t p = 0; p < s->nfields; p++)
				if (s->fields[p].count && a >= s->fields[p].first && a < (size_t)s->fields[p].first + s->fields[p].count)
					end = (size_t)s->fields[p].first + s->fields[p].count;
			for (size_t b = a + 1; b < end; b++)
				if (s->fields[a].tag >= 0 && s->fields[b].tag == s->fields[a].tag)
					assert_true(s->fields[a].tagged.hi < s->fields[b].tagged.lo ||
					    s->fields[b].tagged.hi < s->fields[a].tagged.lo);
		}
	}
}

static void
ids_name_the_fields(void **state)
{
	static const struct { int32_t key; enum kfk_dir dir; int id; const char *name; int type, kind; } cases[] = {
		{ 3, KFK_RESPONSE, KFK_METADATA_RESPONSE_TOPICS_NAME, "Name", KFK_STRING, KFK_KIND_TOPIC_NAME },
		{ 3, KFK_RESPONSE, KFK_METADATA_RESPONSE_BROKERS_PORT, "Port", KFK_INT32, KFK_KIND_PORT },
		{ 1, KFK_REQUEST, KFK_FETCH_REQUEST_REPLICA_STATE_REPLICA_ID, "ReplicaId", KFK_INT32, KFK_KIND_REPLICA_ID },
		{ 0, KFK_REQUEST, KFK_PRODUCE_REQUEST_TOPIC_DATA_PARTITION_DATA_RECORDS, "Records", KFK_RECORDS, KFK_KIND_RECORDS },
		{ 10, KFK_REQUEST, KFK_FIND_COORDINATOR_REQUEST_COORDINATOR_KEYS, "CoordinatorKeys", KFK_STRING, KFK_KIND_COORDINATOR_KEY },
		{ 78, KFK_RESPONSE, KFK_SHARE_FETCH_RESPONSE_RESPONSES_PARTITIONS_CURRENT_LEADER_LEADER_ID, "LeaderId", KFK_INT32, KFK_KIND_BROKER_ID },
		{ 88, KFK_REQUEST, KFK_STREAMS_GROUP_HEARTBEAT_REQUEST_USER_ENDPOINT_HOST, "Host", KFK_STRING, KFK_KIND_OPAQUE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct kfk_field *f = &kfk_schema_find(cases[i].key, cases[i].dir)->fields[cases[i].id];

		assert_string_equal(f->name, cases[i].name);
		assert_int_equal(f->type, cases[i].type);
		assert_int_equal(f->kind, cases[i].kind);
	}
}

/* What Kafka's own schemas say in odd places. */
static void
odd_places(void **state)
{
	const struct kfk_field *client = &kfk_request_header.fields[KFK_REQUEST_HEADER_CLIENT_ID];
	const struct kfk_schema *fetch = kfk_schema_find(1, KFK_REQUEST), *init = kfk_schema_find(22, KFK_RESPONSE);
	const struct kfk_field *max = &fetch->fields[KFK_FETCH_REQUEST_MAX_BYTES];
	const struct kfk_field *lag = &fetch->fields[KFK_FETCH_REQUEST_TOPICS_PARTITIONS_HIGH_WATERMARK];

	(void)state;
	assert_true(client->flexible.lo > client->flexible.hi);	/* the old encoding, in every version */
	assert_true(kfk_versions_has(client->nullable, 2));
	assert_int_equal(max->dflt, 0x7fffffff);
	assert_int_equal(lag->dflt, INT64_MAX);
	assert_int_equal(init->unstable, init->versions.hi);
	assert_int_equal(fetch->unstable, 127);
	assert_int_equal(kfk_schema_find(17, KFK_REQUEST)->flexible, 127);
	assert_int_equal(kfk_consumer_subscription.flexible, 127);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_only_what_brokers_serve),
		cmocka_unit_test(every_broker_api_has_both_directions),
		cmocka_unit_test(fields_make_a_tree),
		cmocka_unit_test(tags_are_distinct),
		cmocka_unit_test(ids_name_the_fields),
		cmocka_unit_test(odd_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
