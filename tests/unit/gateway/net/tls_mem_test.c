/* OpenSSL's record buffers are kept for the next record, by each thread its own, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/crypto.h>
#include <pthread.h>

#include "net/tls.h"

enum { RECORD = 16 * 1024 + 400, MANY = 16 };

static void
what_was_given_back_is_taken_again(void **state)
{
	void *p[MANY], *again[MANY];
	int   same = 0;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		p[i] = OPENSSL_malloc(RECORD + (size_t)i);
		assert_non_null(p[i]);
		memset(p[i], i, RECORD + (size_t)i);
	}
	for (int i = 0; i < MANY; i++)
		OPENSSL_free(p[i]);
	/* The last one first; whatever size is asked for, it fits. */
	for (int i = 0; i < MANY; i++) {
		again[i] = OPENSSL_malloc(RECORD + MANY - (size_t)i);
		for (int k = 0; k < 4; k++)
			same += i < 4 && again[i] == p[k];
		memset(again[i], i, RECORD + MANY - (size_t)i);
	}
	assert_int_equal(same, 4);
	for (int i = 0; i < MANY; i++)
		OPENSSL_free(again[i]);
}

static void
other_sizes_are_mallocs(void **state)
{
	static const size_t sizes[] = { 1, 100, 16 * 1024, 20 * 1024, 300 * 1024 };
	void		   *p;

	(void)state;
	assert_null(OPENSSL_malloc(0));
	OPENSSL_free(NULL);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		p = OPENSSL_zalloc(sizes[i]);
		assert_non_null(p);
		p = OPENSSL_realloc(p, sizes[i] + RECORD);
		memset(p, 1, sizes[i] + RECORD);
		OPENSSL_free(p);
	}
	p = OPENSSL_realloc(NULL, RECORD);
	assert_null(OPENSSL_realloc(p, 0));
}

/* What a thread has kept ends with it: the leak checker would tell. */
static void *
thread(void *arg)
{
	void *p[MANY];

	for (int i = 0; i < MANY; i++)
		p[i] = OPENSSL_malloc(RECORD);
	for (int i = 0; i < MANY; i++)
		OPENSSL_free(p[i]);
	return arg;
}

static void
a_thread_leaves_nothing(void **state)
{
	pthread_t t;

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_create(&t, NULL, thread, NULL), 0);
		assert_int_equal(pthread_join(t, NULL), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_given_back_is_taken_again),
		cmocka_unit_test(other_sizes_are_mallocs),
		cmocka_unit_test(a_thread_leaves_nothing),
	};

	net_tls_memory();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
