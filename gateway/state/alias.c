/* Rows of aliases. */
#include <alcove/str.h>

#include "state/store_int.h"

static enum alv_err
read_row(struct sto_store *s, sqlite3_stmt *q, struct sto_alias *a)
{
	int64_t	     kind = sqlite3_column_int64(q, 1);
	enum alv_err err;

	memset(a, 0, sizeof(*a));
	err = sto_col_copy(s, q, 0, a->tenant, sizeof(a->tenant));
	if (!err)
		err = sto_col_copy(s, q, 2, a->virt, sizeof(a->virt));
	if (!err)
		err = sto_col_copy(s, q, 3, a->phys, sizeof(a->phys));
	a->kind = kind == TEN_TOPIC ? TEN_TOPIC : kind == TEN_GROUP ? TEN_GROUP : TEN_TXN;
	a->writable = sqlite3_column_int64(q, 4) != 0;
	return err;
}

static enum alv_err
read_one(struct sto_store *s, sqlite3_stmt *q, struct sto_alias *a)
{
	enum alv_err err;

	if (q == NULL)
		return ALV_E_STORE;
	err = sto_step(s, q);
	if (!err)
		err = read_row(s, q, a);
	sto_done(q);
	return err;
}

enum alv_err
sto_alias_get(struct sto_store *s, struct alv_str tenant, enum ten_kind kind, struct alv_str virt, struct sto_alias *a)
{
	return read_one(s, sto_query(s, STO_SQL_ALIAS_GET, STO_T(tenant), STO_I(kind), STO_T(virt)), a);
}

enum alv_err
sto_alias_of(struct sto_store *s, struct alv_str tenant, enum ten_kind kind, struct alv_str phys, struct sto_alias *a)
{
	return read_one(s, sto_query(s, STO_SQL_ALIAS_OF, STO_T(tenant), STO_I(kind), STO_T(phys)), a);
}

enum alv_err
sto_alias_into(struct sto_store *s, struct alv_str except, struct alv_str prefix, struct sto_alias *a)
{
	return read_one(s, sto_query(s, STO_SQL_ALIAS_INTO, STO_T(except), STO_T(prefix)), a);
}

static struct sto_audit
audit_of(struct sto_store *s, const struct sto_alias *a, const char *what)
{
	return (struct sto_audit){ .s = s, .what = what, .tenant = alv_str_of(a->tenant), .object = alv_str_of(a->virt),
		.json = STO_SQL_ALIAS_JSON, .key = { STO_Z(a->tenant), STO_I(a->kind), STO_Z(a->virt) }, .nkey = 3 };
}

enum alv_err
sto_alias_put(struct sto_store *s, const struct sto_alias *a, uint64_t *revision)
{
	struct sto_audit log = audit_of(s, a, "alias.put");
	enum alv_err	 err = sto_tenant_touch(s, alv_str_of(a->tenant), revision);

	if (!err)
		err = sto_audit_before(&log);
	if (err)
		return err;
	err = sto_run(s, STO_SQL_ALIAS_PUT, STO_Z(a->tenant), STO_I(a->kind), STO_Z(a->virt), STO_Z(a->phys),
	    STO_I(a->writable));
	if (!err)
		return sto_audit_after(&log);
	sto_audit_drop(&log);
	return err;
}

enum alv_err
sto_alias_delete(struct sto_store *s, const struct sto_alias *a, uint64_t *revision)
{
	struct sto_audit log = audit_of(s, a, "alias.delete");
	enum alv_err	 err = sto_tenant_touch(s, alv_str_of(a->tenant), revision);

	if (!err)
		err = sto_audit_before(&log);
	if (err)
		return err;
	err = sto_run(s, STO_SQL_ALIAS_DEL, STO_Z(a->tenant), STO_I(a->kind), STO_Z(a->virt));
	if (!err && sqlite3_changes(s->db) != 1)
		err = ALV_E_NOT_FOUND;
	if (!err)
		return sto_audit_after(&log);
	sto_audit_drop(&log);
	return err;
}
