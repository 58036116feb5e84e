/* The tree into the struct, by the table of options. Two passes: every key of the file must be an option; every option
 * gets its value, its default, or an error. Errors do not stop it: an operator wants to see all of them. */
#include "policies/option.h"

#include <alcove/check.h>
#include <alcove/str.h>

/* Sections of which there may be several, as a list; the innermost last. */
static const struct list {
	const char *path;
	unsigned    max;
	const char *what;
} lists[] = {
	{ "listeners", 64, "listeners (- name: ...)" },
	{ "listeners/tls/certificates", 64, "pairs (- certificate.file: ...)" },
	{ "oauth/issuers", 64, "issuers (- name: ...)" },
	{ "listeners/tls/tenants", POL_AUTHORITIES_MAX, "tenants (- tenant: ...)" },
};
enum { LISTENERS, CERTIFICATES, ISSUERS, AUTHORITIES };

/* Where a part of the tree is bound to. */
struct place {
	const struct pol_node *node;	/* NULL: nothing in the file */
	const char	      *path;	/* "", or a list's with '/': what the options' paths begin with */
	const char	      *shown;	/* "" or "listeners[0]." */
	void		      *holder;
};

static const struct pol_option *
find_option(struct alv_str path)
{
	for (size_t i = 0; i < pol_noptions; i++)
		if (alv_str_eqz(path, pol_options[i].path))
			return &pol_options[i];
	return NULL;
}

static const struct list *
find_list(struct alv_str path)
{
	for (size_t i = 0; i < ALV_COUNT(lists); i++)
		if (alv_str_eqz(path, lists[i].path))
			return &lists[i];
	return NULL;
}

struct alv_str
pol_list_of(const struct pol_option *o)
{
	struct alv_str best = ALV_STR("");

	for (size_t i = 0; i < ALV_COUNT(lists); i++) {
		size_t n = strlen(lists[i].path);

		if (strncmp(o->path, lists[i].path, n) == 0 && o->path[n] == '/')
			best = alv_str_make(o->path, n + 1);
	}
	return best;
}

/* Is there an option below path? */
static bool
is_section(struct alv_str path)
{
	for (size_t i = 0; i < pol_noptions; i++) {
		struct alv_str p = alv_str_of(pol_options[i].path);

		if (p.n > path.n && p.p[path.n] == '/' && alv_str_starts(p, path))
			return true;
	}
	return false;
}

/* '/' of paths as the dots that people see. */
static const char *
shown(struct pol_load *l, const char *head, const char *path)
{
	struct alv_str s = alv_arena_printf(l->a, "%s%s", head, path);
	char	      *p = s.p == NULL ? NULL : (char *)(uintptr_t)s.p;

	if (p == NULL)
		return path;
	for (; *p != '\0'; p++)
		if (*p == '/')
			*p = '.';
	return s.p;
}

/* ---- unknown keys --------------------------------------------------------------------------- */

/* The name behind path (with its '/') of the i-th option; null: it is not there. */
static struct alv_str
name_below(const char *path, size_t i)
{
	struct alv_str p = alv_str_of(pol_options[i].path), head = alv_str_of(path);
	const char    *slash;

	if (!alv_str_starts(p, head))
		return ALV_STR_NULL;
	p = alv_str_make(p.p + head.n, p.n - head.n);
	slash = memchr(p.p, '/', p.n);
	return slash == NULL ? p : alv_str_make(p.p, (size_t)(slash - p.p));
}

/* The known name most like the key; null: none is. */
static struct alv_str
most_like(const char *path, struct alv_str key)
{
	struct alv_str best = ALV_STR_NULL;
	unsigned       least = key.n < 6 ? 2 : 4;

	for (size_t i = 0; i < pol_noptions; i++) {
		struct alv_str name = name_below(path, i);
		unsigned       far;

		if (name.p == NULL)
			continue;
		far = name.n > key.n && alv_str_starts(name, key) && name.p[key.n] == '.' ? 0 : pol_diag_distance(name, key);
		if (far < least) {
			least = far;
			best = name;
		}
	}
	return best;
}

static struct alv_str
all_names(struct pol_load *l, const char *path)
{
	struct alv_str all = ALV_STR_NULL, last = ALV_STR_NULL;

	for (size_t i = 0; i < pol_noptions; i++) {
		struct alv_str name = name_below(path, i);

		if (name.p == NULL || alv_str_eq(name, last))
			continue;
		all = alv_arena_printf(l->a, "%.*s%s%.*s", ALV_STR_ARG(all), all.n > 0 ? ", " : "", ALV_STR_ARG(name));
		last = name;
	}
	return all;
}

