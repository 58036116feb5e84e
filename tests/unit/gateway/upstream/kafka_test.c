/* Links and follower against a real Kafka. Skipped unless ALCOVE_TEST_KAFKA names the directory of a node that
 * tests/kit/kafka/start made with TLS (a certificate for 127.0.0.1 alone, its CA in ALCOVE_TEST_KAFKA_CA) and with the user
 * gateway:secret. tests/broker/upstream sets all that up. Names begin with "up", so that a node can be shared. */
#include "tests/unit/gateway/upstream/fake_broker.h"

#include <alcove/authn.h>

#include <sys/wait.h>

#include "upstream/follower.h"

struct set {
	struct bench	       b;
	struct net_tls_client *tls;
	struct alv_qsbr	      *qsbr;
	struct clu_board      *board;
	struct ups_follower   *f;
	unsigned	       changes;
	bool		       done;
	enum alv_err	       err;
	size_t		       n[TEN_KINDS];
	char		       name[256], words[512];
};

static const char *dir;

/* A port from DIR/env. */
static uint16_t
port_of(const char *key)
{
	char  path[512], line[512], want[64];
	FILE *in;
	int   port = 0, n = snprintf(want, sizeof(want), "%s=", key);

	snprintf(path, sizeof(path), "%s/env", dir);
	in = fopen(path, "r");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in) != NULL) {
		if (strncmp(line, want, (size_t)n) == 0)
			port = (int)strtol(line + n, NULL, 10);
	}
	fclose(in);
	assert_in_range(port, 1, 65535);
	return (uint16_t)port;
}

