/* Aliases: finding them in the two sorted tables of a snapshot, and which ones may be made at all. */
#include <alcove/str.h>
#include <alcove/tenant.h>

static int
kind_cmp(const struct ten_alias *a, const struct ten_alias *b)
{
	return (a->kind > b->kind) - (a->kind < b->kind);
}

int
ten_alias_cmp_virt(const struct ten_alias *a, const struct ten_alias *b)
{
	int r = kind_cmp(a, b);

	return r != 0 ? r : alv_str_cmp(a->virt, b->virt);
}

int
ten_alias_cmp_phys(const struct ten_alias *a, const struct ten_alias *b)
{
	int r = kind_cmp(a, b);

	if (r == 0)
		r = alv_str_cmp(a->phys, b->phys);
	return r != 0 ? r : alv_str_cmp(a->virt, b->virt);
}

const struct ten_alias *
ten_alias_of_virt(const struct ten_names *t, enum ten_kind kind, struct alv_str virt)
{
	struct ten_alias key = { .kind = kind, .virt = virt };
	size_t		 lo = 0, hi = t->naliases;

	if (virt.p == NULL)
		return NULL;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int    r = ten_alias_cmp_virt(&key, &t->by_virt[mid]);

		if (r == 0)
			return &t->by_virt[mid];
		if (r < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/* The first of those with this target, in case there are several. */
const struct ten_alias *
ten_alias_of_phys(const struct ten_names *t, enum ten_kind kind, struct alv_str phys)
{
	struct ten_alias key = { .kind = kind, .virt = { "", 0 }, .phys = phys };
	size_t		 lo = 0, hi = t->naliases;

	if (phys.p == NULL)
		return NULL;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (ten_alias_cmp_phys(&key, t->by_phys[mid]) <= 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	if (lo < t->naliases && t->by_phys[lo]->kind == kind && alv_str_eq(t->by_phys[lo]->phys, phys))
		return t->by_phys[lo];
	return NULL;
}

enum alv_err
ten_alias_check(struct alv_str id, const struct ten_alias *a)
{
	/* With an empty prefix the rules for virtual names are those for physical ones. */
	struct ten_names bare = { .prefix = ALV_STR("") };
	struct alv_arena none;
	struct alv_str	 out;
	bool		 legal;

	alv_arena_init(&none, SIZE_MAX / 2);
	legal = ten_map(&bare, a->kind, a->virt, &none, &out) == ALV_OK &&
	    ten_map(&bare, a->kind, a->phys, &none, &out) == ALV_OK;
	alv_arena_fini(&none);
	if (!legal)
		return ALV_E_NAME;
	if (a->phys.p[0] == '_' || alv_str_starts(a->phys, ALV_STR("alcove.")))
		return ALV_E_DENIED;
	if (a->phys.n > id.n && alv_str_starts(a->phys, id) && a->phys.p[id.n] == '.')
		return ALV_E_CONFLICT;
	return ALV_OK;
}
