/* Accounts for logins: real ones from a snapshot, and fake ones that look the same each time they are asked for.
 * A fake key is HMAC(secret, what it is for): without the secret it cannot be told from a real one. */
#include <alcove/str.h>

#include <openssl/crypto.h>

#include "authn/scram.h"

/* Each part with its length in front, so that ("a", "bc") and ("ab", "c") differ. */
static void
add_part(struct alv_buf *b, struct alv_str s)
{
	alv_buf_be32(b, (uint32_t)s.n);
	alv_buf_str(b, s);
}

static void
fake_bytes(struct alv_str secret, const char *use, enum pol_mechanism m, struct alv_str tenant, struct alv_str login,
    uint8_t out[static AUT_HASH_MAX])
{
	struct alv_buf b;

	alv_buf_init(&b, AUT_TOKEN_MAX * 2);
	add_part(&b, alv_str_of(use));
	alv_buf_byte(&b, (uint8_t)m);
	add_part(&b, tenant);
	add_part(&b, login);
	/* Fixed bytes on failure are no danger: proofs against fake keys fail whatever they are. */
	if (b.err || aut_scram_hmac(POL_SCRAM_SHA_512, (const uint8_t *)secret.p, secret.n, b.p, b.n, out))
		memset(out, 0, AUT_HASH_MAX);
	alv_buf_fini(&b);
}

static void
fake_keys(struct pol_scram *k, enum pol_mechanism m, struct alv_str secret, struct alv_str tenant, struct alv_str login,
    uint32_t iterations)
{
	uint8_t salt[AUT_HASH_MAX];

	*k = (struct pol_scram){ .present = true, .iterations = iterations, .salt_n = AUT_SALT_BYTES };
	fake_bytes(secret, "salt", m, tenant, login, salt);
	memcpy(k->salt, salt, AUT_SALT_BYTES);
	fake_bytes(secret, "stored key", m, tenant, login, k->stored_key);
	fake_bytes(secret, "server key", m, tenant, login, k->server_key);
}

/* Cut to what fits: only for our log, as nobody gets in with a fake account. */
static void
copy_name(char *out, size_t cap, struct alv_str s)
{
	size_t n = s.n < cap - 1 ? s.n : cap - 1;

	if (n > 0)
		memcpy(out, s.p, n);
	out[n] = '\0';
}

void
aut_account_fake(struct aut_account *a, struct alv_str secret, struct alv_str tenant, struct alv_str login,
    uint32_t iterations)
{
	memset(a, 0, sizeof(*a));
	for (int m = 0; m < POL_MECHANISMS; m++) {
		fake_keys(&a->scram[m], (enum pol_mechanism)m, secret, tenant, login, iterations);
		a->fake[m] = true;
	}
	copy_name(a->tenant, sizeof(a->tenant), tenant);
	copy_name(a->user, sizeof(a->user), login);
}

void
aut_account_fill(struct aut_account *a, const struct pol_tenant *t, struct alv_str tenant_id, struct alv_str name,
    struct alv_str secret, uint32_t iterations)
{
	const struct pol_user *u = t == NULL || t->state != POL_ACTIVE ? NULL : pol_user_find(t, name);

	aut_account_fake(a, secret, tenant_id, name, iterations);
	if (u == NULL || !u->enabled || name.n >= sizeof(a->user))
		return;
	for (int m = 0; m < POL_MECHANISMS; m++) {
		if (u->scram[m].present) {
			a->scram[m] = u->scram[m];
			a->fake[m] = false;
		}
	}
	a->user_revision = u->revision;
	a->known = true;
}