/* The loop goes on turning meanwhile: what it asked must not seem late. */
static void ALV_PRINTF(2, 3)
run(struct set *x, const char *fmt, ...)
{
	char	cmd[1024];
	int	status = -1;
	va_list ap;
	pid_t	pid;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	pid = fork();
	if (pid == 0) {
		unsetenv("ASAN_OPTIONS");
		execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		net_loop_turn(x->b.loop, 20);
	if (status != 0)
		fail_msg("failed: %s", cmd);
}

static void
create_topic(struct set *x, const char *name, int partitions)
{
	run(x, "tests/kit/kafka/tool topics --bootstrap-server 127.0.0.1:%u --create --topic %s --partitions %d >/dev/null 2>&1",
	    (unsigned)port_of("KAFKA_PORT"), name, partitions);
}

static void
changed(void *arg)
{
	((struct set *)arg)->changes++;
}

static int
set_up(void **state)
{
	struct set *x = calloc(1, sizeof(*x));

	bench_init(&x->b);
	x->b.conf.connect_timeout_ms = x->b.conf.request_timeout_ms = 10000;
	x->b.conf.metadata_refresh_ms = 200;
	x->b.bootstrap[0].port = port_of("KAFKA_PORT");
	snprintf(x->b.bootstrap[0].host, sizeof(x->b.bootstrap[0].host), "127.0.0.1");
	x->qsbr = alv_qsbr_new();
	x->board = clu_board_new(x->qsbr);
	*state = x;
	return 0;
}

static int
tear_down(void **state)
{
	struct set *x = *state;

	ups_follower_free(x->f);
	clu_board_free(x->board);
	alv_qsbr_free(x->qsbr);
	bench_fini(&x->b);
	net_tls_client_free(x->tls);
	free(x);
	return 0;
}

static void
use_tls(struct set *x)
{
	struct net_tls_client_conf c = { .ca_file = getenv("ALCOVE_TEST_KAFKA_CA"), .min_protocol = "TLSv1.2", .verify_host = true };
	struct net_tls_error	   err = { "" };

	x->tls = net_tls_client_new(&c, &err);
	if (x->tls == NULL)
		fail_msg("%s", err.text);
	x->b.conf.tls = true;
	x->b.ctx.tls = x->tls;
}

static void
follow(struct set *x)
{
	x->f = ups_follower_new(x->b.loop, &x->b.ctx, x->board, changed, x);
}

static bool
turn_for(struct set *x, bool (*cond)(struct set *x), unsigned ms)
{
	uint64_t until = net_loop_now(x->b.loop) + ms * 1000ull;

	while (!cond(x) && net_loop_now(x->b.loop) < until)
		net_loop_turn(x->b.loop, 20);
	return cond(x);
}

static bool
is_reachable(struct set *x)
{
	return ups_reachable(x->f);
}

static bool
is_lost(struct set *x)
{
	return !ups_reachable(x->f);
}

static bool
has_name(struct set *x)
{
	const struct clu_view *v = clu_board_load(x->board);

	return v != NULL && clu_topic_find(v, alv_str_of(x->name)) != NULL;
}

static bool
has_not_name(struct set *x)
{
	return !has_name(x);
}

static bool
is_done(struct set *x)
{
	return x->done;
}

/* ---- the follower ---- */

static void
follows_topics_and_offers(void **state)
{
	struct set	      *x = *state;
	const struct clu_view *v;
	const struct clu_topic *t;

	follow(x);
	assert_true(turn_for(x, is_reachable, 10000));
	v = clu_board_load(x->board);
	assert_int_equal(v->nbrokers, 1);
	assert_int_equal(v->brokers[0].port, port_of("KAFKA_PORT"));
	assert_in_range(v->cluster_id.n, 22, 23);
	assert_int_equal(v->apis[KFK_API_METADATA].hi, 13);
	assert_true(v->apis[KFK_API_FETCH].lo <= 4 && v->apis[KFK_API_FETCH].hi >= 17);
	assert_true(v->apis[KFK_API_UPDATE_METADATA].lo > v->apis[KFK_API_UPDATE_METADATA].hi);
	assert_true(v->nfeatures > 0);
	snprintf(x->name, sizeof(x->name), "upacme.orders");
	create_topic(x, x->name, 3);
	assert_true(turn_for(x, has_name, 2000));
	t = clu_topic_find(clu_board_load(x->board), alv_str_of(x->name));
	assert_int_equal(t->partitions, 3);
	assert_false(alv_uuid_zero(t->id));
}

static void
take_name(void *arg, enum alv_err err, size_t n, const struct alv_uuid *id, char **names)
{
	struct set *x = arg;

	(void)id;
	x->done = true;
	x->err = err;
	for (size_t i = 0; i < n; i++) {
		if (i == 0)
			snprintf(x->name, sizeof(x->name), "%s", names[i] == NULL ? "(null)" : names[i]);
		free(names[i]);
	}
}

/* One follower sees a topic that another, which does not refresh, can only learn by asking for its id. */
static void
resolves_ids(void **state)
{
	struct set	*x = *state, other = { 0 };
	struct clu_board *board = clu_board_new(x->qsbr);
	struct alv_uuid	  id[2] = { { { 0 } }, { { 1, 2, 3 } } };

	x->b.conf.metadata_refresh_ms = 10000000;
	follow(x);
	assert_true(turn_for(x, is_reachable, 10000));
	create_topic(x, "upacme.late", 1);
	other.f = ups_follower_new(x->b.loop, &x->b.ctx, board, changed, &other);
	other.b.loop = x->b.loop;
	assert_true(turn_for(&other, is_reachable, 10000));
	id[0] = clu_topic_find(clu_board_load(board), ALV_STR("upacme.late"))->id;
	assert_null(clu_topic_by_id(clu_board_load(x->board), id[0]));
	ups_resolve_ids(x->f, 1, 2, id, take_name, x);
	assert_true(turn_for(x, is_done, 5000));
	assert_int_equal(x->err, ALV_OK);
	assert_string_equal(x->name, "upacme.late");
	x->done = false;
	ups_resolve_ids(x->f, 1, 1, &id[1], take_name, x);
	assert_true(turn_for(x, is_done, 5000));
	assert_int_equal(x->err, ALV_OK);
	assert_string_equal(x->name, "(null)");
	ups_follower_free(other.f);
	clu_board_free(board);
}

static void
scanned(void *arg, enum alv_err err, const struct ups_found *found)
{
	struct set *x = arg;

	x->done = true;
	x->err = err;
	memset(x->n, 0, sizeof(x->n));
	for (size_t i = 0; i < found->n; i++)
		x->n[found->kind[i]]++;
}

static void
purged(void *arg, enum alv_err err, const char *words)
{
	struct set *x = arg;

	x->done = true;
	x->err = err;
	snprintf(x->words, sizeof(x->words), "%s", words);
}

static enum alv_err
scan(struct set *x, const char *prefix)
{
	x->done = false;
	ups_scan_prefix(x->f, alv_str_of(prefix), scanned, x);
	assert_true(turn_for(x, is_done, 30000));
	return x->err;
}

static void
scans_and_purges_a_prefix(void **state)
{
	struct set *x = *state;
	unsigned    port = port_of("KAFKA_PORT");

	follow(x);
	assert_true(turn_for(x, is_reachable, 10000));
	create_topic(x, "upglobex.keep", 1);
	create_topic(x, "upacme.more", 2);
	run(x, "echo hello | tests/kit/kafka/tool console-producer --bootstrap-server 127.0.0.1:%u "
	    "--topic upacme.more >/dev/null 2>&1", port);
	run(x, "tests/kit/kafka/tool console-consumer --bootstrap-server 127.0.0.1:%u --topic upacme.more "
	    "--group upacme.billing --from-beginning --max-messages 1 >/dev/null 2>&1", port);
	run(x, "tests/kit/kafka/tool console-consumer --bootstrap-server 127.0.0.1:%u --topic upacme.more "
	    "--group upacme.new --command-property group.protocol=consumer --from-beginning --max-messages 1 >/dev/null 2>&1", port);
	run(x, "tests/kit/kafka/tool producer-perf --bootstrap-server 127.0.0.1:%u --topic upacme.more "
	    "--num-records 10 --record-size 10 --throughput -1 --transactional-id upacme.tx "
	    "--transaction-duration-ms 100 >/dev/null 2>&1", port);
	assert_int_equal(scan(x, "upacme."), ALV_OK);
	assert_true(x->n[TEN_TOPIC] >= 1);
	assert_int_equal(x->n[TEN_GROUP], 2);
	assert_int_equal(x->n[TEN_TXN], 1);
	x->done = false;
	ups_purge_prefix(x->f, ALV_STR("upacme."), purged, x);
	assert_true(turn_for(x, is_done, 60000));
	if (x->err)
		fail_msg("purge: %s: %s", alv_err_text(x->err), x->words);
	assert_int_equal(scan(x, "upacme."), ALV_OK);
	assert_int_equal(x->n[TEN_TOPIC], 0);
	assert_int_equal(x->n[TEN_GROUP], 0);
	assert_int_equal(x->n[TEN_TXN], 1);
	snprintf(x->name, sizeof(x->name), "upglobex.keep");
	assert_true(turn_for(x, has_name, 2000));
	x->done = false;
	ups_purge_prefix(x->f, ALV_STR("upglobex."), purged, x);
	assert_true(turn_for(x, is_done, 60000));
	assert_int_equal(x->err, ALV_OK);
	assert_true(turn_for(x, has_not_name, 2000));
}

static void
follows_a_broker_that_stops_and_starts(void **state)
{
	struct set *x = *state;

	follow(x);
	assert_true(turn_for(x, is_reachable, 10000));
	run(x, "tests/kit/kafka/stop --kill %s >/dev/null", dir);
	assert_true(turn_for(x, is_lost, 10000));
	assert_non_null(clu_board_load(x->board));
	run(x, "tests/kit/kafka/start %s >/dev/null", dir);
	assert_true(turn_for(x, is_reachable, 20000));
}

static void
follows_over_sasl_and_tls(void **state)
{
	struct set *x = *state;

	use_tls(x);
	x->b.conf.sasl = true;
	x->b.conf.mechanism = AUT_SCRAM_SHA_512;
	x->b.bootstrap[0].port = port_of("KAFKA_SASL_TLS_PORT");
	follow(x);
	assert_true(turn_for(x, is_reachable, 10000));
	assert_int_equal(clu_board_load(x->board)->brokers[0].port, port_of("KAFKA_SASL_TLS_PORT"));
}

/* ---- links ---- */

struct seen {
	struct ups_link link;
	bool		ready, over;
	enum ups_end	end;
	char		words[512];
};

static void
on_ready(struct ups_link *l)
{
	struct seen *s = l->owner;

	s->ready = s->over = true;
}

static void
on_data(struct ups_link *l)
{
	alv_chain_drop(&l->stream.in, l->stream.in.n);
}

static void
on_closed(struct ups_link *l, enum ups_end why, const char *words)
{
	struct seen *s = l->owner;

	s->over = true;
	s->end = why;
	snprintf(s->words, sizeof(s->words), "%s", words);
	ups_link_fini(l);
}

static const struct ups_link_ops ops = { .on_ready = on_ready, .on_data = on_data, .on_closed = on_closed };

/* NULL: it became ready, and was closed again. Else the words it ended with. */
static const char *
connect_to(struct set *x, const char *host, const char *port_key)
{
	static struct seen s;

	memset(&s, 0, sizeof(s));
	assert_int_equal(ups_link_open(&s.link, &x->b.ctx, host, port_of(port_key), &ops, &s), ALV_OK);
	turn_until(&x->b, &s.over);
	if (!s.ready)
		return s.words;
	s.over = false;
	ups_link_close(&s.link);
	turn_until(&x->b, &s.over);
	return NULL;
}

/* Salted passwords are kept by salt: a process has one password. */
static void
fresh_ctx(struct set *x)
{
	ups_ctx_fini(&x->b.ctx);
	assert_int_equal(ups_ctx_init(&x->b.ctx, &x->b.conf, &x->b.net, x->tls, x->b.crypto, x->b.resolver), ALV_OK);
}

static void
logs_in_by_every_mechanism(void **state)
{
	struct set *x = *state;

	x->b.conf.sasl = true;
	for (int m = 0; m < AUT_BY_PASSWORD; m++) {
		const char *words;

		x->b.conf.mechanism = m;
		x->b.conf.password = ALV_STR("secret");
		words = connect_to(x, "127.0.0.1", "KAFKA_SASL_PORT");
		if (words != NULL)
			fail_msg("%s: %s", aut_mechanism_name((enum aut_mechanism)m), words);
		x->b.conf.password = ALV_STR("Secret");
		fresh_ctx(x);
		words = connect_to(x, "127.0.0.1", "KAFKA_SASL_PORT");
		assert_non_null(words);
		assert_non_null(strstr(words, "the broker refused the login: "));
		fresh_ctx(x);
	}
}

static void
tls_names_are_verified(void **state)
{
	struct set *x = *state;
	const char *words;

	use_tls(x);
	assert_null(connect_to(x, "127.0.0.1", "KAFKA_TLS_PORT"));
	words = connect_to(x, "localhost", "KAFKA_TLS_PORT");	/* the certificate is for the address only */
	assert_non_null(words);
	assert_non_null(strstr(words, "TLS failed"));
	words = connect_to(x, "127.0.0.1", "KAFKA_PORT");	/* not a TLS listener */
	assert_non_null(words);
	x->b.conf.sasl = true;
	x->b.conf.mechanism = AUT_SCRAM_SHA_256;
	assert_null(connect_to(x, "127.0.0.1", "KAFKA_SASL_TLS_PORT"));
	x->b.conf.tls = false;
	x->b.ctx.tls = NULL;
	words = connect_to(x, "127.0.0.1", "KAFKA_PORT");	/* SASL where none is offered */
	assert_non_null(words);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(logs_in_by_every_mechanism, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tls_names_are_verified, set_up, tear_down),
		cmocka_unit_test_setup_teardown(follows_over_sasl_and_tls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(follows_topics_and_offers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(resolves_ids, set_up, tear_down),
		cmocka_unit_test_setup_teardown(scans_and_purges_a_prefix, set_up, tear_down),
		cmocka_unit_test_setup_teardown(follows_a_broker_that_stops_and_starts, set_up, tear_down),
	};

	dir = getenv("ALCOVE_TEST_KAFKA");
	if (dir == NULL || getenv("ALCOVE_TEST_KAFKA_CA") == NULL) {
		printf("skipped: ALCOVE_TEST_KAFKA is not set (tests/broker/upstream sets it)\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
