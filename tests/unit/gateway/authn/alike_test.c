/* Somebody and nobody: the same cryptographic operations, over as many bytes, in the same order, and the same answers. Counted, not
 * timed: OpenSSL's functions are wrapped by this program's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <alcove/base64.h>
#include "authn/scram.h"

/* ---- what was done ------------------------------------------------------------------------------------------- */

static char   done[4096];
static size_t done_n;
static bool   counting;

static void
did(const char *what, const EVP_MD *md, size_t key_n, size_t n)
{
	if (!counting)
		return;
	done_n += (size_t)snprintf(done + done_n, sizeof(done) - done_n, "%s %d %zu %zu\n", what, EVP_MD_get_size(md), key_n, n);
	assert_true(done_n < sizeof(done));
}

static void *
real(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	assert_non_null(f);
	return f;
}

int
PKCS5_PBKDF2_HMAC(const char *pass, int passlen, const unsigned char *salt, int saltlen, int iter, const EVP_MD *digest, int keylen,
    unsigned char *out)
{
	int (*f)(const char *, int, const unsigned char *, int, int, const EVP_MD *, int, unsigned char *) =
	    (int (*)(const char *, int, const unsigned char *, int, int, const EVP_MD *, int, unsigned char *))real("PKCS5_PBKDF2_HMAC");

	did("pbkdf2", digest, (size_t)saltlen, (size_t)iter);
	return f(pass, passlen, salt, saltlen, iter, digest, keylen, out);
}

unsigned char *
HMAC(const EVP_MD *md, const void *key, int key_len, const unsigned char *data, size_t n, unsigned char *out, unsigned int *len)
{
	unsigned char *(*f)(const EVP_MD *, const void *, int, const unsigned char *, size_t, unsigned char *, unsigned int *) =
	    (unsigned char *(*)(const EVP_MD *, const void *, int, const unsigned char *, size_t, unsigned char *, unsigned int *))real("HMAC");

	did("hmac", md, (size_t)key_len, n);
	return f(md, key, key_len, data, n, out, len);
}

int
EVP_Digest(const void *data, size_t n, unsigned char *md, unsigned int *size, const EVP_MD *type, ENGINE *impl)
{
	int (*f)(const void *, size_t, unsigned char *, unsigned int *, const EVP_MD *, ENGINE *) =
	    (int (*)(const void *, size_t, unsigned char *, unsigned int *, const EVP_MD *, ENGINE *))real("EVP_Digest");

	did("digest", type, 0, n);
	return f(data, n, md, size, type, impl);
}

/* ---- who there is ---------------------------------------------------------------------------------------------- */

enum { ALICE, BOB, CAROL, OFF, USERS };
static struct pol_user	  users[USERS];
static struct pol_tenant *acme, *sleepy, *mixed;

static void
keys(struct pol_user *u, enum pol_mechanism m, uint32_t iterations, const char *salt)
{
	struct pol_scram k = { .salt_n = (uint8_t)strlen(salt) };

	memcpy(k.salt, salt, k.salt_n);
	assert_int_equal(aut_scram_make(m, ALV_STR("a password"), iterations, &k), ALV_OK);
	u->scram[m] = k;
}

static struct pol_tenant *
tenant(enum pol_tenant_state state, size_t n)
{
	struct pol_parts p = { .id = ALV_STR("acme"), .state = state, .cluster_id = "x", .users = users, .nusers = n };
	struct pol_tenant *t = pol_build(&p);

	assert_non_null(t);
	return t;
}

