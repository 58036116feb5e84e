/* The configuration and the files that it names, anew.
 *
 *   a file changed, SIGHUP --> the configuration, if its file changed or SIGHUP asks: read, checked whole, compared
 *                              |  fits: made aside, taken whole, or not at all
 *                              `  does not: said why; the running one stays
 *                          --> then, where that was not taken: the files that the running one names, part by part
 *
 * A part is what has certificates: each listener, the admin API, the connections to brokers. It is made anew only when
 * its options or the content of its files changed, because a listener's tickets end with it.
 * Invariants: what runs is always one configuration that was checked whole. A replaced one is kept for KEEP_US: readers
 * hold it for one step, but a login at a broker holds its password for as long as its time-outs allow, which is an hour and
 * a quarter at most. The first one is kept to the end: ports point into it. All of this is main's thread. */
#include "reload.h"

#include <alcove/buf.h>
#include <alcove/check.h>
#include <alcove/log.h>
#include <alcove/meter.h>

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/tls.h"

enum { PERIOD_MS = 1000, WORDS_MAX = 64 * 1024, PATHS_MAX = 4096 };
#define KEEP_US (2ull * 3600 * 1000 * 1000)

struct reload_old {
	struct reload_old *next;
	struct pol_config *conf;
	uint64_t	   until_us;
};

/* ---- what was, and for how long ------------------------------------------------------------------- */

static void
drop_old(struct reload *r, uint64_t now)
{
	for (struct reload_old **at = &r->old; *at != NULL;) {
		struct reload_old *o = *at;

		if (o->until_us > now) {
			at = &o->next;
			continue;
		}
		*at = o->next;
		pol_config_free(o->conf);
		free(o);
	}
}

static void
on_timer(struct net_timer *t)
{
	struct reload *r = ALV_HOLDER(t, struct reload, timer);

	drop_old(r, net_loop_now(r->loop));
	if (r->old != NULL)
		net_timer_set(t, net_loop_now(r->loop) + KEEP_US / 8);
}

/* conf is what counts from here on. False: out of memory, nothing changed. */
static bool
swap(struct reload *r, struct pol_config *conf)
{
	struct reload_old *o = r->running == r->first ? NULL : malloc(sizeof(*o));

	if ((r->running != r->first && o == NULL) || jwk_fetcher_configure(r->jwks, &conf->oauth)) {
		free(o);
		return false;
	}
	if (o != NULL) {
		*o = (struct reload_old){ .next = r->old, .conf = r->running, .until_us = net_loop_now(r->loop) + KEEP_US };
		r->old = o;
		net_timer_set(&r->timer, net_loop_now(r->loop) + KEEP_US / 8);
	}
	r->running = conf;
	px_gateway_configure(r->gateway, conf);
	con_configure(r->control, conf);
	alv_log_setup(2, conf->log.level, conf->log.format);
	return true;
}

/* ---- what is told ------------------------------------------------------------------------------------ */

/* A failure that was told stays true until something changes: it is not told again. */
static void
tell_failure(struct reload *r, const struct alv_buf *words)
{
	struct alv_str rest = alv_str_make(words->p, words->n);

	met_process_add(MET_NOT_RELOADED, 1);
	if (strlen(r->told) == words->n && memcmp(r->told, words->p, words->n) == 0)
		return;
	snprintf(r->told, sizeof(r->told), "%.*s", (int)words->n, (const char *)words->p);
	while (rest.n > 0) {
		const char    *lf = memchr(rest.p, '\n', rest.n);
		struct alv_str line = alv_str_make(rest.p, lf == NULL ? rest.n : (size_t)(lf - rest.p));

		alv_log(ALV_LOG_ERROR, "not reloaded: what runs goes on", ALV_KV_S("error", line));
		rest = alv_str_make(rest.p + line.n + (lf != NULL), rest.n - line.n - (lf != NULL));
	}
}

static void
tell_success(struct reload *r, const char *what)
{
	met_process_add(MET_RELOADED, 1);
	r->told[0] = '\0';
	alv_log(ALV_LOG_INFO, "reloaded", ALV_KV_Z("what", what), ALV_KV_Z("file", r->first->file));
}

