/* Groups of principals: lists of them on their way. What they may do is decide.c's. */
#include <alcove/acl.h>
#include <alcove/str.h>

#include <stdlib.h>

bool
pol_group_good(struct alv_str name)
{
	return name.n > 0 && name.n <= POL_GROUP_MAX && pol_printable(name) && !alv_str_eqz(name, "*");
}

static int
order(const void *a, const void *b)
{
	return alv_str_cmp(*(const struct alv_str *)a, *(const struct alv_str *)b);
}

/* Views of the good ones, each once. */
static size_t
pick(const struct alv_str *names, size_t n, struct alv_str out[static POL_GROUPS_MAX])
{
	size_t kept = 0, unique = 0;

	for (size_t i = 0; i < n && kept < POL_GROUPS_MAX; i++)
		if (pol_group_good(names[i]))
			out[kept++] = names[i];
	if (kept > 0)
		qsort(out, kept, sizeof(*out), order);
	for (size_t i = 0; i < kept; i++)
		if (unique == 0 || !alv_str_eq(out[unique - 1], out[i]))
			out[unique++] = out[i];
	return unique;
}

struct pol_groups *
pol_groups_new(const struct alv_str *names, size_t n)
{
	struct alv_str	   list[POL_GROUPS_MAX];
	struct pol_groups *g;
	size_t		   bytes = 0;
	char		  *text;

	n = pick(names, n, list);
	for (size_t i = 0; i < n; i++)
		bytes += list[i].n;
	g = calloc(1, sizeof(*g) + bytes);
	if (g == NULL)
		return NULL;
	text = (char *)(g + 1);
	g->n = n;
	for (size_t i = 0; i < n; i++) {
		memcpy(text, list[i].p, list[i].n);
		g->name[i] = alv_str_make(text, list[i].n);
		text += list[i].n;
	}
	return g;
}

void
pol_groups_free(struct pol_groups *g)
{
	free(g);
}