/* Names are of one length: they are in what is signed. */
static int
set_up(void **state)
{
	static const char *const names[USERS] = { "user-alice", "user-bobby", "user-carol", "user-is-of" };

	(void)state;
	for (int i = 0; i < USERS; i++)
		users[i] = (struct pol_user){ .name = alv_str_of(names[i]), .enabled = true, .revision = 1 };
	for (int m = 0; m < POL_MECHANISMS; m++) {
		keys(&users[ALICE], (enum pol_mechanism)m, 4096, "0123456789ABCDEFGHIJKLMN");
		keys(&users[OFF], (enum pol_mechanism)m, 4096, "ABCDEFGHIJKLMNOPQRSTUVWX");
	}
	keys(&users[BOB], POL_SCRAM_SHA_256, 6000, "1c06tk0shmswkqqdpzbzwkvo1k");	/* from Kafka, and only this */
	keys(&users[CAROL], POL_SCRAM_SHA_512, 5000, "0123456789012345678901234567890123456789012345678901234567890123");
	acme = tenant(POL_ACTIVE, 1);
	sleepy = tenant(POL_SUSPENDED, 1);
	users[OFF].enabled = false;
	mixed = tenant(POL_ACTIVE, USERS);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pol_tenant_free(acme);
	pol_tenant_free(sleepy);
	pol_tenant_free(mixed);
	return 0;
}

/* ---- a login that fails ------------------------------------------------------------------------------------------ */

struct who {
	const struct pol_tenant *t;
	const char		*name;
};

static void
look(void *arg, struct alv_str login, struct aut_account *a)
{
	const struct who *w = arg;

	if (w->t == NULL)
		aut_account_nobody(a, acme, ALV_STR("acme"), login, ALV_STR("process secret"), 9999);
	else
		aut_account_fill(a, w->t, ALV_STR("acme"), login, ALV_STR("process secret"), 9999);
}

static void
say(struct aut_server *s, struct alv_arena *a, const char *text, size_t n, enum aut_step want, struct alv_str *out)
{
	assert_int_equal(aut_server_token(s, alv_str_make(text, n), a, out), want);
}

/* What was done, and what was answered less nonces and salts. */
static void
login(const struct who *w, enum aut_mechanism m, char out[static 8192])
{
	struct aut_server s;
	struct alv_arena  a;
	struct alv_str	  answer;
	char		  text[1024], first[512] = "";
	int		  n;

	alv_arena_init(&a, 65536);
	done_n = 0;
	counting = true;
	aut_server_init(&s, m, look, (void *)(uintptr_t)w);
	if (m == AUT_PLAIN) {
		n = snprintf(text, sizeof(text), "%c%s%cwrong pw", 0, w->name, 0);
		say(&s, &a, text, (size_t)n, AUT_WORK, &answer);
		aut_server_work(&s);
		assert_int_equal(aut_server_resume(&s, &a, &answer), AUT_FAIL);
	} else {
		static const uint8_t proof[64] = { 1 };
		char		     proof_text[ALV_BASE64_LEN(64) + 1];

		n = snprintf(text, sizeof(text), "n,,n=%s,r=clientnonce", w->name);
		say(&s, &a, text, (size_t)n, AUT_CONTINUE, &answer);
		n = snprintf(first, sizeof(first), "%.*s", (int)answer.n, answer.p);
		memset(strstr(first, "r=clientnonce") + 13, '*', AUT_NONCE_CHARS);
		for (char *p = strstr(first, ",s=") + 3; *p != ','; p++)
			*p = '*';
		alv_base64_encode(proof, m == AUT_SCRAM_SHA_256 ? 32 : 64, proof_text);
		n = snprintf(text, sizeof(text), "c=biws,r=%s,p=%s", s.nonce, proof_text);
		say(&s, &a, text, (size_t)n, AUT_FAIL, &answer);
	}
	assert_int_equal(answer.n, 0);
	snprintf(out, 8192, "%s\n%s", first, done);
	counting = false;
	aut_server_fini(&s);
	alv_arena_fini(&a);
}

static void
the_same_for_everybody_who_fails(void **state)
{
	const struct who who[] = { { acme, "user-alice" }, { acme, "user-nobod" }, { sleepy, "user-alice" }, { sleepy, "user-nobod" },
		{ NULL, "user-alice" } };
	static char	 want[8192], got[8192];

	(void)state;
	for (int m = 0; m < AUT_BY_PASSWORD; m++) {
		login(&who[0], (enum aut_mechanism)m, want);
		assert_non_null(strstr(want, m == AUT_PLAIN ? "pbkdf2 64 24 4096\n" : "i=4096"));
		for (size_t i = 1; i < ALV_COUNT(who); i++) {
			login(&who[i], (enum aut_mechanism)m, got);
			assert_string_equal(got, want);
		}
	}
}