/* ---- parts -------------------------------------------------------------------------------------------- */

/* A part's options: files first, then words that matter. */
struct look {
	const char *where;
	char	    name[80];
	size_t	    ncerts, nfiles, nwords;
	const char *certs[POL_PAIRS_MAX], *files[2 * POL_PAIRS_MAX + 2 * POL_AUTHORITIES_MAX + 4], *words[POL_AUTHORITIES_MAX + 4];
};

static void
add_pair(struct look *k, const char *cert, const char *key)
{
	if (cert == NULL)
		return;
	k->certs[k->ncerts++] = cert;
	k->files[k->nfiles++] = cert;
	k->files[k->nfiles++] = key;
}

static size_t
nparts(const struct reload *r)
{
	return r->first->nlisteners + 2;
}

static void
look_at_listener(const struct pol_listener *l, struct look *k)
{
	static const char *const asks[] = { "none", "requested", "required" };

	snprintf(k->name, sizeof(k->name), "listener %s", l->name);
	for (size_t i = 0; l->tls && i < l->npairs; i++)
		add_pair(k, l->pairs[i].certificate_file, l->pairs[i].key_file);
	if (l->tls && l->client_ca_file != NULL)
		k->files[k->nfiles++] = l->client_ca_file;
	if (l->tls && l->client_crl_file != NULL)
		k->files[k->nfiles++] = l->client_crl_file;
	for (size_t i = 0; l->tls && i < l->nauthorities; i++) {
		k->words[k->nwords++] = l->authorities[i].tenant;
		k->files[k->nfiles++] = l->authorities[i].ca_file;
		if (l->authorities[i].crl_file != NULL)
			k->files[k->nfiles++] = l->authorities[i].crl_file;
	}
	k->words[k->nwords++] = l->principal_rules;
	k->words[k->nwords++] = l->min_protocol;
	k->words[k->nwords++] = asks[l->client_auth];
}

static void
look_at(const struct pol_config *c, size_t part, struct look *k)
{
	const struct pol_upstream *u = &c->upstream;

	*k = (struct look){ .name = "" };
	if (part < c->nlisteners) {
		look_at_listener(&c->listeners[part], k);
	} else if (part == c->nlisteners) {
		snprintf(k->name, sizeof(k->name), "admin");
		if (c->admin.tls)
			add_pair(k, c->admin.certificate_file, c->admin.key_file);
	} else {
		snprintf(k->name, sizeof(k->name), "upstream");
		if (u->tls) {
			add_pair(k, u->certificate_file, u->key_file);
			if (u->ca_file != NULL)
				k->files[k->nfiles++] = u->ca_file;
			k->words[k->nwords++] = u->verify_host ? "verify" : "trust";
		}
	}
}

static void
fingerprint(const struct look *k, uint8_t out[static NET_DIGEST])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool	    ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;

	for (size_t i = 0; ok && i < k->nwords; i++)
		if (k->words[i] != NULL)
			ok = EVP_DigestUpdate(md, k->words[i], strlen(k->words[i]) + 1) == 1;
	for (size_t i = 0; ok && i < k->nfiles; i++) {
		uint8_t d[NET_DIGEST];

		net_file_digest(k->files[i], d);
		ok = EVP_DigestUpdate(md, k->files[i], strlen(k->files[i]) + 1) == 1 && EVP_DigestUpdate(md, d, sizeof(d)) == 1;
	}
	if (!ok || EVP_DigestFinal_ex(md, out, NULL) != 1)
		memset(out, 0, NET_DIGEST);	/* as no part ever is: it is made anew */
	EVP_MD_CTX_free(md);
}

/* One part made anew and not yet in use. */
struct made {
	bool			   changed;
	uint8_t			   print[NET_DIGEST];
	struct net_tls_server_set *server;
	struct net_tls_client_set *client;
	struct adm_tls		  *admin;
};

