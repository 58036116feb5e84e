/* The keys of an issuer, and the place where the newest are found. */
#include <alcove/authn.h>
#include <alcove/check.h>
#include <alcove/str.h>

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "authn/jws.h"

/* ---- a set ------------------------------------------------------------------------------------------ */

struct aut_keys {
	atomic_uint    refs;
	size_t	       n;
	struct aut_key at[AUT_KEYS_MAX];
};

/* NULL is allowed. */
static struct aut_keys *
take_ref(struct aut_keys *k)
{
	if (k != NULL)
		atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
	return k;
}

void
aut_keys_put(struct aut_keys *k)
{
	if (k == NULL || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < k->n; i++)
		aut_jwk_fini(&k->at[i]);
	free(k);
}

size_t
aut_keys_count(const struct aut_keys *k)
{
	return k == NULL ? 0 : k->n;
}

static enum alv_err
read_all(struct aut_keys *k, const json_t *list, const char **why)
{
	json_t *jwk;
	size_t	i;

	json_array_foreach(list, i, jwk) {
		struct aut_key one;
		enum alv_err   err = aut_jwk_read(jwk, &one);

		*why = "out of memory";
		if (err == ALV_E_NOMEM)
			return err;
		*why = "more than 64 keys";
		if (!err && k->n == AUT_KEYS_MAX) {
			aut_jwk_fini(&one);
			return ALV_E_VALUE;
		}
		if (!err)
			k->at[k->n++] = one;
	}
	*why = "no key that can verify a signature here";
	return k->n == 0 ? ALV_E_VALUE : ALV_OK;
}

enum alv_err
aut_keys_parse(struct alv_str json, struct aut_keys **out, const char **why)
{
	json_t		*root = json.n > AUT_JWKS_MAX ? NULL : json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
	json_t		*list = json_object_get(root, "keys");
	struct aut_keys *k = calloc(1, sizeof(*k));
	enum alv_err	 err;

	*why = "no JSON object with an array `keys`, of 256 KiB at most";
	*out = NULL;
	err = k == NULL ? ALV_E_NOMEM : !json_is_array(list) ? ALV_E_SYNTAX : read_all(k, list, why);
	json_decref(root);
	if (k != NULL)
		atomic_init(&k->refs, 1);
	if (err)
		aut_keys_put(k);
	else
		*out = k;
	return err;
}

const struct aut_key *
aut_keys_find(const struct aut_keys *k, struct alv_str kid, enum aut_alg a, bool *unknown)
{
	const struct aut_key *found = NULL;
	size_t		      same = 0, fit = 0;

	for (size_t i = 0; k != NULL && i < k->n; i++) {
		const struct aut_key *x = &k->at[i];

		if (kid.n > 0 && !alv_str_eqz(kid, x->kid))
			continue;
		same++;
		if ((x->algs & 1u << a) == 0)
			continue;
		fit++;
		found = x;
	}
	*unknown = same == 0;
	return fit == 1 ? found : NULL;
}

/* ---- where they are found --------------------------------------------------------------------------- */

struct aut_source {
	atomic_uint	 refs;
	pthread_mutex_t	 lock;
	struct aut_keys *keys;	/* under the lock, as all that follows */
	void (*wanted)(void *arg);
	void		*arg;
	uint64_t	 asked;	/* so often */
	struct aut_wait *waiting;
	unsigned	 nwaiting;
};
/* Who waits is not closed for others that come, so they are few. */
enum { WAITING_MAX = 64 };

struct aut_source *
aut_source_new(void (*wanted)(void *arg), void *arg)
{
	struct aut_source *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	atomic_init(&s->refs, 1);
	pthread_mutex_init(&s->lock, NULL);
	s->wanted = wanted;
	s->arg = arg;
	return s;
}

struct aut_source *
aut_source_ref(struct aut_source *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void
aut_source_put(struct aut_source *s)
{
	if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	aut_keys_put(s->keys);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void
aut_source_set(struct aut_source *s, struct aut_keys *k)
{
	struct aut_keys *old;

	pthread_mutex_lock(&s->lock);
	old = s->keys;
	s->keys = k;
	pthread_mutex_unlock(&s->lock);
	aut_keys_put(old);
}

/* Has the lock, and gives it up. */
static void
wake_all(struct aut_source *s)
{
	struct aut_wait *w = s->waiting, *next;

	s->waiting = NULL;
	s->nwaiting = 0;
	pthread_mutex_unlock(&s->lock);
	for (; w != NULL; w = next) {
		next = w->next;
		w->done(w);
	}
}

void
aut_source_asked(struct aut_source *s)
{
	pthread_mutex_lock(&s->lock);
	s->asked++;
	wake_all(s);
}

void
aut_source_mute(struct aut_source *s)
{
	pthread_mutex_lock(&s->lock);
	s->wanted = NULL;
	wake_all(s);
}

bool
aut_source_wait(struct aut_source *s, struct aut_wait *w, uint64_t asked)
{
	bool late, room;

	pthread_mutex_lock(&s->lock);
	late = s->asked != asked;
	room = !late && s->wanted != NULL && s->nwaiting < WAITING_MAX;
	if (room) {
		w->next = s->waiting;
		s->waiting = w;
		s->nwaiting++;
	}
	pthread_mutex_unlock(&s->lock);
	if (late)
		w->done(w);
	return late || room;
}

struct aut_keys *
aut_source_keys(struct aut_source *s, uint64_t *asked)
{
	struct aut_keys *k;

	pthread_mutex_lock(&s->lock);
	k = take_ref(s->keys);
	*asked = s->asked;
	pthread_mutex_unlock(&s->lock);
	return k;
}

void
aut_source_want(struct aut_source *s)
{
	pthread_mutex_lock(&s->lock);
	if (s->wanted != NULL)
		s->wanted(s->arg);
	pthread_mutex_unlock(&s->lock);
}
