/* Brokers' texts: what is the tenant's own becomes readable, what could be another's never passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/str.h>
#include <alcove/tenant.h>

#define REPLACED "(standard)"

static const struct ten_alias al[] = {
	{ TEN_TOPIC, ALV_STR("legacy"), ALV_STR("legacy_orders"), true },
	{ TEN_TOPIC, ALV_STR("prices"), ALV_STR("globex.prices"), false },
	{ TEN_GROUP, ALV_STR("team"), ALV_STR("Team X"), true },
};
static const struct ten_alias *const phys[] = { &al[1], &al[0], &al[2] };
static const struct ten_names	     acme = { .id = ALV_STR("acme"), .prefix = ALV_STR("acme."), .naliases = 3, .by_virt = al,
	.by_phys = phys };

static const struct { const char *in, *out; } cases[] = {
	/* own names */
	{ "Topic 'acme.orders' already exists.", "Topic 'orders' already exists." },
	{ "Topic 'acme.a.b' collides with existing topics: acme.a_b", "Topic 'a.b' collides with existing topics: a_b" },
	{ "The topic acme.orders currently has 3 partition(s); 2 would not be an increase.",
	    "The topic orders currently has 3 partition(s); 2 would not be an increase." },
	{ "Error in topic partition acme.orders-0", "Error in topic partition orders-0" },
	{ "acme.x", "x" },
	{ "(acme.x)", "(x)" },
	{ "acme.acme.x", "acme.x" },
	{ "acme.globex.x", "globex.x" },
	{ "Group acme.billing is not a classic group.", "Group billing is not a classic group." },
	{ "Group acme.b\xc3\xbc not found", "Group b\xc3\xbc not found" },
	{ "Topic 'legacy_orders' already exists.", "Topic 'legacy' already exists." },
	{ "Partition legacy_orders-12 and globex.prices-3", "Partition legacy-12 and prices-3" },
	/* plain texts */
	{ "Number of partitions was set to an invalid non-positive value.", "Number of partitions was set to an invalid non-positive value." },
	{ "Invalid value -1.5 for configuration min.cleanable.dirty.ratio: Value must be at least 0",
	    "Invalid value -1.5 for configuration min.cleanable.dirty.ratio: Value must be at least 0" },
	{ "Replication factor must be larger than 0. Use -1 for the default.", "Replication factor must be larger than 0. Use -1 for the default." },
	{ "because only 1 broker(s) are registered.", "because only 1 broker(s) are registered." },
	{ "This is not the leader for the partition.", "This is not the leader for the partition." },
	{ "", "" },
	/* the own prefix inside another word is no own name */
	{ "Topic 'xacme.orders' already exists.", REPLACED },
	{ "Topic 'x-acme.orders' already exists.", REPLACED },
	{ "globex.acme.orders", REPLACED },
	/* others' names */
	{ "Topic 'globex.orders' already exists.", REPLACED },
	{ "Topic 'acme.orders' collides with existing topics: acme.orders, globex.orders", REPLACED },
	{ "globex.", "globex." },
	{ "Group globex.b not found", REPLACED },
	{ "Group globex. team not found", REPLACED },
	{ "Group globex.\xc3\xbc not found", REPLACED },
	{ "Group globex.(x) not found", REPLACED },
	{ "Group globex..x not found", REPLACED },
	{ "a1-b2.c", REPLACED },
	{ "globex.prices2", REPLACED },
	{ "Topic __consumer_offsets is internal", REPLACED },
	{ "Group Team X not found", REPLACED },
	{ "The topic id AbCdEfGhIjKlMnOpQrStUv is unknown", REPLACED },
	/* the platform's machines, people and paths */
	{ "Connection to localhost:9092 failed", REPLACED },
	{ "Connection to kafka-1:9092 failed", REPLACED },
	{ "Connection to node 3 failed", REPLACED },
	{ "Connection to node -1 failed", REPLACED },
	{ "Node3 is down", REPLACED },
	{ "broker 7 is fenced", REPLACED },
	{ "Broker: 7", REPLACED },
	{ "brokerId=7", REPLACED },
	{ "replicas [1, 2]", REPLACED },
	{ "10.1.2.3", REPLACED },
	{ "from fe80::1", REPLACED },
	{ "[::1]", REPLACED },
	{ "User:alcove is not authorized", REPLACED },
	{ "CN=alcove", REPLACED },
	{ "cannot write /var/lib/kafka", REPLACED },
	{ "see C:\\kafka", REPLACED },
	{ "kafka.internal", REPLACED },
	{ "broke\x01n", REPLACED },
	{ "\xff", REPLACED },
};