static enum alv_err
prepare_upstream(const struct reload *r, const struct pol_upstream *u, struct made *m, struct alv_buf *words)
{
	struct net_tls_client_conf c = { .ca_file = u->ca_file, .cert_file = u->certificate_file, .key_file = u->key_file,
		.min_protocol = "TLSv1.2", .verify_host = u->verify_host };
	struct net_tls_error	   err = { "" };

	if (r->upstream_tls == NULL || net_tls_client_prepare(&c, &m->client, &err))
		return ALV_OK;
	alv_buf_printf(words, "upstream: %s\n", err.text);
	return ALV_E_TLS;
}

static enum alv_err
prepare(const struct reload *r, const struct pol_config *c, size_t part, struct made *m, struct alv_buf *words)
{
	struct look  k;
	enum alv_err err;

	*m = (struct made){ .changed = false };
	look_at(c, part, &k);
	fingerprint(&k, m->print);
	m->changed = memcmp(m->print, r->parts[part].print, sizeof(m->print)) != 0;
	if (!m->changed)
		return ALV_OK;
	if (part < c->nlisteners)
		err = px_tls_prepare(r->gateway, c, part, &m->server, words);
	else if (part == c->nlisteners)
		err = adm_tls_prepare(r->admin, c, &m->admin, words);
	else
		err = prepare_upstream(r, &c->upstream, m, words);
	if (err == ALV_E_NOMEM)
		alv_buf_printf(words, "%s: out of memory\n", k.name);
	return err;
}

static void
forget(struct made *m)
{
	net_tls_server_set_free(m->server);
	net_tls_client_set_free(m->client);
	adm_tls_free(m->admin);
}

/* Which certificates the part shows now. */
static void
note_certificates(struct reload *r, const struct pol_config *c, size_t part)
{
	struct reload_part     *p = &r->parts[part];
	struct look		k;
	struct met_certificate *all;

	look_at(c, part, &k);
	all = calloc(k.ncerts + 1, sizeof(*all));
	if (all == NULL)
		return;
	for (size_t i = 0; i < k.ncerts; i++) {
		snprintf(all[i].where, sizeof(all[i].where), "%s", k.name);
		snprintf(all[i].file, sizeof(all[i].file), "%s", k.certs[i]);
		all[i].end_s = pol_certificate_end(k.certs[i]);
	}
	free(p->certs);
	p->certs = all;
	p->ncerts = k.ncerts;
}

static void
publish_certificates(const struct reload *r)
{
	size_t			n = 0;
	struct met_certificate *all;

	for (size_t i = 0; i < nparts(r); i++)
		n += r->parts[i].ncerts;
	all = calloc(n + 1, sizeof(*all));
	if (all == NULL)
		return;
	n = 0;
	for (size_t i = 0; i < nparts(r); i++)
		for (size_t k = 0; k < r->parts[i].ncerts; k++)
			all[n++] = r->parts[i].certs[k];
	met_certificates(all, n);
	free(all);
}

static void
use(struct reload *r, const struct pol_config *c, size_t part, struct made *m)
{
	if (!m->changed)
		return;
	if (part < c->nlisteners)
		px_tls_use(r->gateway, part, m->server);
	else if (part == c->nlisteners)
		adm_tls_use(m->admin);
	else if (m->client != NULL)
		net_tls_client_use(r->upstream_tls, m->client);
	memcpy(r->parts[part].print, m->print, sizeof(m->print));
	note_certificates(r, c, part);
}

/* ---- the files that are watched -------------------------------------------------------------------------- */

static void
watch(struct reload *r, const struct pol_config *c)
{
	const char **paths = calloc(PATHS_MAX, sizeof(char *));
	size_t	     n = 0;
	struct look  k;

	if (paths == NULL)
		return;	/* the old ones are watched on */
	paths[n++] = c->file;
	if (c->upstream.sasl)
		paths[n++] = c->upstream.password_file;
	for (size_t part = 0; part < nparts(r); part++) {
		look_at(c, part, &k);
		for (size_t i = 0; i < k.nfiles && n < PATHS_MAX; i++)
			paths[n++] = k.files[i];
	}
	if (net_watch_files(r->watch, paths, n))
		alv_log(ALV_LOG_ERROR, "out of memory: new files are not watched");
	free(paths);
}

