/* Accounts for logins: real ones from a snapshot, and fake ones that look the same each time they are asked for.
 * A fake key is HMAC(secret, what it is for): without the secret it cannot be told from a real one. Iterations and the form of a
 * salt are shown to whoever asks, and users that came from elsewhere have others than ours: so a fake has those of one of the
 * tenant's users. */
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

/* As Kafka's ScramFormatter.secureRandomString: 130 bits in base 36. */
static void
text_salt(struct pol_scram *k, uint8_t bits[static AUT_HASH_MAX])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	enum { BYTES = 17 };
	size_t at = sizeof(k->salt);

	bits[0] &= 3;	/* 130 bits */
	for (bool more = true; more && at > 0;) {
		unsigned rest = 0;

		more = false;
		for (size_t i = 0; i < BYTES; i++) {
			unsigned v = rest << 8 | bits[i];

			bits[i] = (uint8_t)(v / 36);
			rest = v % 36;
			more |= bits[i] != 0;
		}
		k->salt[--at] = (uint8_t)digits[rest];
	}
	k->salt_n = (uint8_t)(sizeof(k->salt) - at);
	memmove(k->salt, k->salt + at, k->salt_n);
	memset(k->salt + k->salt_n, 0, sizeof(k->salt) - k->salt_n);
}

static void
fake_keys(struct pol_scram *k, enum pol_mechanism m, const struct pol_shape *shape, struct alv_str secret, struct alv_str tenant,
    struct alv_str login)
{
	uint8_t salt[AUT_HASH_MAX];

	*k = (struct pol_scram){ .present = true, .iterations = shape->iterations[m], .salt_n = shape->salt_n[m] };
	fake_bytes(secret, "salt", m, tenant, login, salt);
	if (shape->salt_text[m])
		text_salt(k, salt);
	else
		memcpy(k->salt, salt, k->salt_n);
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

/* For a mechanism without keys: what a new password's would look like. */
static void
complete(struct pol_shape *shape, uint32_t iterations)
{
	for (int m = 0; m < POL_MECHANISMS; m++) {
		if (shape->iterations[m] != 0)
			continue;
		shape->iterations[m] = iterations;
		shape->salt_n[m] = AUT_SALT_BYTES;
	}
}

static void
make_fake(struct aut_account *a, const struct pol_shape *shape, struct alv_str secret, struct alv_str tenant, struct alv_str login,
    uint32_t iterations)
{
	struct pol_shape whole = *shape;

	memset(a, 0, sizeof(*a));
	complete(&whole, iterations);
	for (int m = 0; m < POL_MECHANISMS; m++) {
		fake_keys(&a->scram[m], (enum pol_mechanism)m, &whole, secret, tenant, login);
		a->fake[m] = true;
	}
	/* Whose shape this is would prove PLAIN's password by these. */
	a->plain = shape->iterations[POL_SCRAM_SHA_256] != 0 && shape->iterations[POL_SCRAM_SHA_512] == 0 ? POL_SCRAM_SHA_256 :
	    POL_SCRAM_SHA_512;
	copy_name(a->tenant, sizeof(a->tenant), tenant);
	copy_name(a->user, sizeof(a->user), login);
}

/* Which of the shapes of the tenant's users a name that is nobody's has: the same one for as long as there is such a user. */
static struct pol_shape
choose_shape(const struct pol_tenant *t, struct alv_str secret, struct alv_str tenant, struct alv_str login)
{
	struct pol_shape best = { .iterations = { 0 } };
	uint8_t		 own[AUT_HASH_MAX];
	uint64_t	 most = 0;

	fake_bytes(secret, "shape", POL_SCRAM_SHA_512, tenant, login, own);
	for (size_t i = 0; t != NULL && i < t->nshapes; i++) {
		uint64_t h = alv_hash(&t->shape[i], sizeof(t->shape[i]), alv_be64(own));

		if (i > 0 && h <= most)
			continue;
		most = h;
		best = t->shape[i];
	}
	return best;
}

void
aut_account_nobody(struct aut_account *a, const struct pol_tenant *like, struct alv_str tenant_id, struct alv_str name, struct alv_str secret,
    uint32_t iterations)
{
	struct pol_shape shape = choose_shape(like, secret, tenant_id, name);

	make_fake(a, &shape, secret, tenant_id, name, iterations);
}

void
aut_account_fill(struct aut_account *a, const struct pol_tenant *t, struct alv_str tenant_id, struct alv_str name,
    struct alv_str secret, uint32_t iterations)
{
	const struct pol_user *u = name.n >= sizeof(a->user) ? NULL : pol_user_find(t, name);
	struct pol_shape       shape = choose_shape(t, secret, tenant_id, name);

	if (u != NULL)
		shape = pol_shape_of(u);
	make_fake(a, &shape, secret, tenant_id, name, iterations);
	if (u == NULL)
		return;
	for (int m = 0; m < POL_MECHANISMS; m++) {
		if (u->scram[m].present) {
			a->scram[m] = u->scram[m];
			a->fake[m] = false;
		}
	}
	a->user_revision = u->revision;
	a->known = u->enabled && t->state == POL_ACTIVE;
}
