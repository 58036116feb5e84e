/* The certificates in use: few, changed rarely, read by whoever looks at the metrics. Hence a lock and a copy. */
#include <alcove/meter.h>

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t	       lock = PTHREAD_MUTEX_INITIALIZER;
static struct met_certificate *in_use;
static size_t		       count;

void
met_certificates(const struct met_certificate *all, size_t n)
{
	struct met_certificate *copy = n == 0 ? NULL : malloc(n * sizeof(*copy)), *old;

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
met_certificates_each(void (*fn)(void *arg, const struct met_certificate *c), void *arg)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < count; i++)
		fn(arg, &in_use[i]);
	pthread_mutex_unlock(&lock);
}