/* ---- anew --------------------------------------------------------------------------------------------------- */

/* The whole of a new configuration, or nothing of it. */
static bool
take(struct reload *r, struct pol_config *conf, struct alv_buf *words)
{
	struct made *m = calloc(nparts(r), sizeof(*m));
	enum alv_err err = m == NULL ? ALV_E_NOMEM : ALV_OK;
	bool	     taken;

	for (size_t i = 0; !err && i < nparts(r); i++)
		err = prepare(r, conf, i, &m[i], words);
	taken = !err && swap(r, conf);
	for (size_t i = 0; m != NULL && i < nparts(r); i++)
		if (taken)
			use(r, conf, i, &m[i]);
		else
			forget(&m[i]);
	if (!taken && words->n == 0)
		alv_buf_z(words, "out of memory\n");
	free(m);
	return taken;
}

/* False: it is not taken; words say why, or nothing where it says what the running one says. */
static bool
reload_file(struct reload *r, struct alv_buf *words)
{
	struct pol_config *fresh;
	bool		   ok;

	net_file_digest(r->first->file, r->seen);
	if (pol_config_load(r->first->file, &fresh, words))
		return false;
	if (pol_config_same(r->running, fresh)) {
		pol_config_free(fresh);
		return false;	/* nothing to take: the files may have changed */
	}
	watch(r, fresh);
	ok = !pol_config_needs_restart(r->first, fresh, words) && r->fits(fresh, words) &&
	    take(r, fresh, words);
	if (!ok) {
		watch(r, r->running);
		pol_config_free(fresh);
	}
	return ok;
}

/* What the running configuration names, each part by itself. */
static void
reload_files(struct reload *r, struct alv_buf *words)
{
	struct pol_config *renewed;
	struct made	   m;

	for (size_t i = 0; i < nparts(r); i++) {
		if (!prepare(r, r->running, i, &m, words))
			use(r, r->running, i, &m);
		else
			forget(&m);
	}
	if (pol_config_renew_password(r->running, &renewed, words) || renewed == NULL)
		return;
	if (!swap(r, renewed)) {
		alv_buf_z(words, "out of memory\n");
		pol_config_free(renewed);
	}
}

static void
reload(struct reload *r, bool file)
{
	struct alv_buf words;

	alv_buf_init(&words, WORDS_MAX);
	if (!file || !reload_file(r, &words))
		reload_files(r, &words);
	publish_certificates(r);
	if (words.n > 0)
		tell_failure(r, &words);
	else
		tell_success(r, file ? "configuration" : "files");
	alv_buf_fini(&words);
}

static void
on_change(void *arg)
{
	struct reload *r = arg;
	uint8_t	       now[NET_DIGEST];

	net_file_digest(r->first->file, now);
	reload(r, memcmp(now, r->seen, sizeof(now)) != 0);
}

void
reload_now(struct reload *r)
{
	if (r->watch != NULL)
		reload(r, true);
}

enum alv_err
reload_start(struct reload *r)
{
	r->running = r->first;
	net_timer_init(r->loop, &r->timer, on_timer);
	r->parts = calloc(nparts(r), sizeof(*r->parts));
	r->watch = net_watch_new(r->loop, PERIOD_MS, on_change, r);
	if (r->parts == NULL || r->watch == NULL)
		return ALV_E_NOMEM;
	net_file_digest(r->first->file, r->seen);
	watch(r, r->first);
	for (size_t i = 0; i < nparts(r); i++) {
		struct look k;

		look_at(r->first, i, &k);
		fingerprint(&k, r->parts[i].print);
		note_certificates(r, r->first, i);
	}
	publish_certificates(r);
	return ALV_OK;
}

void
reload_end(struct reload *r)
{
	if (r->loop != NULL && r->timer.loop != NULL)
		net_timer_stop(&r->timer);
	net_watch_free(r->watch);
	drop_old(r, UINT64_MAX);
	if (r->running != r->first)
		pol_config_free(r->running);
	for (size_t i = 0; r->parts != NULL && i < nparts(r); i++)
		free(r->parts[i].certs);
	free(r->parts);
	met_certificates(NULL, 0);
}
