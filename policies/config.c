/* alcove.yaml from the first byte to the checked struct. Invariant: a struct that leaves this file was good whole. */
#include "policies/option.h"

#include <alcove/str.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include <openssl/crypto.h>

enum { ARENA_MAX = 16 << 20, WORKERS_MAX = 64 };

/* The struct and all its strings end together. A copy with another password has its strings in its base. */
struct loaded {
	struct pol_config      c;
	struct alv_arena       a;
	const struct pol_node *root;	/* what the file says; in the arena */
	struct loaded	      *base;	/* NULL: its own */
	unsigned	       users;	/* itself, and copies of it */
};

static struct loaded *
base_of(const struct pol_config *c)
{
	struct loaded *x = ALV_HOLDER((struct pol_config *)(uintptr_t)c, struct loaded, c);

	return x->base == NULL ? x : x->base;
}

static void
wipe(struct alv_str *s)
{
	if (s->p == NULL)
		return;
	OPENSSL_cleanse((void *)(uintptr_t)s->p, s->n);
	free((void *)(uintptr_t)s->p);
	*s = ALV_STR_NULL;
}

void
pol_config_free(struct pol_config *c)
{
	struct loaded *x, *base;

	if (c == NULL)
		return;
	x = ALV_HOLDER(c, struct loaded, c);
	base = base_of(c);
	wipe(&c->upstream.password);
	if (x != base)
		free(x);
	if (--base->users > 0)
		return;
	alv_arena_fini(&base->a);
	free(base);
}

enum alv_err
pol_config_renew_password(struct pol_config *c, struct pol_config **out, struct alv_buf *err)
{
	struct loaded *x, *base = base_of(c);
	struct alv_str fresh;
	const char    *why;

	*out = NULL;
	if (!c->upstream.sasl)
		return ALV_OK;
	why = pol_config_password(&c->upstream, &fresh);
	if (why != NULL) {
		alv_buf_printf(err, "%s: upstream.sasl.password.file: %s\n", c->file, why);
		return ALV_E_VALUE;
	}
	if (alv_str_eq(fresh, c->upstream.password)) {
		wipe(&fresh);
		return ALV_OK;
	}
	x = malloc(sizeof(*x));
	if (x == NULL) {
		wipe(&fresh);
		return ALV_E_NOMEM;
	}
	*x = (struct loaded){ .c = *c, .root = base->root, .base = base };
	x->c.upstream.password = fresh;
	base->users++;
	*out = &x->c;
	return ALV_OK;
}

const struct pol_node *
pol_config_root(const struct pol_config *c)
{
	return base_of(c)->root;
}

static unsigned
cores(void)
{
	cpu_set_t set;
	int	  n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

static const char *
folder_of(struct alv_arena *a, const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *dir;

	if (slash == NULL)
		return "";
	/* "/alcove.yaml": the root is "/." so that joining works. */
	dir = slash == file ? "/." : alv_arena_str(a, alv_str_make(file, (size_t)(slash - file))).p;
	return dir == NULL ? "" : dir;
}

static void
load(struct loaded *x, struct pol_diag *d, struct alv_str text)
{
	struct pol_load	 l = { .a = &x->a, .d = d, .dir = folder_of(&x->a, x->c.file) };
	struct pol_node *root = pol_doc_parse(text, &x->a, d);

	x->root = root;
	if (root == NULL)
		return;
	pol_config_bind(&l, root, &x->c);
	if (d->n == 0)
		pol_config_check(&l, root, &x->c);
	if (x->c.workers == 0)
		x->c.workers = cores();
}

enum alv_err
pol_config_load(const char *file, struct pol_config **c, struct alv_buf *err)
{
	struct pol_diag d = { .file = file, .out = err };
	struct loaded  *x = calloc(1, sizeof(*x));
	struct alv_buf	text;
	enum alv_err	e;

	*c = NULL;
	if (x == NULL)
		return ALV_E_NOMEM;
	alv_arena_init(&x->a, ARENA_MAX);
	x->users = 1;
	x->c.file = alv_arena_str(&x->a, alv_str_of(file)).p;
	e = x->c.file == NULL ? ALV_E_NOMEM : pol_file_read(file, POL_DOC_BYTES_MAX, &text);
	if (x->c.file == NULL) {
		pol_config_free(&x->c);
		return e;
	}
	if (e == ALV_E_LIMIT)
		pol_diag_at(&d, 0, "", "found more than %d bytes, expected at most that", POL_DOC_BYTES_MAX);
	else if (e)
		pol_diag_at(&d, 0, "", "found no file that can be read (%s), expected the configuration", strerror(errno));
	else
		load(x, &d, alv_str_make(text.p, text.n));
	alv_buf_fini(&text);
	if (d.n > 0) {
		pol_config_free(&x->c);
		return e ? e : ALV_E_VALUE;
	}
	*c = &x->c;
	return ALV_OK;
}
