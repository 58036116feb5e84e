/* One issuer's keys: made, asked for, and when again. */
#include "jwks/target.h"

#include <alcove/str.h>

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define MS 1000ull
enum { CONNECT_MS = 2000, ALL_MS = 5000, FILE_MS = 1000, BACK_OFF_MS = 1000, BACK_OFF_MAX_MS = 60000, WANTED_MS = 10000 };

static bool
copy_text(char **to, const char *from)
{
	*to = from == NULL ? NULL : strdup(from);
	return from == NULL || *to != NULL;
}

static bool
copy_where(struct jwk_target *t, const struct pol_issuer *i)
{
	if (i->nallowed > 0) {
		t->allowed = malloc(i->nallowed * sizeof(*t->allowed));
		if (t->allowed == NULL)
			return false;
		memcpy(t->allowed, i->allowed, i->nallowed * sizeof(*t->allowed));
		t->nallowed = i->nallowed;
	}
	return copy_text(&t->url, i->jwks_url) && copy_text(&t->file, i->jwks_file) && copy_text(&t->ca_file, i->ca_file);
}

struct jwk_target *
jwk_target_new(struct jwk_fetcher *f, const struct pol_issuer *i, void (*wanted)(void *arg))
{
	struct jwk_target *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->fetcher = f;
	snprintf(t->name, sizeof(t->name), "%s", i->name);
	t->source = aut_source_new(wanted, t);
	if (t->source == NULL || !copy_where(t, i)) {
		jwk_target_free(t);
		return NULL;
	}
	return t;
}

void
jwk_target_free(struct jwk_target *t)
{
	if (t == NULL)
		return;
	if (t->source != NULL)
		aut_source_mute(t->source);
	aut_source_put(t->source);
	free(t->url);
	free(t->file);
	free(t->ca_file);
	free(t->allowed);
	free(t);
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
jwk_target_is(const struct jwk_target *t, const struct pol_issuer *i)
{
	bool same = t->nallowed == i->nallowed;

	for (size_t k = 0; same && k < t->nallowed; k++)
		same = alv_cidr_cmp(&t->allowed[k], &i->allowed[k]) == 0;
	return same && strcmp(t->name, i->name) == 0 && same_text(t->url, i->jwks_url) && same_text(t->file, i->jwks_file) &&
	    same_text(t->ca_file, i->ca_file);
}

/* ---- asking -------------------------------------------------------------------------------------------- */

static bool
get(const struct jwk_target *t, const atomic_bool *stop, struct alv_buf *out, char why[static JWK_WHY])
{
	struct jwk_ask a = { .url = t->url, .ca_file = t->ca_file, .allowed = t->allowed, .nallowed = t->nallowed,
		.connect_ms = CONNECT_MS, .all_ms = ALL_MS, .stop = stop };

	return t->file != NULL ? jwk_read(t->file, out, why) : jwk_fetch(&a, out, why);
}

bool
jwk_target_ask(struct jwk_target *t, const atomic_bool *stop, bool *news, size_t *keys, char why[static JWK_WHY])
{
	struct aut_keys *k = NULL;
	struct alv_buf	 b;
	uint8_t		 print[32];
	const char	*wrong = NULL;
	bool		 good = get(t, stop, &b, why);

	*news = false;
	if (good && (EVP_Digest(b.p, b.n, print, NULL, EVP_sha256(), NULL) != 1 || memcmp(print, t->print, sizeof(print)) != 0)) {
		good = aut_keys_parse(alv_str_make(b.p, b.n), &k, &wrong) == ALV_OK;
		if (good) {
			*news = true;
			*keys = aut_keys_count(k);
			memcpy(t->print, print, sizeof(print));
			aut_source_set(t->source, k);
		} else {
			snprintf(why, JWK_WHY, "found %s, expected a JWKS", wrong);
		}
	}
	alv_buf_fini(&b);
	return good;
}

/* ---- when ------------------------------------------------------------------------------------------------ */

/* Later with each failure, but never rarer than it is anyway. */
static uint64_t
back_off_ms(const struct jwk_target *t)
{
	uint64_t wait = BACK_OFF_MS;

	for (unsigned i = 1; i < t->failures && wait < BACK_OFF_MAX_MS; i++)
		wait *= 2;
	wait = wait > BACK_OFF_MAX_MS ? BACK_OFF_MAX_MS : wait;
	return wait > t->refresh_ms ? t->refresh_ms : wait;
}

uint64_t
jwk_target_due(const struct jwk_target *t, uint64_t now)
{
	uint64_t wait = t->failures == 0 ? t->refresh_ms : back_off_ms(t);

	if (t->file != NULL)
		wait = FILE_MS;
	else if (t->wanted && wait > WANTED_MS)
		wait = WANTED_MS;
	return now + wait * MS;
}

uint64_t
jwk_target_due_wanted(const struct jwk_target *t, uint64_t now)
{
	uint64_t soon = t->asked_us == 0 ? now : t->asked_us + WANTED_MS * MS;

	soon = soon < now ? now : soon;
	return soon < t->due_us ? soon : t->due_us;
}
