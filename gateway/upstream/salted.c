/* Salted passwords by (mechanism, salt, iterations, password: the configuration may bring another one).
 *
 *   free --get--> working --finished--> known --evict, free--> free
 *                    |  (waiters hang on the entry until then)
 *
 * Invariant: an entry is `working` exactly while its job is with the crypto pool. The job holds an exchange of its own
 * and never sees links, so a link that closes meanwhile only takes itself off the list. The context waits for its jobs
 * before the cache goes. */
#include "upstream/link_state.h"

#include <alcove/check.h>
#include <alcove/str.h>

#include <stdlib.h>

enum { ENTRIES = 16 };

struct ups_salted_entry {
	enum { SALT_FREE, SALT_WORKING, SALT_KNOWN } state;
	enum aut_mechanism    mechanism;
	uint32_t	      iterations;
	uint64_t	      password;	/* a hash of it */
	uint8_t		      salt[64], salted[64];
	uint8_t		      salt_n;
	uint64_t	      used;	/* order of last use */
	struct ups_salt_wait *waiters;
};

struct ups_salted {
	struct ups_salted_entry entry[ENTRIES];
	uint64_t		clock;
};

struct salt_job {
	struct net_job		 job;
	struct ups_ctx		*ctx;
	struct ups_salted_entry *entry;
	struct aut_client	 client;
};

struct ups_salted *
ups_salted_new(void)
{
	return calloc(1, sizeof(struct ups_salted));
}

void
ups_salted_free(struct ups_salted *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < ENTRIES; i++)
		ALV_CHECK(s->entry[i].state != SALT_WORKING && s->entry[i].waiters == NULL);
	explicit_bzero(s, sizeof(*s));
	free(s);
}

static uint64_t
password_of(const struct aut_client *c)
{
	return alv_hash(c->password.p, c->password.n, c->password.n);
}

static bool
entry_is_for(const struct ups_salted_entry *e, const struct aut_client *c)
{
	return e->state != SALT_FREE && e->mechanism == c->mechanism && e->iterations == c->iterations &&
	    e->password == password_of(c) && e->salt_n == c->salt_n && memcmp(e->salt, c->salt, c->salt_n) == 0;
}

static struct ups_salted_entry *
find_entry(struct ups_salted *s, const struct aut_client *c)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		if (entry_is_for(&s->entry[i], c))
			return &s->entry[i];
	}
	return NULL;
}

/* A free entry, or the one that was not used for longest; NULL when all are at work or being waited for. */
static struct ups_salted_entry *
spare_entry(struct ups_salted *s)
{
	struct ups_salted_entry *best = NULL;

	for (size_t i = 0; i < ENTRIES; i++) {
		struct ups_salted_entry *e = &s->entry[i];

		if (e->state != SALT_WORKING && e->waiters == NULL && (best == NULL || e->used < best->used))
			best = e;
	}
	if (best != NULL)
		explicit_bzero(best, sizeof(*best));
	return best;
}

static void
work(struct net_job *j)
{
	aut_client_work(&ALV_HOLDER(j, struct salt_job, job)->client);
}

static void
free_job(struct salt_job *j)
{
	aut_client_fini(&j->client);
	explicit_bzero(j, sizeof(*j));
	free(j);
}

/* A waiter's callback may cancel others: always begin at the list's head. */
static void
tell_waiters(struct ups_salted_entry *e, const uint8_t *salted)
{
	while (e->waiters != NULL) {
		struct ups_salt_wait *w = e->waiters;

		e->waiters = w->next;
		w->entry = NULL;
		w->done(w, salted);
	}
}

static void
finished(struct net_job *job)
{
	struct salt_job		*j = ALV_HOLDER(job, struct salt_job, job);
	struct ups_salted_entry *e = j->entry;
	bool			 ok = j->client.iterations != 0;	/* the work sets 0 where it failed */

	j->ctx->own->jobs--;
	e->state = ok ? SALT_KNOWN : SALT_FREE;
	memcpy(e->salted, j->client.salted, sizeof(e->salted));
	free_job(j);
	tell_waiters(e, ok ? e->salted : NULL);
}

static enum alv_err
start(struct ups_ctx *c, struct ups_salted_entry *e, const struct aut_client *client)
{
	struct salt_job *j = calloc(1, sizeof(*j));
	enum alv_err	 err;

	if (j == NULL)
		return ALV_E_NOMEM;
	j->job = (struct net_job){ .loop = c->net->loop, .work = work, .done = finished };
	j->ctx = c;
	j->entry = e;
	aut_client_init(&j->client, client->mechanism, client->user, client->password);
	memcpy(j->client.salt, client->salt, sizeof(j->client.salt));
	j->client.salt_n = client->salt_n;
	j->client.step = client->step;
	j->client.iterations = client->iterations;
	err = net_jobs_submit(c->crypto, &j->job);
	if (err) {
		free_job(j);
		return err;
	}
	c->own->jobs++;
	e->state = SALT_WORKING;
	e->mechanism = client->mechanism;
	e->iterations = client->iterations;
	e->password = password_of(client);
	e->salt_n = client->salt_n;
	memcpy(e->salt, client->salt, sizeof(e->salt));
	return ALV_OK;
}

enum alv_err
ups_salted_get(struct ups_ctx *c, struct aut_client *client, struct ups_salt_wait *w)
{
	struct ups_salted_entry *e = find_entry(c->own->salted, client);
	enum alv_err		 err;

	if (e == NULL) {
		e = spare_entry(c->own->salted);
		if (e == NULL)
			return ALV_E_FULL;
		err = start(c, e, client);
		if (err)
			return err;
	}
	e->used = ++c->own->salted->clock;
	if (e->state == SALT_KNOWN) {
		memcpy(client->salted, e->salted, sizeof(client->salted));
		return ALV_OK;
	}
	w->entry = e;
	w->next = e->waiters;
	e->waiters = w;
	return ALV_E_AGAIN;
}

void
ups_salted_cancel(struct ups_salt_wait *w)
{
	struct ups_salt_wait **at;

	if (w->entry == NULL)
		return;
	for (at = &w->entry->waiters; *at != NULL && *at != w; at = &(*at)->next)
		;
	if (*at == w)
		*at = w->next;
	w->entry = NULL;
}
