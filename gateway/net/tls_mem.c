/* Memory for OpenSSL's record buffers. It takes one for each record and gives it back behind it (SSL_MODE_RELEASE_BUFFERS,
 * else idle connections would keep two), and malloc pays for pieces of this size each time by walking its heap: some
 * percent of all that a relayed byte costs. So each thread keeps a few.
 * Invariants: what is kept is PIECE bytes or more; a thread's pieces end with it; all other sizes are malloc's. */
#include "net/tls.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>

enum {
	LEAST = 16 * 1024 + 1,
	PIECE = 18 * 1024,	/* holds a record of either side with all that OpenSSL puts around it */
	KEPT = 4
};

struct pieces {
	void *of[KEPT];
	int   n;
	bool  known;	/* to the key, which frees them at the thread's end */
};

static _Thread_local struct pieces mine;
static pthread_key_t		   key;

static void
free_all(void *arg)
{
	struct pieces *p = arg;

	while (p->n > 0)
		free(p->of[--p->n]);
	p->known = false;
}

static bool
is_piece(size_t n)
{
	return n >= LEAST && n <= PIECE;
}

static void *
take(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	if (n == 0)
		return NULL;	/* as OpenSSL's own does */
	if (is_piece(n) && mine.n > 0)
		return mine.of[--mine.n];
	return malloc(is_piece(n) ? PIECE : n);
}

static void *
take_more(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	if (n == 0) {
		free(p);
		return NULL;
	}
	return realloc(p, is_piece(n) ? PIECE : n);
}

static void
give(void *p, const char *file, int line)
{
	size_t n;

	(void)file;
	(void)line;
	if (p == NULL)
		return;
	n = malloc_usable_size(p);
	if (n < PIECE || n > PIECE + 64 || mine.n == KEPT) {
		free(p);
		return;
	}
	if (!mine.known)
		mine.known = pthread_setspecific(key, &mine) == 0;
	if (!mine.known)
		free(p);
	else
		mine.of[mine.n++] = p;
}

void
net_tls_memory(void)
{
	if (pthread_key_create(&key, free_all) == 0 && CRYPTO_set_mem_functions(take, take_more, give) != 1)
		pthread_key_delete(key);	/* it has taken memory already: it goes on with malloc */
}
