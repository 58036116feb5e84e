/* The issuers of tokens: few, changed rarely, read by whoever looks at the metrics. Hence a lock and a copy. */
#include <alcove/meter.h>

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t	       lock = PTHREAD_MUTEX_INITIALIZER;
static struct met_issuer *in_use;
static size_t		       count;

void
met_issuers(const struct met_issuer *all, size_t n)
{
	struct met_issuer *copy = n == 0 ? NULL : malloc(n * sizeof(*copy)), *old;

	if (n > 0 && copy == NULL)
		return;
	if (n > 0)
		memcpy(copy, all, n * sizeof(*copy));
	pthread_mutex_lock(&lock);
	old = in_use;
	in_use = copy;
	count = n;
	pthread_mutex_unlock(&lock);
	free(old);
}

void
met_issuers_each(void (*fn)(void *arg, const struct met_issuer *i), void *arg)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < count; i++)
		fn(arg, &in_use[i]);
	pthread_mutex_unlock(&lock);
}