/* Texts of Kafka 4.3.1, as it said them of topics and groups below the prefix: they pass, without it. */
static const char *const seen[] = {
	"Topic 'acme.a' already exists.",
	"Topic 'acme.b_c' collides with existing topic: acme.b.c",
	"Unable to replicate the partition 99 time(s): The target replication factor of 99 cannot be reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned.",
	"Replication factor must be larger than 0, or -1 to use the default value.",
	"Number of partitions was set to an invalid non-positive value.",
	"Topic name is invalid: the length of 'acme.xxx' is longer than the max allowed length 249",
	"Invalid value shred for configuration cleanup.policy: String must be one of: compact, delete",
	"Invalid value x for configuration segment.bytes: Not a number of type INT",
	"Invalid value 7.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1",
	"Invalid value zzz for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer",
	"Invalid value 99 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1",
	"Topic already has 1 partition(s).",
	"The topic acme.a currently has 1 partition(s); 0 would not be an increase.",
	"This server does not host this topic-partition.",
	"This server does not host this topic ID.",
	"The topic 'acme.no' does not exist.",
	"Null value not supported for : retention.ms",
	"Missing required client tags for rack-aware standby assignment: [zone, rack]. Configure them via 'client.tag.<tagKey>' in your Streams config.",
	"Invalid value sometimes for configuration share.auto.offset.reset: Invalid value `sometimes` for configuration share.auto.offset.reset. The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.",
	"consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms",
	"share.delivery.count.limit must be less than or equal to group.share.max.delivery.count.limit",
	"streams.num.standby.replicas must be less than or equal to group.streams.max.standby.replicas",
	"Invalid value 1 for configuration share.record.lock.duration.ms: Value must be at least 1000",
	"Invalid value maybe for configuration share.renew.acknowledge.enable: Expected value to be either true or false",
	"ServerAssignor zz is not supported. Supported assignors: uniform, range.",
	"SubscribedTopicRegex `x[` is not a valid regular expression: missing closing ].",
	"Consumer group acme.new not found.",
	"RebalanceTimeoutMs must be provided in first request.",
	"Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
	"The consumer group member has a greater member epoch (77) than the one known by the group coordinator (2). The member must abandon all its partitions and rejoin.",
	"Instance id i is unknown.",
	"Group acme.none not found.",
	"Group acme.cl is not a share group.",
	"Group acme.new2 is not a streams group.",
	"Group acme.new2 is not a classic group.",
	"Assignment delayed due to the configured initial rebalance delay.",
	"Source topics acme.missing are missing.",
	"Source topics acme.a, acme.b are missing.",
	"Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
	"Group name must not be empty",
};

static void
texts_of_brokers(void **state)
{
	struct alv_arena a;

	(void)state;
	alv_arena_init(&a, 1 << 16);
	for (size_t i = 0; i < ALV_COUNT(seen); i++) {
		char	       want[512], *at;
		struct alv_str out = ten_clean_text(&acme, alv_str_of(seen[i]), ALV_STR(REPLACED), &a);

		snprintf(want, sizeof(want), "%s", seen[i]);
		while ((at = strstr(want, "acme.")) != NULL)
			memmove(at, at + 5, strlen(at + 5) + 1);
		assert_string_equal(alv_arena_str(&a, out).p, want);
	}
	alv_arena_fini(&a);
}

/* The same of somebody else's: not one word of it. */
static void
texts_of_brokers_about_others(void **state)
{
	struct alv_arena a;
	size_t		 n = 0;

	(void)state;
	alv_arena_init(&a, 1 << 16);
	for (size_t i = 0; i < ALV_COUNT(seen); i++) {
		char theirs[512];
		const char *at = strstr(seen[i], "acme.");

		if (at == NULL)
			continue;
		snprintf(theirs, sizeof(theirs), "%.*sglobex.%s", (int)(at - seen[i]), seen[i], at + 5);
		assert_true(alv_str_eqz(ten_clean_text(&acme, alv_str_of(theirs), ALV_STR(REPLACED), &a), REPLACED));
		n++;
	}
	assert_true(n > 10);
	alv_arena_fini(&a);
}

static void
texts(void **state)
{
	struct alv_arena a;

	(void)state;
	alv_arena_init(&a, 1 << 16);
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct alv_str out = ten_clean_text(&acme, alv_str_of(cases[i].in), ALV_STR(REPLACED), &a);

		print_message("%s\n", cases[i].in);
		assert_non_null(out.p);
		assert_string_equal(alv_arena_str(&a, out).p, cases[i].out);
	}
	alv_arena_fini(&a);
}

static void
edges(void **state)
{
	static char	 big[4000];
	struct alv_arena a, tiny;

	(void)state;
	alv_arena_init(&a, 1 << 16);
	alv_arena_init(&tiny, 4);
	assert_null(ten_clean_text(&acme, ALV_STR_NULL, ALV_STR(REPLACED), &a).p);
	/* Null is a standard text too: where the field is nullable. */
	assert_null(ten_clean_text(&acme, ALV_STR("globex.x"), ALV_STR_NULL, &a).p);
	assert_true(alv_str_eqz(ten_clean_text(&acme, ALV_STR("plain enough"), ALV_STR(REPLACED), &tiny), REPLACED));
	memset(big, 'x', sizeof(big));
	assert_true(alv_str_eqz(ten_clean_text(&acme, alv_str_make(big, sizeof(big)), ALV_STR(REPLACED), &a), REPLACED));
	alv_arena_fini(&a);
	alv_arena_fini(&tiny);
}

/* Another's physical name, put anywhere into any of the texts, is never in what comes out. */
static void
planted(void **state)
{
	static const char *const plants[] = { "globex.zebra7", "b3-globex.zebra7", "zebra7.example", "globex.zebra7-0" };
	struct alv_arena	 a;

	(void)state;
	alv_arena_init(&a, 16 << 20);
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		for (size_t k = 0; k < ALV_COUNT(plants); k++) {
			for (size_t at = 0; at <= strlen(cases[i].in); at++) {
				struct alv_str in = alv_arena_printf(&a, "%.*s %s %s", (int)at, cases[i].in, plants[k], cases[i].in + at);
				struct alv_str out = ten_clean_text(&acme, in, ALV_STR(REPLACED), &a);

				assert_null(memmem(out.p, out.n, "zebra7", 6));
			}
		}
		alv_arena_reset(&a);
	}
	alv_arena_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(texts_of_brokers),
		cmocka_unit_test(texts_of_brokers_about_others),
		cmocka_unit_test(edges),
		cmocka_unit_test(planted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
