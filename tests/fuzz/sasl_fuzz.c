/* Any bytes as SASL tokens: the first byte says which side and mechanism, tokens end with 0x01. What must hold: no
 * crash, nobody who is not known gets in, a server that failed says nothing, a client never believes a broker that
 * cannot know the keys. */
#include <alcove/authn.h>
#include <alcove/str.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(e) \
	do { \
		if (!(e)) \
			__builtin_trap(); \
	} while (0)

static void
look(void *arg, struct alv_str login, struct aut_account *a)
{
	(void)arg;
	MUST(alv_str_utf8(login));
	aut_account_nobody(a, NULL, ALV_STR("acme"), login, ALV_STR("secret"), 4096);
}

static struct alv_str
next_token(const uint8_t **p, const uint8_t *end)
{
	const uint8_t *stop = memchr(*p, 1, (size_t)(end - *p));
	struct alv_str t = alv_str_make(*p, (size_t)((stop == NULL ? end : stop) - *p));

	*p = stop == NULL ? end : stop + 1;
	return t;
}

static void
server(enum aut_mechanism m, const uint8_t *p, const uint8_t *end, struct alv_arena *a)
{
	struct aut_server s;
	struct alv_str	  out;
	enum aut_step	  r = AUT_CONTINUE;

	aut_server_init(&s, m, look, NULL);
	memset(s.nonce, 'N', 24);	/* so that a corpus can get past it */
	while (r == AUT_CONTINUE && p < end) {
		r = aut_server_token(&s, next_token(&p, end), a, &out);
		MUST(r != AUT_OK);
		MUST(r != AUT_FAIL || (out.n == 0 && s.reason[0] != '\0'));
	}
	aut_server_fini(&s);
}

static void
client(enum aut_mechanism m, const uint8_t *p, const uint8_t *end, struct alv_arena *a)
{
	struct aut_client c;
	struct alv_str	  out;
	enum aut_step	  r;

	aut_client_init(&c, m, ALV_STR("user"), ALV_STR("password"));
	memset(c.nonce, 'N', 24);
	r = aut_client_token(&c, ALV_STR_NULL, a, &out);
	while (r == AUT_CONTINUE && p < end) {
		r = aut_client_token(&c, next_token(&p, end), a, &out);
		MUST(r != AUT_OK || m == AUT_PLAIN);
		if (r == AUT_WORK)	/* PBKDF2 is too slow here; any salted password will do */
			r = aut_client_resume(&c, a, &out);
	}
	aut_client_fini(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct alv_arena a;

	if (n < 1)
		return 0;
	alv_arena_init(&a, 1 << 20);
	if (data[0] & 1)
		client((enum aut_mechanism)(data[0] / 2 % AUT_BY_PASSWORD), data + 1, data + n, &a);
	else
		server((enum aut_mechanism)(data[0] / 2 % AUT_BY_PASSWORD), data + 1, data + n, &a);
	alv_arena_fini(&a);
	return 0;
}
