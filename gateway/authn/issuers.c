/* The issuers of a configuration, and which ones are current. */
#include "authn/issuers.h"

#include <pthread.h>
#include <stdlib.h>

struct aut_issuers *
aut_issuers_new(const struct pol_oauth *conf, struct aut_source *const *source)
{
	struct aut_issuers *all = calloc(1, sizeof(*all) + conf->nissuers * sizeof(all->at[0]));

	if (all == NULL)
		return NULL;
	atomic_init(&all->refs, 1);
	for (; all->n < conf->nissuers; all->n++)
		all->at[all->n] = (struct aut_issuer){ &conf->issuers[all->n], aut_source_ref(source[all->n]) };
	return all;
}

struct aut_issuers *
aut_issuers_ref(struct aut_issuers *all)
{
	atomic_fetch_add_explicit(&all->refs, 1, memory_order_relaxed);
	return all;
}

void
aut_issuers_put(struct aut_issuers *all)
{
	if (all == NULL || atomic_fetch_sub_explicit(&all->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < all->n; i++)
		aut_source_put(all->at[i].source);
	free(all);
}

/* ---- the current ones ----------------------------------------------------------------------------------- */

struct aut_oauth {
	pthread_mutex_t	    lock;
	struct aut_issuers *now;
};

struct aut_oauth *
aut_oauth_new(void)
{
	struct aut_oauth *o = calloc(1, sizeof(*o));

	if (o != NULL)
		pthread_mutex_init(&o->lock, NULL);
	return o;
}

void
aut_oauth_free(struct aut_oauth *o)
{
	if (o == NULL)
		return;
	aut_issuers_put(o->now);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

void
aut_oauth_set(struct aut_oauth *o, struct aut_issuers *i)
{
	struct aut_issuers *old;

	pthread_mutex_lock(&o->lock);
	old = o->now;
	o->now = i;
	pthread_mutex_unlock(&o->lock);
	aut_issuers_put(old);
}

struct aut_issuers *
aut_oauth_get(struct aut_oauth *o)
{
	struct aut_issuers *i = NULL;

	if (o == NULL)
		return NULL;
	pthread_mutex_lock(&o->lock);
	if (o->now != NULL)
		i = aut_issuers_ref(o->now);
	pthread_mutex_unlock(&o->lock);
	return i;
}
