/* Delegation tokens are answered as by a Kafka that has no secret key for them; what of whom may be asked for comes first. */
#include "group_stage.h"

#define Q(f) KFK_CREATE_DELEGATION_TOKEN_REQUEST_##f
#define R(f) KFK_CREATE_DELEGATION_TOKEN_RESPONSE_##f

static struct kfk_tree *
create(struct stage *s, int16_t version, const char *owner)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_CREATE_DELEGATION_TOKEN, version);

	if (version >= 3) {
		stage_str(q, Q(OWNER_PRINCIPAL_TYPE), owner == NULL ? NULL : "User");
		stage_str(q, Q(OWNER_PRINCIPAL_NAME), owner);
	}
	return stage_refused(s);
}

static void
creation(void **state)
{
	static const struct pol_rule denied[] = { STAGE_DENY(POL_USER, "User:carol", POL_OP_CREATE_TOKENS) };
	static const struct {
		const char *owner;
		int16_t	    code;
	} rows[] = { { NULL, KFK_DELEGATION_TOKEN_AUTH_DISABLED }, { "alice", KFK_DELEGATION_TOKEN_AUTH_DISABLED },
		{ "bob", KFK_DELEGATION_TOKEN_AUTH_DISABLED }, { "carol", KFK_DELEGATION_TOKEN_AUTHORIZATION_FAILED } };
	struct stage	 s;
	struct kfk_tree *r;

	(void)state;
	stage_open(&s, denied, ALV_COUNT(denied));
	for (int16_t v = 1; v <= 3; v++) {
		r = create(&s, v, NULL);
		assert_int_equal(stage_int(r, R(ERROR_CODE)), KFK_DELEGATION_TOKEN_AUTH_DISABLED);
		stage_text(kfk_get_str(r, &r->root, R(PRINCIPAL_NAME)), "alice");
	}
	for (size_t i = 0; i < ALV_COUNT(rows); i++) {
		r = create(&s, 3, rows[i].owner);
		assert_int_equal(stage_int(r, R(ERROR_CODE)), rows[i].code);
		assert_int_equal(s.call.error_code, rows[i].code);
		stage_text(kfk_get_str(r, &r->root, R(PRINCIPAL_NAME)), rows[i].owner == NULL ? "alice" : rows[i].owner);
		stage_text(kfk_get_str(r, &r->root, R(TOKEN_REQUESTER_PRINCIPAL_NAME)), "alice");
		stage_text(kfk_get_str(r, &r->root, R(TOKEN_ID)), "");
	}
	stage_close(&s);
}

static void
the_others(void **state)
{
	static const struct {
		int16_t	 key, hi;
		uint16_t error;
	} rows[] = {
		{ KFK_API_RENEW_DELEGATION_TOKEN, 2, KFK_RENEW_DELEGATION_TOKEN_RESPONSE_ERROR_CODE },
		{ KFK_API_EXPIRE_DELEGATION_TOKEN, 2, KFK_EXPIRE_DELEGATION_TOKEN_RESPONSE_ERROR_CODE },
		{ KFK_API_DESCRIBE_DELEGATION_TOKEN, 3, KFK_DESCRIBE_DELEGATION_TOKEN_RESPONSE_ERROR_CODE },
	};
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	for (size_t i = 0; i < ALV_COUNT(rows); i++)
		for (int16_t v = 1; v <= rows[i].hi; v++) {
			stage_begin(&s, rows[i].key, v);
			assert_int_equal(stage_int(stage_refused(&s), rows[i].error), KFK_DELEGATION_TOKEN_AUTH_DISABLED);
		}
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(creation), cmocka_unit_test(the_others) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
