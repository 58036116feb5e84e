/* The control thread with a cluster that is not there: what needs it is refused, everything else works. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <poll.h>
#include <unistd.h>
#include <cmocka.h>

#include <openssl/evp.h>

#include <alcove/authn.h>

#include "tests/unit/gateway/control/running.h"

static struct con_change
adopting(const char *id)
{
	struct con_change c = kit_change(CON_TENANT_CREATE, id);

	c.adopt_prefix = true;
	return c;
}

static void
create_without_a_cluster_is_refused(void **state)
{
	struct con_change c = running_do(*state, kit_change(CON_TENANT_CREATE, "acme"));

	assert_int_equal(c.err, ALV_E_UNAVAILABLE);
	assert_non_null(strstr(c.detail, "nothing was created"));
	assert_false(running_has_user(*state, "acme", NULL));
}

static void
users_need_no_cluster(void **state)
{
	struct running	 *r = *state;
	struct con_change c = running_do(r, adopting("acme"));
	uint8_t		  secret[32];

	assert_int_equal(c.err, ALV_OK);
	c = running_do(r, kit_user(CON_USER_PUT, "acme", "alice", "correct horse"));
	assert_int_equal(c.err, ALV_OK);
	assert_true(c.created);
	assert_string_equal(c.password, "");
	assert_true(running_has_user(r, "acme", "alice"));
	assert_true(r->published >= 2);
	memcpy(secret, con_fake_secret(r->control).p, 32);
	con_stop(r->control);
	pol_dir_free(r->dir);
	r->dir = pol_dir_new(r->qsbr);
	running_must_start(r);
	assert_true(running_has_user(r, "acme", "alice"));
	assert_memory_equal(secret, con_fake_secret(r->control).p, 32);
}

static void
ready_says_what_is_missing(void **state)
{
	struct running *r = *state;
	struct alv_buf	why;

	alv_buf_init(&why, 4096);
	assert_false(con_ready(r->control, &why));
	assert_true(why.n >= 36);
	assert_memory_equal(why.p, "the physical cluster is not reached", 35);
	assert_true(why.p[35] == '\n' || why.p[35] == ':');
	for (int i = 0; i < 500 && why.p[35] != ':'; i++) {
		why.n = 0;
		poll(NULL, 0, 10);
		assert_false(con_ready(r->control, &why));
	}
	assert_int_equal(why.p[35], ':');	/* and why */
	alv_buf_fini(&why);
}

static void
a_second_control_does_not_start(void **state)
{
	struct running *r = *state, other = *r;
	struct alv_buf	words;

	alv_buf_init(&words, 4096);
	assert_int_equal(running_start(&other, &words), ALV_E_CONFLICT);
	assert_null(other.control);
	assert_true(words.n > 0);
	alv_buf_fini(&words);
}

/* What Kafka's AlterUserScramCredentials sends is a salted password; its keys are made in the crypto pool, and are those of the
 * password itself. */
static void
keys_of_a_salted_password(void **state)
{
	struct running	      *r = *state;
	struct con_change      c = kit_change(CON_USER_CREDENTIALS, "acme"), done;
	struct pol_credential *x;
	struct pol_scram       want = { .salt_n = 16, .salt = "0123456789abcdef" };
	const struct pol_user *u;

	assert_int_equal(running_do(r, adopting("acme")).err, ALV_OK);
	assert_int_equal(aut_scram_make(POL_SCRAM_SHA_256, ALV_STR("pencil"), 4096, &want), ALV_OK);
	c.credentials = pol_credentials_new();
	x = pol_credentials_add(c.credentials);
	snprintf(x->user, sizeof(x->user), "bob");
	x->mechanism = POL_SCRAM_SHA_256;
	x->keys = (struct pol_scram){ .iterations = 4096, .salt_n = 16, .salt = "0123456789abcdef" };
	x->salted_set = true;
	assert_int_equal(PKCS5_PBKDF2_HMAC("pencil", 6, want.salt, 16, 4096, EVP_sha256(), 32, x->salted), 1);
	done = running_do(r, c);
	assert_int_equal(done.err, ALV_OK);
	alv_qsbr_quiet(r->qsbr, r->reader);
	u = pol_user_find(pol_slot_load(pol_dir_find(r->dir, ALV_STR("acme"))), ALV_STR("bob"));
	assert_non_null(u);
	assert_memory_equal(u->scram[POL_SCRAM_SHA_256].stored_key, want.stored_key, 32);
	assert_memory_equal(u->scram[POL_SCRAM_SHA_256].server_key, want.server_key, 32);
	alv_qsbr_idle(r->qsbr, r->reader);
	assert_false(c.credentials->item[0].salted_set);
	for (size_t i = 0; i < sizeof(x->salted); i++)
		assert_int_equal(c.credentials->item[0].salted[i], 0);	/* wiped */
	pol_credentials_free(c.credentials);
}