static void
unknown_key(struct pol_load *l, const struct pol_node *n, const char *path, const char *key)
{
	struct alv_str like = most_like(path, n->key);

	if (like.p != NULL) {
		pol_diag_at(l->d, n->line, key, "found an unknown key, expected perhaps '%.*s'", ALV_STR_ARG(like));
		return;
	}
	like = all_names(l, path);
	pol_diag_at(l->d, n->line, key, "found an unknown key, expected one of %.*s", ALV_STR_ARG(like));
}

static void check_keys(struct pol_load *l, const struct pol_node *n, const char *path, const char *head);

static void
check_list(struct pol_load *l, const struct pol_node *n, const struct list *list, const char *key)
{
	struct alv_str below = alv_arena_printf(l->a, "%s/", list->path);
	unsigned       i = 0;

	if (n->type != POL_LIST || n->first == NULL) {
		pol_diag_at(l->d, n->line, key, "found %s, expected a list of %s",
		    n->type == POL_LIST ? "an empty list" : n->type == POL_MAP ? "a section" : "a value", list->what);
		return;
	}
	for (const struct pol_node *c = n->first; c != NULL; c = c->next, i++) {
		struct alv_str head = alv_arena_printf(l->a, "%s[%u]", key, i);

		if (i == list->max)
			pol_diag_at(l->d, c->line, key, "found more than %u, expected fewer", list->max);
		if (head.p == NULL || below.p == NULL || i >= list->max)
			return;
		if (c->type != POL_MAP)
			pol_diag_at(l->d, c->line, head.p, "found a value or list, expected a section");
		else
			check_keys(l, c, below.p, shown(l, head.p, "/"));
	}
}

static void
check_section(struct pol_load *l, const struct pol_node *n, const char *path, const char *key)
{
	struct alv_str below = alv_arena_printf(l->a, "%s/", path);

	if (n->type == POL_MAP)
		check_keys(l, n, below.p == NULL ? "" : below.p, shown(l, key, "/"));
	else
		pol_diag_at(l->d, n->line, key, "found %s, expected a section", n->type == POL_LIST ? "a list" :
		    n->value.p == NULL ? "nothing" : "a value");
}

static void
check_keys(struct pol_load *l, const struct pol_node *n, const char *path, const char *head)
{
	for (const struct pol_node *c = n->first; c != NULL; c = c->next) {
		struct alv_str full = alv_arena_printf(l->a, "%s%.*s", path, ALV_STR_ARG(c->key));
		const char    *key = shown(l, head, c->key.p);
		const struct list *list = find_list(full);

		if (full.p == NULL)
			return;
		if (memchr(c->key.p, '/', c->key.n) != NULL)
			unknown_key(l, c, path, key);
		else if (list != NULL)
			check_list(l, c, list, key);
		else if (is_section(full))
			check_section(l, c, full.p, key);
		else if (find_option(full) == NULL)
			unknown_key(l, c, path, key);
	}
}

/* ---- values --------------------------------------------------------------------------------- */

/* Walks the sections that hold the option. False: one of them makes that the option need not be there: it is an
 * optional one and absent, or has been reported already. *line: of the innermost that is there. */
