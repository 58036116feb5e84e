/* Rows of quotas: one for each limit of an entity. */
#include <alcove/str.h>

#include <stdio.h>

#include "state/store_int.h"

/* What has no name has the empty one in its row. */
static struct alv_str
text_of(const struct pol_quota_part *p)
{
	return p->match == POL_QUOTA_NAMED ? p->name : ALV_STR("");
}

#define ENTITY(tenant, e) STO_T(tenant), STO_I((e)->kind), STO_I((e)->part[0].match), STO_T(text_of(&(e)->part[0])), \
	STO_I((e)->part[1].match), STO_T(text_of(&(e)->part[1]))

static enum alv_err
add_all(struct sto_store *s, struct alv_str tenant, const struct pol_quota *q)
{
	enum alv_err err = ALV_OK;

	for (int k = 0; !err && k < POL_QUOTA_KEYS; k++)
		if ((q->set & 1u << k) != 0)
			err = sto_run(s, STO_SQL_QUOTA_ADD, ENTITY(tenant, &q->entity), STO_Z(pol_quota_info((enum pol_quota_key)k)->name),
			    STO_R(q->value[k]));
	return err;
}

static struct alv_str
object_of(const struct pol_quota_entity *e)
{
	static const char *const kinds[POL_QUOTA_KINDS] = { "tenant", "client", "group", "address" };
	const struct pol_quota_part *p = &e->part[e->part[0].match == POL_QUOTA_NO_PART];

	return p->match == POL_QUOTA_NAMED ? p->name : p->match == POL_QUOTA_DEFAULT ? ALV_STR("<default>") : alv_str_of(kinds[e->kind]);
}

enum alv_err
sto_quota_put(struct sto_store *s, struct alv_str tenant, const struct pol_quota *q, uint64_t *revision)
{
	struct sto_audit a = { .s = s, .what = q->set == 0 ? "quota.delete" : "quota.put", .tenant = tenant, .object = object_of(&q->entity),
		.json = STO_SQL_QUOTA_JSON, .key = { ENTITY(tenant, &q->entity) }, .nkey = 6 };
	enum alv_err err = sto_tenant_touch(s, tenant, revision);

	if (!err)
		err = sto_audit_before(&a);
	if (err)
		return err;
	err = sto_run(s, STO_SQL_QUOTA_DEL, ENTITY(tenant, &q->entity));
	if (!err)
		err = add_all(s, tenant, q);
	if (!err)
		return sto_audit_after(&a);
	sto_audit_drop(&a);
	return err;
}

enum alv_err
sto_quota_count(struct sto_store *s, struct alv_str tenant, size_t *n)
{
	return sto_count(s, STO_SQL_QUOTA_COUNT, tenant, n);
}

static struct pol_quota_part
read_part(sqlite3_stmt *q, int match, int name)
{
	struct pol_quota_part p = { .match = (enum pol_quota_match)sqlite3_column_int(q, match) };

	if (p.match == POL_QUOTA_NAMED)
		p.name = sto_col(q, name);
	return p;
}

enum alv_err
sto_quota_read(struct sto_store *s, sqlite3_stmt *q, struct pol_quota_entity *e, enum pol_quota_key *key, double *value)
{
	struct alv_str name = sto_col(q, 5);

	*e = (struct pol_quota_entity){ (enum pol_quota_kind)sqlite3_column_int(q, 0), { read_part(q, 1, 2), read_part(q, 3, 4) } };
	*value = sqlite3_column_double(q, 6);
	*key = pol_quota_key_of(name);
	if (*key != POL_QUOTA_KEYS)
		return ALV_OK;
	snprintf(s->words, sizeof(s->words), "%s: found a limit of \"%.*s\", expected one that this version knows", s->file,
	    (int)(name.n < 64 ? name.n : 64), name.p == NULL ? "" : name.p);
	return ALV_E_STORE;
}
