/* The gate, and what holds for every api and version alike: malformed bodies close, nothing foreign leaves. */
#include "stage.h"

/* Another's, the platform's, and an own one: beside that, the other fields of an element can be seen. */
static const char *const names[] = { "globex.x", "__consumer_offsets", "acme.x" };
enum { SALTS = 18 };	/* all pairs of a name, a node and an error code */

/* ---- the gate -------------------------------------------------------------------------------------- */

static void
what_is_not_offered_closes(void **state)
{
	static const struct { int16_t key, version; } cases[] = {
		{ KFK_API_PRODUCE, 2 }, { KFK_API_PRODUCE, 14 }, { KFK_API_FETCH, 3 }, { KFK_API_FETCH, 19 }, { KFK_API_METADATA, 14 },
		{ KFK_API_METADATA, -1 }, { KFK_API_ADD_PARTITIONS_TO_TXN, 4 }, { KFK_API_INIT_PRODUCER_ID, 6 },
		{ KFK_API_ENVELOPE, 0 }, { KFK_API_VOTE, 1 }, { KFK_API_WRITE_SHARE_GROUP_STATE, 0 },
		{ KFK_API_UPDATE_METADATA, 0 }, { KFK_API_VOTE, 0 }, { 9999, 0 }, { -5, 0 }, { INT16_MAX, 0 }, { INT16_MIN, 0 },
	};
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		(void)stage_begin(&s, KFK_API_METADATA, 9);
		s.call.hdr.key = cases[i].key;
		s.call.hdr.version = cases[i].version;
		assert_int_equal(stage_send_bytes(&s, "\0\0\0\0\0\0\0\0", 8), API_CLOSE);
		assert_int_equal(s.call.close, MET_CLOSE_API_REFUSED);
	}
	stage_close(&s);
}

static void
before_the_login_little_is_legal(void **state)
{
	static const enum api_auth stages[] = { API_AUTH_NONE, API_AUTH_HANDSHAKE };
	const struct api_def	  *d;
	struct stage		   s;

	(void)state;
	stage_open(&s, NULL, 0);
	for (size_t k = 0; k < ALV_COUNT(stages); k++)
		for (size_t i = 0; (d = api_def_at(i)) != NULL; i++) {
			s.conn.auth = stages[k];
			if (d->key == KFK_API_API_VERSIONS || d->key == KFK_API_SASL_HANDSHAKE || d->key == KFK_API_SASL_AUTHENTICATE)
				continue;
			(void)stage_begin(&s, d->key, d->hi);
			assert_int_equal(stage_send_bytes(&s, "", 0), API_CLOSE);
			assert_int_equal(s.call.close, MET_CLOSE_AUTH_REQUIRED);
		}
	stage_close(&s);
}

static void
tenants_that_are_not_served(void **state)
{
	struct stage	 s;
	enum met_close	 why;

	(void)state;
	stage_open(&s, NULL, 0);
	stage_tenant(&s, "acme", "acme-cluster-id-22char", POL_SUSPENDED, NULL, 0);
	(void)stage_begin(&s, KFK_API_METADATA, 9);
	assert_int_equal(stage_send(&s), API_CLOSE);
	assert_int_equal(s.call.close, MET_CLOSE_TENANT_SUSPENDED);
	assert_false(api_conn_check(&s.conn, &why));
	assert_int_equal(why, MET_CLOSE_TENANT_SUSPENDED);
	assert_int_equal(pol_dir_publish(s.dir, ALV_STR("acme"), NULL), ALV_OK);
	(void)stage_begin(&s, KFK_API_METADATA, 9);
	assert_int_equal(stage_send(&s), API_CLOSE);
	assert_int_equal(s.call.close, MET_CLOSE_TENANT_GONE);
	assert_false(api_conn_check(&s.conn, &why));
	assert_int_equal(why, MET_CLOSE_TENANT_GONE);
	stage_close(&s);
}

