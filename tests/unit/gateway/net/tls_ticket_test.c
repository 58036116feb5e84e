/* Keys of session tickets: which opens what, and until when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/tls_int.h"

#include <openssl/evp.h>

#define HOUR_US (3600ull * 1000 * 1000)

static uint64_t now_us;

static uint64_t
clock_us(void)
{
	return now_us;
}

struct ticket {
	uint8_t name[16], iv[16], text[32], sealed[32];
};

/* As OpenSSL does it; returns what net_tickets_key said. */
static int
use(struct net_tickets *t, struct ticket *x, bool seal, uint8_t out[static 32])
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	EVP_MAC	       *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX    *m = EVP_MAC_CTX_new(hmac);
	int		r = net_tickets_key(t, x->name, x->iv, c, m, seal), n = 0;

	memset(out, 0, 32);
	if (r > 0) {
		EVP_CIPHER_CTX_set_padding(c, 0);
		assert_int_equal(EVP_CipherUpdate(c, out, &n, seal ? x->text : x->sealed, 32), 1);
		assert_int_equal(n, 32);
		assert_int_equal(EVP_MAC_init(m, NULL, 0, NULL), 1);	/* a key and a digest were set */
	}
	EVP_CIPHER_CTX_free(c);
	EVP_MAC_CTX_free(m);
	EVP_MAC_free(hmac);
	return r;
}

static void
seal(struct net_tickets *t, struct ticket *x)
{
	*x = (struct ticket){ .text = "a session of somebody, 32 bytes" };
	assert_int_equal(use(t, x, true, x->sealed), 1);
	assert_memory_not_equal(x->sealed, x->text, 32);
}

/* 0: a full handshake; 1: taken up; 2: taken up, and a new ticket is due. */
static int
opens(struct net_tickets *t, struct ticket *x)
{
	uint8_t out[32];
	int	r = use(t, x, false, out);

	if (r > 0)
		assert_memory_equal(out, x->text, 32);
	return r;
}

static void
test_rotation(void **state)
{
	struct net_tickets *t;
	struct ticket	    first, second;

	(void)state;
	now_us = 5 * HOUR_US;
	t = net_tickets_new(clock_us);
	assert_non_null(t);
	seal(t, &first);
	assert_int_equal(opens(t, &first), 1);
	now_us += 12 * HOUR_US - 1;
	assert_int_equal(opens(t, &first), 1);
	now_us += 1;
	assert_int_equal(opens(t, &first), 2);
	seal(t, &second);
	assert_memory_not_equal(first.name, second.name, 16);
	now_us += 12 * HOUR_US - 1;
	assert_int_equal(opens(t, &first), 2);
	assert_int_equal(opens(t, &second), 1);
	now_us += 1;
	assert_int_equal(opens(t, &first), 0);
	assert_int_equal(opens(t, &second), 2);
	net_tickets_free(t);
}

/* Nobody came for a day: what would be the key before is too old by then. */
static void
test_rotation_after_silence(void **state)
{
	struct net_tickets *t;
	struct ticket	    x;

	(void)state;
	now_us = 0;
	t = net_tickets_new(clock_us);
	seal(t, &x);
	now_us = 24 * HOUR_US;
	assert_int_equal(opens(t, &x), 0);
	seal(t, &x);
	assert_int_equal(opens(t, &x), 1);
	net_tickets_free(t);
}

static void
test_of_another(void **state)
{
	struct net_tickets *a = net_tickets_new(clock_us), *b = net_tickets_new(clock_us);
	struct ticket	    x;

	(void)state;
	seal(a, &x);
	assert_int_equal(opens(b, &x), 0);
	x.name[3] ^= 1;
	assert_int_equal(opens(a, &x), 0);
	net_tickets_free(a);
	net_tickets_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_rotation_after_silence),
		cmocka_unit_test(test_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