static bool
wanted(const struct place *p, const struct pol_option *o, unsigned *line)
{
	const char *rel = o->path + strlen(p->path);

	*line = p->node == NULL || p->path[0] == '\0' ? 0 : p->node->line;
	for (const char *slash = strchr(rel, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		char			 part[64];
		size_t			 n = (size_t)(slash - rel);
		const struct pol_node	*at;
		const struct pol_option *po;

		ALV_CHECK(n < sizeof(part));
		memcpy(part, rel, n);
		part[n] = '\0';
		at = pol_doc_find(p->node, part);
		po = find_option(alv_str_make(o->path, (size_t)(slash - o->path)));
		if (at == NULL && po != NULL)
			return false;
		if (at != NULL && at->type != POL_MAP)
			return false;
		if (at != NULL)
			*line = at->line;
	}
	return true;
}

static void
bind_option(struct pol_load *l, const struct place *p, const struct pol_option *o)
{
	const char	*rel = o->path + strlen(p->path);
	struct pol_value v = { .node = pol_doc_find(p->node, rel), .key = shown(l, p->shown, rel) };
	struct alv_str	 expected;

	if (o->type == POL_T_PART) {
		bool there = v.node != NULL;

		memcpy((char *)p->holder + o->at, &there, sizeof(there));
		return;
	}
	if (v.node != NULL) {
		v.line = v.node->line;
		v.text = v.node->value;
		if (pol_value_set(l, o, &v, p->holder))
			return;
		ALV_CHECK(l->d->n > 0);
		return;
	}
	if (o->dflt == pol_required) {
		if (!wanted(p, o, &v.line))
			return;
		expected = pol_value_expected(o, l->a);
		pol_diag_at(l->d, v.line, v.key, "found nothing, expected %.*s", ALV_STR_ARG(expected));
	} else if (o->dflt != NULL) {
		v.text = alv_str_of(o->dflt);
		ALV_CHECK(pol_value_set(l, o, &v, p->holder) || l->a->failed);
	}
}

static void
bind_place(struct pol_load *l, const struct place *p)
{
	for (size_t i = 0; i < pol_noptions; i++)
		if (alv_str_eqz(pol_list_of(&pol_options[i]), p->path))
			bind_option(l, p, &pol_options[i]);
}

/* Every item of the list into an array of items of that size. */
static void *
bind_list(struct pol_load *l, const struct pol_node *list, const struct list *row, const char *key, size_t size, size_t *count)
{
	struct alv_str path = alv_arena_printf(l->a, "%s/", row->path);
	char	      *all;
	size_t	       n = 0;

	*count = 0;
	if (list == NULL || list->type != POL_LIST)
		return NULL;
	for (const struct pol_node *x = list->first; x != NULL && n < row->max; x = x->next)
		n++;
	all = alv_arena_alloc(l->a, (n + 1) * size);
	if (all == NULL || path.p == NULL)
		return NULL;
	n = 0;
	for (const struct pol_node *x = list->first; x != NULL && n < row->max; x = x->next, n++) {
		struct place p = { .node = x, .path = path.p, .holder = all + n * size };

		p.shown = alv_arena_printf(l->a, "%s[%zu].", key, n).p;
		if (x->type == POL_MAP && p.shown != NULL)
			bind_place(l, &p);
	}
	*count = n;
	return all;
}

/* The single pair, where there is one, and those of the list, in one array. */
static void
bind_pairs(struct pol_load *l, const struct pol_node *node, size_t at, struct pol_listener *x)
{
	const char	 *key = alv_arena_printf(l->a, "listeners[%zu].tls.certificates", at).p;
	struct pol_files *listed, *all;
	size_t		  n;

	if (key == NULL || !x->tls)
		return;
	listed = bind_list(l, pol_doc_find(node, "tls/certificates"), &lists[CERTIFICATES], key, sizeof(*listed), &n);
	all = alv_arena_alloc(l->a, (n + 1) * sizeof(*all));
	if (all == NULL)
		return;
	if (x->certificate_file != NULL || x->key_file != NULL)
		all[x->npairs++] = (struct pol_files){ x->certificate_file, x->key_file };
	for (size_t i = 0; i < n; i++)
		all[x->npairs++] = listed[i];
	x->pairs = all;
}

static void
bind_authorities(struct pol_load *l, const struct pol_node *node, size_t at, struct pol_listener *x)
{
	const char *key = alv_arena_printf(l->a, "listeners[%zu].tls.tenants", at).p;

	if (key != NULL && x->tls)
		x->authorities = bind_list(l, pol_doc_find(node, "tls/tenants"), &lists[AUTHORITIES], key, sizeof(*x->authorities), &x->nauthorities);
}

static void
bind_listeners(struct pol_load *l, const struct pol_node *list, struct pol_config *c)
{
	struct pol_listener *all = bind_list(l, list, &lists[LISTENERS], "listeners", sizeof(*all), &c->nlisteners);
	size_t		     i = 0;

	c->listeners = all;
	for (const struct pol_node *x = list->first; x != NULL && i < c->nlisteners; x = x->next, i++)
		bind_pairs(l, x, i, &all[i]);
	i = 0;
	for (const struct pol_node *x = list->first; x != NULL && i < c->nlisteners; x = x->next, i++)
		bind_authorities(l, x, i, &all[i]);
}

void
pol_config_bind(struct pol_load *l, const struct pol_node *root, struct pol_config *c)
{
	struct place	       whole = { .node = root, .path = "", .shown = "", .holder = c };
	const struct pol_node *list = pol_doc_find(root, "listeners");

	if (root->type != POL_MAP) {
		pol_diag_at(l->d, root->line, "", "found a value or list, expected sections (listeners:, upstream:, ...)");
		return;
	}
	check_keys(l, root, "", "");
	bind_place(l, &whole);
	if (list == NULL)
		pol_diag_at(l->d, 0, "listeners", "found nothing, expected a list of listeners");
	else if (list->type == POL_LIST)
		bind_listeners(l, list, c);
	c->oauth.issuers = bind_list(l, pol_doc_find(root, "oauth/issuers"), &lists[ISSUERS], "oauth.issuers",
	    sizeof(*c->oauth.issuers), &c->oauth.nissuers);
	if (l->a->failed)
		pol_diag_at(l->d, 0, "", "out of memory");
}