/* Suspended while the request was with the broker: the answer is not for anybody any more. */
static void
a_tenant_may_go_while_it_waits(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	(void)stage_begin(&s, KFK_API_METADATA, 9);
	assert_int_equal(stage_send(&s), API_FORWARD);
	stage_tenant(&s, "acme", "acme-cluster-id-22char", POL_SUSPENDED, NULL, 0);
	alv_chain_clear(&s.call.out);
	(void)stage_broker(&s);
	assert_int_equal(stage_reply(&s), API_CLOSE);
	assert_int_equal(s.call.close, MET_CLOSE_TENANT_SUSPENDED);
	stage_close(&s);
}

/* ---- every api and version ----------------------------------------------------------------------------- */

typedef void (*each_fn)(struct stage *s, const struct api_def *d, int16_t version);

static void
each_version(each_fn fn)
{
	const struct api_def *d;

	for (size_t i = 0; (d = api_def_at(i)) != NULL; i++)
		for (int16_t v = d->lo; v <= d->hi; v++) {
			struct stage s;

			stage_open(&s, NULL, 0);
			if (d->flags & API_UNAUTHENTICATED)
				s.conn.auth = API_AUTH_NONE;
			fn(&s, d, v);
			stage_close(&s);
		}
}

/* A list of 2^31 - 1 elements, of whatever comes first; and a body that goes on. */
static void
send_junk(struct stage *s, const struct api_def *d, int16_t version)
{
	static const uint8_t junk[] = { 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint8_t		     bytes[4096];
	size_t		     n;

	(void)stage_begin(s, d->key, version);
	assert_int_equal(stage_send_bytes(s, junk, sizeof(junk)), API_CLOSE);
	assert_true(s->call.close == MET_CLOSE_FRAME_MALFORMED || s->call.close == MET_CLOSE_MEMORY);
	if (s->call.close == MET_CLOSE_FRAME_MALFORMED)
		assert_non_null(s->call.fault);

	(void)stage_begin(s, d->key, version);
	alv_chain_clear(&s->body);
	assert_int_equal(kfk_tree_encode(&s->tree, &s->body), ALV_OK);
	n = s->body.n;
	assert_true(n + 1 < sizeof(bytes) && alv_chain_peek(&s->body, 0, bytes, n));
	for (size_t cut = 0; cut < n; cut++) {
		(void)stage_begin(s, d->key, version);
		assert_int_equal(stage_send_bytes(s, bytes, cut), API_CLOSE);
		assert_int_equal(s->call.close, MET_CLOSE_FRAME_MALFORMED);
	}
	bytes[n] = 7;	/* a zero is overlooked where it can be an end (padded_test.c) */
	(void)stage_begin(s, d->key, version);
	assert_int_equal(stage_send_bytes(s, bytes, n + 1), API_CLOSE);
	assert_int_equal(s->call.close, MET_CLOSE_FRAME_MALFORMED);
}

static void
malformed_bodies_close(void **state)
{
	(void)state;
	each_version(send_junk);
}

/* ---- a broker that answers with what is another's, in every field -------------------------------------- */

static struct alv_str
foreign_text(enum kfk_kind kind, unsigned salt)
{
	switch (kind) {
	case KFK_KIND_TOPIC_NAME:
	case KFK_KIND_GROUP_ID:
	case KFK_KIND_TXN_ID:
	case KFK_KIND_COORDINATOR_KEY:
	case KFK_KIND_RESOURCE_NAME:
		return alv_str_of(names[salt % ALV_COUNT(names)]);
	case KFK_KIND_HOST:
	case KFK_KIND_CLIENT_HOST:
	case KFK_KIND_RACK:
		return ALV_STR("real1.internal");
	case KFK_KIND_CLUSTER_ID:
		return ALV_STR("physical-cluster-idxxx");
	case KFK_KIND_ERROR_TEXT:
		return ALV_STR("group globex.g of topic globex.x-1 at real1.internal:9092 is gone");
	case KFK_KIND_TOPIC_REGEX:
		return ALV_STR("globex\\..*");
	default:
		return ALV_STR("x");
	}
}

static void
fill(struct kfk_tree *t, struct kfk_node *parent, uint16_t first, uint16_t count, unsigned salt);

static void
fill_value(struct kfk_tree *t, struct kfk_node *n, unsigned salt)
{
	switch (n->f->type) {
	case KFK_STRUCT:
		fill(t, n, n->f->first, n->f->count, salt);
		break;
	case KFK_STRING:
		n->v.s = foreign_text((enum kfk_kind)n->f->kind, salt);
		break;
	case KFK_BYTES:
	case KFK_RECORDS:
		n->v.s = ALV_STR("");
		break;
	case KFK_UUID:
		n->v.id = stage_id('g');
		break;
	default:
		n->v.i = n->f->kind == KFK_KIND_BROKER_ID ? 1 + salt / 3 % 3
		    : n->f->kind == KFK_KIND_ERROR_CODE ? (salt / 9) * 3 : 1;
		break;
	}
}

static void
fill(struct kfk_tree *t, struct kfk_node *parent, uint16_t first, uint16_t count, unsigned salt)
{
	for (uint16_t i = first; i < first + count; i++) {
		const struct kfk_field *f = &t->schema->fields[i];
		struct kfk_node	       *n;

		if (!kfk_versions_has(f->in, t->version))
			continue;
		n = kfk_set_empty(t, parent, i);
		if (f->array)
			fill_value(t, kfk_add(t, n), salt);
		else
			fill_value(t, n, salt);
	}
}

static void
answer_with_foreign_things(struct stage *s, const struct api_def *d, int16_t version)
{
	for (unsigned salt = 0; salt < SALTS; salt++) {
		struct kfk_tree *t = stage_begin(s, d->key, version);
		enum api_result	 r;

		/* Own names in the request, so that as much as may be goes upstream. */
		fill(t, &t->root, 0, t->schema->top, 5);
		r = stage_send(s);
		if (r == API_CLOSE || r == API_WAIT)
			continue;
		if (r == API_FORWARD && !s->call.no_response) {
			alv_chain_clear(&s->call.out);
			t = stage_broker(s);
			fill(t, &t->root, 0, t->schema->top, salt);
			r = stage_reply(s);
			if (r == API_WAIT && s->call.wait == API_WAIT_LEARN)
				r = api_resume(&s->call);
		}
		/* What cannot be cleaned closes, what is answered is clean. */
		if (r == API_ANSWER && !s->call.no_response) {
			/* The request's own words may come back: they are the client's. */
			static char bytes[1 << 16];
			const char *const secrets[] = { "real1", "physical-cluster", "at real" };

			assert_true(s->call.out.n < sizeof(bytes) && alv_chain_peek(&s->call.out, 0, bytes, s->call.out.n));
			for (size_t i = 0; i < ALV_COUNT(secrets); i++)
				if (memmem(bytes, s->call.out.n, secrets[i], strlen(secrets[i])) != NULL)
					fail_msg("%s v%d salt %u: %s", api_name(d->key), version, salt, secrets[i]);
		}
	}
}

static void
nothing_foreign_leaves(void **state)
{
	(void)state;
	each_version(answer_with_foreign_things);
}

/* The same with a request that names nothing: then not even another's names may be in the answer. */
static void
answer_unasked(struct stage *s, const struct api_def *d, int16_t version)
{
	for (unsigned salt = 0; salt < SALTS; salt++) {
		struct kfk_tree *t = stage_begin(s, d->key, version);
		enum api_result	 r = stage_send(s);

		if (r != API_FORWARD || s->call.no_response)
			continue;
		alv_chain_clear(&s->call.out);
		t = stage_broker(s);
		fill(t, &t->root, 0, t->schema->top, salt);
		r = stage_reply(s);
		if (r == API_WAIT && s->call.wait == API_WAIT_LEARN)
			r = api_resume(&s->call);
		assert_true(r == API_ANSWER || r == API_CLOSE);
		if (r == API_ANSWER)
			stage_clean(s);
	}
}

static void
nothing_unasked_leaves(void **state)
{
	(void)state;
	each_version(answer_unasked);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_offered_closes),
		cmocka_unit_test(before_the_login_little_is_legal),
		cmocka_unit_test(tenants_that_are_not_served),
		cmocka_unit_test(a_tenant_may_go_while_it_waits),
		cmocka_unit_test(malformed_bodies_close),
		cmocka_unit_test(nothing_foreign_leaves),
		cmocka_unit_test(nothing_unasked_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
