/* The fetcher: when it asks, by a clock that only the test moves; and the thread, with keys in files that change under it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/authn.h>
#include <alcove/clock.h>
#include <alcove/meter.h>
#include <alcove/str.h>

#include <time.h>
#include <unistd.h>

#include "authn/issuers.h"
#include "authn/jws.h"
#include "jwks/fetcher.h"
#include "jwks/target.h"

#define S 1000000ull

static const char one_key[] = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"a\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";
static const char two_keys[] = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"a\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},"
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"b\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

/* ---- when -------------------------------------------------------------------------------------------------- */

static void
how_often(void **state)
{
	static const uint64_t waits[] = { 3600, 1, 2, 4, 8, 16, 32, 60, 60, 60 };
	char		      file[] = "x";
	struct jwk_target     t = { .refresh_ms = 3600000 };

	(void)state;
	for (t.failures = 0; t.failures < ALV_COUNT(waits); t.failures++)
		assert_int_equal(jwk_target_due(&t, 5 * S), (5 + waits[t.failures]) * S);
	t.failures = 100000;
	assert_int_equal(jwk_target_due(&t, 5 * S), 65 * S);
	t.refresh_ms = 3000;	/* a failure makes it no rarer than it is anyway */
	assert_int_equal(jwk_target_due(&t, 5 * S), 8 * S);
	t.file = file;
	assert_int_equal(jwk_target_due(&t, 5 * S), 6 * S);
}

static void
wanted_keys_are_asked_for_soon_and_not_too_often(void **state)
{
	struct jwk_target t = { .refresh_ms = 3600000, .due_us = 3700 * S, .asked_us = 100 * S };

	(void)state;
	assert_int_equal(jwk_target_due_wanted(&t, 101 * S), 110 * S);
	assert_int_equal(jwk_target_due_wanted(&t, 110 * S), 110 * S);
	assert_int_equal(jwk_target_due_wanted(&t, 500 * S), 500 * S);
	assert_int_equal(jwk_target_due_wanted(&t, 3699 * S), 3699 * S);
	t.due_us = 105 * S;	/* never later than it is due anyway */
	assert_int_equal(jwk_target_due_wanted(&t, 101 * S), 105 * S);
	t.asked_us = 0;
	assert_int_equal(jwk_target_due_wanted(&t, 3 * S), 3 * S);
}

/* Somebody wants one while it is being asked: that is not forgotten when the answer comes, nor when the configuration is another one. */
static void
what_is_wanted_meanwhile_stays_wanted(void **state)
{
	char		  file[] = "x";
	struct jwk_target t = { .refresh_ms = 3600000, .wanted = true };

	(void)state;
	assert_int_equal(jwk_target_due(&t, 100 * S), 110 * S);
	t.refresh_ms = 3000;
	assert_int_equal(jwk_target_due(&t, 100 * S), 103 * S);
	t.refresh_ms = 3600000;
	t.failures = 2;
	assert_int_equal(jwk_target_due(&t, 100 * S), 102 * S);
	t.failures = 9;
	assert_int_equal(jwk_target_due(&t, 100 * S), 110 * S);
	t.file = file;
	assert_int_equal(jwk_target_due(&t, 100 * S), 101 * S);
}

/* ---- the thread --------------------------------------------------------------------------------------------- */

struct world {
	char		    path[64];
	struct pol_issuer   conf[2];
	struct pol_oauth    oauth;
	struct aut_oauth   *o;
	struct jwk_fetcher *f;
};