/* Where users have keys of different forms, a name that is nobody's looks like one of them, by all mechanisms. */
static void
nobody_looks_like_somebody(void **state)
{
	static char real_ones[3][3][8192], got[3][8192];
	bool	    like[3] = { false };

	(void)state;
	for (int u = 0; u < 3; u++)
		for (int m = 0; m < 3; m++)
			login(&(struct who){ mixed, users[u].name.p }, (enum aut_mechanism)m, real_ones[u][m]);
	assert_string_not_equal(real_ones[ALICE][AUT_SCRAM_SHA_256], real_ones[BOB][AUT_SCRAM_SHA_256]);
	assert_non_null(strstr(real_ones[BOB][AUT_PLAIN], "pbkdf2 32 26 6000\n"));
	for (int i = 0; i < 64; i++) {
		char name[16];
		int  u = 0;

		snprintf(name, sizeof(name), i == 63 ? "user-is-of" : "user-nob%02d", i);
		for (int m = 0; m < 3; m++)
			login(&(struct who){ mixed, name }, (enum aut_mechanism)m, got[m]);
		/* Kafka's salts have 26 digits at most. */
		for (int m = 0; m < 3; m++) {
			char *p = strstr(got[m], "pbkdf2 32 2");

			if (p != NULL)
				p[11] = '6';
		}
		while (u < 3 && strcmp(got[AUT_SCRAM_SHA_512], real_ones[u][AUT_SCRAM_SHA_512]) != 0)
			u++;
		if (u == 3)
			fail_msg("%s is like nobody: %s", name, got[AUT_SCRAM_SHA_512]);
		if (u == ALICE && strcmp(got[AUT_SCRAM_SHA_256], real_ones[u][AUT_SCRAM_SHA_256]) != 0)
			u = BOB;	/* asked for SHA-512 those two are alike, but for the salt's length */
		assert_string_equal(got[AUT_PLAIN], real_ones[u][AUT_PLAIN]);
		like[u] = true;
	}
	assert_true(like[ALICE] && like[BOB] && like[CAROL]);
}

/* ... and the salts of those that look like Kafka's are such. */
static void
made_up_salts_of_kafkas_form(void **state)
{
	struct pol_tenant *t;
	struct pol_parts   p = { .id = ALV_STR("acme"), .state = POL_ACTIVE, .cluster_id = "x", .users = &users[BOB], .nusers = 1 };
	bool		   digits[2] = { false };

	(void)state;
	t = pol_build(&p);
	assert_non_null(t);
	for (int i = 0; i < 200; i++) {
		struct aut_account a;
		char		   name[24];
		const struct pol_scram *k = &a.scram[POL_SCRAM_SHA_256];

		snprintf(name, sizeof(name), "nobody%d", i);
		aut_account_fill(&a, t, ALV_STR("acme"), alv_str_of(name), ALV_STR("s"), 8192);
		assert_int_equal(k->iterations, 6000);
		assert_in_range(k->salt_n, 22, 26);
		for (int j = 0; j < k->salt_n; j++)
			assert_true((k->salt[j] >= '0' && k->salt[j] <= '9') || (k->salt[j] >= 'a' && k->salt[j] <= 'z'));
		assert_int_not_equal(k->salt[0], '0');
		if (k->salt_n == 26)
			assert_int_equal(k->salt[0], '1');	/* 2^130 is 1.7 * 36^25 */
		digits[k->salt_n == 26] = true;
		assert_int_equal(a.scram[POL_SCRAM_SHA_512].iterations, 8192);
		assert_int_equal(a.scram[POL_SCRAM_SHA_512].salt_n, AUT_SALT_BYTES);
	}
	assert_true(digits[0] && digits[1]);
	pol_tenant_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_for_everybody_who_fails),
		cmocka_unit_test(nobody_looks_like_somebody),
		cmocka_unit_test(made_up_salts_of_kafkas_form),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
