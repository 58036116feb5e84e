/* What is in use and has numbers of its own: issuers of tokens, certificates. Few, changed rarely, read by whoever looks at the metrics.
 * Hence a lock and a copy. */
#include <alcove/meter.h>

#include <pthread.h>
#include <stdlib.h>

struct list {
	pthread_mutex_t lock;	/* over what follows */
	void	       *items;
	size_t		n;
};
static struct list issuers = { .lock = PTHREAD_MUTEX_INITIALIZER }, certificates = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Out of memory: those of before stay. */
static void
replace(struct list *l, const void *all, size_t n, size_t size)
{
	void *copy = n == 0 ? NULL : malloc(n * size), *old;

	if (n > 0 && copy == NULL)
		return;
	if (n > 0)
		memcpy(copy, all, n * size);
	pthread_mutex_lock(&l->lock);
	old = l->items;
	l->items = copy;
	l->n = n;
	pthread_mutex_unlock(&l->lock);
	free(old);
}

void
met_issuers(const struct met_issuer *all, size_t n)
{
	replace(&issuers, all, n, sizeof(*all));
}

void
met_issuers_each(void (*fn)(void *arg, const struct met_issuer *i), void *arg)
{
	pthread_mutex_lock(&issuers.lock);
	for (size_t i = 0; i < issuers.n; i++)
		fn(arg, &((const struct met_issuer *)issuers.items)[i]);
	pthread_mutex_unlock(&issuers.lock);
}

void
met_certificates(const struct met_certificate *all, size_t n)
{
	replace(&certificates, all, n, sizeof(*all));
}

void
met_certificates_each(void (*fn)(void *arg, const struct met_certificate *c), void *arg)
{
	pthread_mutex_lock(&certificates.lock);
	for (size_t i = 0; i < certificates.n; i++)
		fn(arg, &((const struct met_certificate *)certificates.items)[i]);
	pthread_mutex_unlock(&certificates.lock);
}