/* Passwords of many, one after the other in the pool, each with its own iterations. */
static void
keys_of_many_passwords(void **state)
{
	static const char *const names[] = { "alice-of-acme", "bob-of-acme", "carol-of-acme" };
	struct running	     *r = *state;
	struct con_change     c = kit_change(CON_USERS_ALTER, "acme"), done;

	assert_int_equal(running_do(r, adopting("acme")).err, ALV_OK);
	c.users = pol_user_list_new();
	for (size_t i = 0; i < ALV_COUNT(names); i++) {
		struct pol_user_item *x = pol_user_list_add(c.users);

		snprintf(x->name, sizeof(x->name), "%s", names[i]);
		x->password = strdup(names[i]);	/* her own name, but the length is right */
		x->iterations = i == 1 ? 4097 : 0;
	}
	done = running_do(r, c);
	assert_string_equal(done.detail, "");
	assert_int_equal(done.made, 3);
	assert_null(pol_user_list_password(c.users));
	alv_qsbr_quiet(r->qsbr, r->reader);
	for (size_t i = 0; i < ALV_COUNT(names); i++) {
		const struct pol_user  *u = pol_user_find(pol_slot_load(pol_dir_find(r->dir, ALV_STR("acme"))), alv_str_of(names[i]));
		const struct pol_scram *k = &u->scram[POL_SCRAM_SHA_512];
		struct pol_scram	want = *k;
		uint8_t			salted[64];

		assert_true(u->scram[POL_SCRAM_SHA_256].present && k->present && u->enabled);
		assert_true(i == 1 ? k->iterations == 4097 : k->iterations != 4097);
		assert_int_equal(PKCS5_PBKDF2_HMAC(names[i], (int)strlen(names[i]), k->salt, k->salt_n, (int)k->iterations, EVP_sha512(), 64, salted), 1);
		assert_int_equal(aut_scram_of_salted(POL_SCRAM_SHA_512, salted, &want), ALV_OK);
		assert_memory_equal(k->stored_key, want.stored_key, 64);
	}
	alv_qsbr_idle(r->qsbr, r->reader);
	pol_user_list_free(c.users);
}

/* Stopping answers everything, whether it was begun or not. */
static void
stop_answers_all(void **state)
{
	enum { N = 40 };
	struct running *r = *state;
	struct waiting *w[N];
	char		name[16];

	assert_int_equal(running_do(r, adopting("acme")).err, ALV_OK);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		w[i] = waiting_submit(r, kit_user(CON_USER_PUT, "acme", name, "correct horse"));
	}
	con_stop(r->control);
	r->control = NULL;
	for (int i = 0; i < N; i++) {
		struct con_change c = waiting_end(w[i], NULL);

		assert_true(c.err == ALV_OK || c.err == ALV_E_UNAVAILABLE);
		assert_int_equal(running_has_user(r, "acme", c.user), c.err == ALV_OK);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, running_setup, running_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(create_without_a_cluster_is_refused), T(users_need_no_cluster), T(ready_says_what_is_missing),
		T(a_second_control_does_not_start), T(stop_answers_all), T(keys_of_a_salted_password), T(keys_of_many_passwords),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
