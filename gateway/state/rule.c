/* Rows of rules: a tenant's ACLs. */
#include <alcove/str.h>

#include "state/store_int.h"

#define COLUMNS(tenant, r) STO_T(tenant), STO_I((r)->resource), STO_I((r)->pattern), STO_T((r)->name), STO_T((r)->principal), \
	STO_T((r)->host), STO_I((r)->op), STO_I((r)->permission)

struct pol_rule
sto_rule_read(sqlite3_stmt *q)
{
	return (struct pol_rule){ .resource = (enum pol_resource)sqlite3_column_int(q, 0),
		.pattern = (enum pol_pattern)sqlite3_column_int(q, 1), .name = sto_col(q, 2), .principal = sto_col(q, 3),
		.host = sto_col(q, 4), .op = (enum pol_op)sqlite3_column_int(q, 5),
		.permission = (enum pol_permission)sqlite3_column_int(q, 6) };
}

static struct sto_audit
audit_of(struct sto_store *s, struct alv_str tenant, const struct pol_rule *r, int64_t n, const char *what)
{
	return (struct sto_audit){ .s = s, .what = what, .tenant = tenant, .object = r->name, .json = STO_SQL_RULE_JSON,
		.key = { STO_I(n) }, .nkey = 1 };
}

enum alv_err
sto_rule_add(struct sto_store *s, struct alv_str tenant, const struct pol_rule *r, bool *added, uint64_t *revision)
{
	struct sto_audit a = audit_of(s, tenant, r, -1, "acl.create");	/* no row has the number: nothing was before */
	enum alv_err	 err = sto_run(s, STO_SQL_RULE_ADD, COLUMNS(tenant, r));

	*added = !err && sqlite3_changes(s->db) == 1;
	if (!*added)
		return err;
	err = sto_audit_before(&a);
	if (err)
		return err;
	a.key[0] = STO_I(sqlite3_last_insert_rowid(s->db));
	err = sto_tenant_touch(s, tenant, revision);
	if (err) {
		sto_audit_drop(&a);
		return err;
	}
	return sto_audit_after(&a);
}

static enum alv_err
find(struct sto_store *s, struct alv_str tenant, const struct pol_rule *r, int64_t *n)
{
	sqlite3_stmt *q = sto_query(s, STO_SQL_RULE_FIND, COLUMNS(tenant, r));
	enum alv_err  err;

	if (q == NULL)
		return ALV_E_STORE;
	err = sto_step(s, q);
	if (!err)
		*n = sqlite3_column_int64(q, 0);
	sto_done(q);
	return err;
}

enum alv_err
sto_rule_delete(struct sto_store *s, struct alv_str tenant, const struct pol_rule *r, uint64_t *revision)
{
	struct sto_audit a;
	int64_t		 n = 0;
	enum alv_err	 err = find(s, tenant, r, &n);

	if (!err)
		err = sto_tenant_touch(s, tenant, revision);
	if (err)
		return err;
	a = audit_of(s, tenant, r, n, "acl.delete");
	err = sto_audit_before(&a);
	if (err)
		return err;
	err = sto_run(s, STO_SQL_RULE_DEL, STO_I(n));
	if (err) {
		sto_audit_drop(&a);
		return err;
	}
	return sto_audit_after(&a);
}

enum alv_err
sto_rule_each(struct sto_store *s, struct alv_str tenant, void *arg, enum alv_err (*each)(void *arg, const struct pol_rule *r))
{
	sqlite3_stmt *q = sto_query(s, STO_SQL_RULE_LIST, STO_T(tenant));
	enum alv_err  err = q == NULL ? ALV_E_STORE : ALV_OK;
	bool	      stopped = false;

	while (!err) {
		struct pol_rule r;

		err = sto_step(s, q);
		if (err)
			break;
		r = sto_rule_read(q);
		err = each(arg, &r);
		stopped = err != ALV_OK;
	}
	if (q != NULL)
		sto_done(q);
	return err == ALV_E_NOT_FOUND && !stopped ? ALV_OK : err;
}

enum alv_err
sto_rule_count(struct sto_store *s, struct alv_str tenant, size_t *n)
{
	return sto_count(s, STO_SQL_RULE_COUNT, tenant, n);
}
