/* Quotas on their way in and out. See <alcove/quota_list.h>. */
#include <alcove/quota_list.h>
#include <alcove/str.h>

#include <stdlib.h>

/* ---- words ------------------------------------------------------------------------------------------------- */

const char *
pol_quota_type(const struct pol_quota_entity *e)
{
	static const char *const types[POL_QUOTA_KINDS] = { "tenant", "client", "group", "address" };

	return e->part[0].match == POL_QUOTA_UNATTRIBUTED ? "unattributed" : types[e->kind];
}

static void
part_text(const char *what, const struct pol_quota_part *p, struct alv_buf *out)
{
	alv_buf_z(out, what);
	alv_buf_byte(out, ' ');
	if (p->match == POL_QUOTA_NAMED)
		alv_buf_str(out, p->name);
	else
		alv_buf_z(out, POL_QUOTA_DEFAULT_WORD);
}

void
pol_quota_entity_text(const struct pol_quota_entity *e, struct alv_buf *out)
{
	static const char *const words[POL_QUOTA_KINDS][2] = { { "the tenant" }, { "user", "client id" }, { "group" }, { "address" } };
	const char *between = "";

	if (e->kind == POL_QUOTA_OF_TENANT || e->part[0].match == POL_QUOTA_UNATTRIBUTED)
		alv_buf_z(out, e->kind == POL_QUOTA_OF_TENANT ? "the tenant" : "unattributed fetches");
	for (size_t i = 0; i < ALV_COUNT(e->part); i++) {
		if (e->part[i].match != POL_QUOTA_NAMED && e->part[i].match != POL_QUOTA_DEFAULT)
			continue;
		alv_buf_z(out, between);
		part_text(words[e->kind][i], &e->part[i], out);
		between = ", ";
	}
}

/* ---- what is to be altered --------------------------------------------------------------------------------- */

enum { TEXT_LIMIT = 16 * 1024 * 1024, FIRST = 16 };

struct pol_quota_list *
pol_quota_list_new(void)
{
	struct pol_quota_list *l = calloc(1, sizeof(*l));

	if (l != NULL)
		alv_arena_init(&l->text, TEXT_LIMIT);
	return l;
}

enum alv_err
pol_quota_list_add(struct pol_quota_list *l, const struct pol_quota_alter *a)
{
	struct pol_quota_alter copy = *a;

	if (l->n == l->cap) {
		size_t			cap = l->cap == 0 ? FIRST : 2 * l->cap;
		struct pol_quota_alter *more = reallocarray(l->item, cap, sizeof(*more));

		if (more == NULL)
			return ALV_E_NOMEM;
		l->item = more;
		l->cap = cap;
	}
	for (size_t i = 0; i < ALV_COUNT(copy.quota.entity.part); i++)
		copy.quota.entity.part[i].name = alv_arena_str(&l->text, a->quota.entity.part[i].name);
	if (l->text.failed)
		return ALV_E_NOMEM;
	l->item[l->n++] = copy;
	return ALV_OK;
}

void
pol_quota_list_free(struct pol_quota_list *l)
{
	if (l == NULL)
		return;
	free(l->item);
	alv_arena_fini(&l->text);
	free(l);
}

size_t
pol_quota_list_find(const struct pol_quota_list *l, const struct pol_quota_entity *e)
{
	size_t i = 0;

	while (i < l->n && pol_quota_entity_cmp(&l->item[i].quota.entity, e) != 0)
		i++;
	return i;
}

bool
pol_quota_altered(const struct pol_quota *now, const struct pol_quota_alter *a, struct pol_quota *out)
{
	bool other = false;

	*out = (struct pol_quota){ .entity = a->quota.entity };
	for (int k = 0; k < POL_QUOTA_KEYS; k++) {
		uint32_t bit = 1u << k;
		bool	 had = now != NULL && (now->set & bit) != 0;

		if ((a->quota.set & bit) != 0)
			out->value[k] = a->quota.value[k];
		else if (had && !a->only && (a->unset & bit) == 0)
			out->value[k] = now->value[k];
		else {
			other |= had;
			continue;
		}
		out->set |= bit;
		other |= !had || now->value[k] != out->value[k];
	}
	return other;
}

/* ---- filters ------------------------------------------------------------------------------------------------ */

static bool
part_fits(enum pol_quota_fit fit, struct alv_str name, const struct pol_quota_part *p)
{
	switch (fit) {
	case POL_QUOTA_FIT_NAME:
		return p->match == POL_QUOTA_NAMED && alv_str_eq(name, p->name);
	case POL_QUOTA_FIT_DEFAULT:
		return p->match == POL_QUOTA_DEFAULT;
	case POL_QUOTA_FIT_SOME:
		return p->match == POL_QUOTA_NAMED || p->match == POL_QUOTA_DEFAULT;
	case POL_QUOTA_FIT_NONE:
		return p->match == POL_QUOTA_NO_PART;
	default:
		return true;
	}
}

bool
pol_quota_filter_fits(const struct pol_quota_filter *f, const struct pol_quota *q)
{
	const struct pol_quota_entity *e = &q->entity;

	return (f->kinds & 1u << e->kind) != 0 && part_fits(f->part[0].fit, f->part[0].name, &e->part[0]) &&
	    part_fits(f->part[1].fit, f->part[1].name, &e->part[1]) &&
	    (!f->unattributed || e->part[0].match == POL_QUOTA_UNATTRIBUTED) && (f->keys == 0 || (q->set & f->keys) != 0);
}
