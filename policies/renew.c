/* Two configurations compared by what their files say, row by row of option.def, so that every type of option is
 * compared alike: a running gateway takes a new one only where nothing needs a restart. Defaults count as written. */
#include "policies/option.h"

#include <alcove/str.h>

#include <stdio.h>

enum { TEXT_MAX = 64 * 1024 };

/* Without the blanks around commas, so that both ways to write a list read the same. */
static void
add_text(struct alv_buf *b, struct alv_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		size_t next = i;

		while (next < s.n && s.p[next] == ' ')
			next++;
		if (s.p[i] == ' ' && ((i > 0 && s.p[i - 1] == ',') || (next < s.n && s.p[next] == ',')))
			i = next - 1;
		else
			alv_buf_byte(b, (uint8_t)s.p[i]);
	}
}

static void
text_of(const struct pol_option *o, const struct pol_node *n, struct alv_buf *b)
{
	if (o->type == POL_T_PART)
		alv_buf_z(b, n == NULL ? "" : "there");
	else if (n == NULL)
		add_text(b, alv_str_of(o->dflt == NULL ? "" : o->dflt));
	else if (n->type == POL_SCALAR)
		add_text(b, n->value);
	for (const struct pol_node *c = n == NULL || n->type != POL_LIST ? NULL : n->first; c != NULL; c = c->next) {
		add_text(b, c->value);
		alv_buf_z(b, c->next == NULL ? "" : ",");
	}
}

static bool
equal(const struct pol_option *o, const struct pol_node *a, const struct pol_node *b)
{
	struct alv_buf x, y;
	bool	       same;

	alv_buf_init(&x, TEXT_MAX);
	alv_buf_init(&y, TEXT_MAX);
	text_of(o, a, &x);
	text_of(o, b, &y);
	same = !x.err && !y.err && x.n == y.n && (x.n == 0 || memcmp(x.p, y.p, x.n) == 0);
	alv_buf_fini(&x);
	alv_buf_fini(&y);
	return same;
}

/* "a/b" as "a.b". */
static void
add_key(struct alv_buf *out, const char *path)
{
	for (; *path != '\0'; path++)
		alv_buf_byte(out, (uint8_t)(*path == '/' ? '.' : *path));
}

static void
compare_part(const struct pol_node *a, const struct pol_node *b, const char *head, struct alv_str shown, struct alv_buf *out)
{
	size_t skip = strlen(head);

	for (size_t i = 0; i < pol_noptions; i++) {
		const struct pol_option *o = &pol_options[i];
		struct alv_str		 list = pol_list_of(o);

		if (o->takes != POL_TAKES_RESTART || !alv_str_eqz(list, head))
			continue;
		if (equal(o, pol_doc_find(a, o->path + skip), pol_doc_find(b, o->path + skip)))
			continue;
		alv_buf_printf(out, "%.*s", ALV_STR_ARG(shown));
		add_key(out, o->path + skip);
		alv_buf_z(out, ": found another value, expected the running one: it changes by a restart only\n");
	}
}

static void
compare_listeners(const struct pol_node *a, const struct pol_node *b, struct alv_buf *out)
{
	unsigned i = 0;

	for (; a != NULL && b != NULL; a = a->next, b = b->next, i++) {
		char text[32];
		int  n = snprintf(text, sizeof(text), "listeners[%u].", i);

		compare_part(a, b, "listeners/", alv_str_make(text, (size_t)n), out);
	}
	if (a != NULL || b != NULL)
		alv_buf_z(out, "listeners: found more or fewer of them, expected the running ones: they change by a restart only\n");
}

bool
pol_config_needs_restart(const struct pol_config *running, const struct pol_config *fresh, struct alv_buf *out)
{
	const struct pol_node *a = pol_config_root(running), *b = pol_config_root(fresh);
	size_t		       before = out->n;

	compare_part(a, b, "", ALV_STR(""), out);
	compare_listeners(pol_doc_find(a, "listeners")->first, pol_doc_find(b, "listeners")->first, out);
	return out->n > before || out->err;
}

static bool
same_tree(const struct pol_node *a, const struct pol_node *b)
{
	for (; a != NULL && b != NULL; a = a->next, b = b->next)
		if (a->type != b->type || !alv_str_eq(a->key, b->key) || !alv_str_eq(a->value, b->value) ||
		    !same_tree(a->first, b->first))
			return false;
	return a == NULL && b == NULL;
}

bool
pol_config_same(const struct pol_config *a, const struct pol_config *b)
{
	return same_tree(pol_config_root(a), pol_config_root(b));
}
