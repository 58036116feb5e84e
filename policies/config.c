/* alcove.yaml from the first byte to the checked struct. Invariant: a struct that leaves this file was good whole. */
#include "policies/option.h"

#include <alcove/str.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include <openssl/crypto.h>

enum { ARENA_MAX = 16 << 20, WORKERS_MAX = 64 };

/* The struct and all its strings end together. */
struct loaded {
	struct pol_config c;
	struct alv_arena  a;
};

void
pol_config_free(struct pol_config *c)
{
	struct loaded *x;

	if (c == NULL)
		return;
	x = ALV_HOLDER(c, struct loaded, c);
	if (c->upstream.password.p != NULL) {
		OPENSSL_cleanse((void *)(uintptr_t)c->upstream.password.p, c->upstream.password.n);
		free((void *)(uintptr_t)c->upstream.password.p);
	}
	alv_arena_fini(&x->a);
	free(x);
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