static void
write_file(const char *path, const char *text)
{
	char  aside[80];
	FILE *f;

	snprintf(aside, sizeof(aside), "%s.new", path);
	f = fopen(aside, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(rename(aside, path), 0);
}

static void
begin(struct world *w, const char *text)
{
	int fd;

	memset(w, 0, sizeof(*w));
	snprintf(w->path, sizeof(w->path), "/tmp/alcove-jwks.XXXXXX");
	fd = mkstemp(w->path);
	assert_true(fd >= 0);
	close(fd);
	write_file(w->path, text);
	w->conf[0] = (struct pol_issuer){ .name = "one", .issuer = "https://one.test", .jwks_url = w->path, .jwks_file = w->path,
		.refresh_ms = 3600000, .stale_ms = 86400000 };
	w->conf[1] = (struct pol_issuer){ .name = "two", .issuer = "https://two.test", .jwks_url = "x", .jwks_file = "/nowhere/keys.json",
		.refresh_ms = 3600000, .stale_ms = 86400000 };
	w->oauth = (struct pol_oauth){ 1, w->conf };
	w->o = aut_oauth_new();
	w->f = jwk_fetcher_new(w->o);
	assert_non_null(w->f);
	assert_int_equal(jwk_fetcher_configure(w->f, &w->oauth), ALV_OK);
	jwk_fetcher_settle(w->f, 20000);
}

static void
end(struct world *w)
{
	jwk_fetcher_free(w->f);
	assert_null(aut_oauth_get(w->o));
	aut_oauth_free(w->o);
	unlink(w->path);
}

/* Keys of the i-th current issuer. */
static size_t
keys_of(struct world *w, size_t i)
{
	struct aut_issuers *all = aut_oauth_get(w->o);
	struct aut_keys	   *k;
	uint64_t	    asked;
	size_t		    n;

	assert_non_null(all);
	assert_true(i < all->n);
	k = aut_source_keys(all->at[i].source, &asked);
	n = aut_keys_count(k);
	aut_keys_put(k);
	aut_issuers_put(all);
	return n;
}

static void
until_keys(struct world *w, size_t want)
{
	uint64_t end_us = alv_mono_us() + 20 * S;

	while (keys_of(w, 0) != want && alv_mono_us() < end_us)
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	assert_int_equal(keys_of(w, 0), want);
}

static void
a_file_that_changes(void **state)
{
	struct world w;

	(void)state;
	begin(&w, one_key);
	assert_int_equal(keys_of(&w, 0), 1);	/* once it has settled they are there */
	write_file(w.path, two_keys);
	until_keys(&w, 2);
	write_file(w.path, "{\"keys\":");	/* what is none changes nothing */
	assert_int_equal(keys_of(&w, 0), 2);
	write_file(w.path, one_key);
	until_keys(&w, 1);
	end(&w);
}

struct seen {
	size_t	 n;
	uint64_t keys, failed;
};

static void
look(void *arg, const struct met_issuer *i)
{
	struct seen *s = arg;

	s->n++;
	s->keys += i->keys;
	s->failed += i->failed;
}

static void
until_failed(void)
{
	uint64_t    end_us = alv_mono_us() + 20 * S;
	struct seen s = { 0 };

	while (s.failed == 0 && alv_mono_us() < end_us) {
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
		s = (struct seen){ 0 };
		met_issuers_each(look, &s);
	}
	assert_int_equal(s.failed, 1);
}

/* What cannot be had any more is used for a while, and no longer; then it can come back. */
static void
the_last_keys_get_too_old(void **state)
{
	struct world w;

	(void)state;
	begin(&w, one_key);
	unlink(w.path);
	until_failed();
	assert_int_equal(keys_of(&w, 0), 1);
	w.conf[0].stale_ms = 1;
	assert_int_equal(jwk_fetcher_configure(w.f, &w.oauth), ALV_OK);
	until_keys(&w, 0);
	write_file(w.path, one_key);
	until_keys(&w, 1);
	end(&w);
}

static void
keys_stay_with_their_issuer(void **state)
{
	struct aut_issuers *before, *after;
	struct world	    w;

	(void)state;
	begin(&w, one_key);
	before = aut_oauth_get(w.o);
	w.oauth.nissuers = 2;
	assert_int_equal(jwk_fetcher_configure(w.f, &w.oauth), ALV_OK);
	after = aut_oauth_get(w.o);
	assert_ptr_not_equal(before, after);
	assert_ptr_equal(before->at[0].source, after->at[0].source);
	assert_int_equal(keys_of(&w, 0), 1);	/* without being asked again */
	jwk_fetcher_settle(w.f, 20000);
	assert_int_equal(keys_of(&w, 1), 0);
	aut_source_want(after->at[1].source);	/* of a file nobody asks twice */
	aut_issuers_put(before);
	aut_issuers_put(after);
	/* Elsewhere is another one. */
	w.oauth.nissuers = 1;
	w.conf[0].jwks_file = "/nowhere/else.json";
	assert_int_equal(jwk_fetcher_configure(w.f, &w.oauth), ALV_OK);
	assert_int_equal(keys_of(&w, 0), 0);
	w.oauth.nissuers = 0;
	assert_int_equal(jwk_fetcher_configure(w.f, &w.oauth), ALV_OK);
	jwk_fetcher_settle(w.f, 20000);
	end(&w);
}

/* ---- who waits ---------------------------------------------------------------------------------------------------- */

struct waiter {
	struct aut_wait wait;
	atomic_bool	done;
};

static void
on_done(struct aut_wait *x)
{
	atomic_store(&ALV_HOLDER(x, struct waiter, wait)->done, true);
}

static bool
until_done(struct waiter *x)
{
	uint64_t end_us = alv_mono_us() + 20 * S;

	while (!atomic_load(&x->done) && alv_mono_us() < end_us)
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	return atomic_load(&x->done);
}

/* Until it was asked, whatever came of that; or until nobody will ask it. */
static void
a_wait_ends(void **state)
{
	struct waiter	    a = { .wait.done = on_done }, b = { .wait.done = on_done };
	struct aut_issuers *all;
	struct aut_source  *s;
	struct world	    w;
	uint64_t	    asked;

	(void)state;
	begin(&w, one_key);
	all = aut_oauth_get(w.o);
	s = aut_source_ref(all->at[0].source);
	aut_issuers_put(all);
	aut_keys_put(aut_source_keys(s, &asked));
	assert_true(aut_source_wait(s, &a.wait, asked));
	assert_true(until_done(&a));
	aut_keys_put(aut_source_keys(s, &asked));
	assert_true(aut_source_wait(s, &b.wait, asked));
	w.oauth.nissuers = 0;
	assert_int_equal(jwk_fetcher_configure(w.f, &w.oauth), ALV_OK);
	assert_true(until_done(&b));
	atomic_store(&b.done, false);
	aut_keys_put(aut_source_keys(s, &asked));
	assert_false(aut_source_wait(s, &b.wait, asked));
	assert_false(atomic_load(&b.done));
	end(&w);
	aut_source_put(s);
}

static void
metrics(void **state)
{
	struct seen  s = { 0 };
	struct world w;

	(void)state;
	begin(&w, two_keys);
	w.oauth.nissuers = 2;
	assert_int_equal(jwk_fetcher_configure(w.f, &w.oauth), ALV_OK);
	jwk_fetcher_settle(w.f, 20000);
	met_issuers_each(look, &s);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.keys, 2);
	assert_int_equal(s.failed, 1);
	end(&w);
	s = (struct seen){ 0 };
	met_issuers_each(look, &s);
	assert_int_equal(s.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(how_often),
		cmocka_unit_test(wanted_keys_are_asked_for_soon_and_not_too_often),
		cmocka_unit_test(what_is_wanted_meanwhile_stays_wanted),
		cmocka_unit_test(a_file_that_changes),
		cmocka_unit_test(the_last_keys_get_too_old),
		cmocka_unit_test(keys_stay_with_their_issuer),
		cmocka_unit_test(a_wait_ends),
		cmocka_unit_test(metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
