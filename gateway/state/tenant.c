/* Rows of tenants. */
#include <alcove/clock.h>
#include <alcove/str.h>

#include <stdio.h>

#include <openssl/rand.h>

#include "state/store_int.h"

static enum alv_err
read_row(struct sto_store *s, sqlite3_stmt *q, struct sto_tenant *t)
{
	int64_t	     state = sqlite3_column_int64(q, 2);
	enum alv_err err;

	memset(t, 0, sizeof(*t));
	err = sto_col_copy(s, q, 0, t->id, sizeof(t->id));
	if (!err)
		err = sto_col_copy(s, q, 1, t->display_name, sizeof(t->display_name));
	if (!err)
		err = sto_col_copy(s, q, 4, t->cluster_id, sizeof(t->cluster_id));
	/* What cannot be (the table checks it) is not served. */
	t->state = state == POL_ACTIVE ? POL_ACTIVE : state == POL_SUSPENDED ? POL_SUSPENDED : POL_DELETED;
	t->purging = sqlite3_column_int64(q, 3) != 0;
	t->revision = (uint64_t)sqlite3_column_int64(q, 5);
	t->authorizer = sqlite3_column_int64(q, 6) == POL_AUTHORIZER_NONE ? POL_AUTHORIZER_NONE : POL_AUTHORIZER_ACL;
	t->everyone_if_no_acl = sqlite3_column_int64(q, 7) != 0;
	t->auto_create = (struct pol_auto_create){ sqlite3_column_int64(q, 8) != 0, sqlite3_column_int(q, 9), sqlite3_column_int(q, 10) };
	return err;
}

static enum alv_err
read_one(struct sto_store *s, enum sto_sql which, struct alv_str key, struct sto_tenant *t)
{
	sqlite3_stmt *q = sto_query(s, which, STO_T(key));
	enum alv_err  err;

	if (q == NULL)
		return ALV_E_STORE;
	err = sto_step(s, q);
	if (!err)
		err = read_row(s, q, t);
	sto_done(q);
	return err;
}

enum alv_err
sto_tenant_get(struct sto_store *s, struct alv_str id, struct sto_tenant *t)
{
	return read_one(s, STO_SQL_TENANT_GET, id, t);
}

enum alv_err
sto_tenant_next(struct sto_store *s, struct alv_str after, struct sto_tenant *t)
{
	return read_one(s, STO_SQL_TENANT_NEXT, after.p == NULL ? ALV_STR("") : after, t);
}

static struct sto_audit
audit_of(struct sto_store *s, struct alv_str id, const char *what)
{
	return (struct sto_audit){ .s = s, .what = what, .tenant = id, .object = id, .json = STO_SQL_TENANT_JSON,
		.key = { STO_T(id) }, .nkey = 1 };
}

/* Ends what sto_audit_before began, whichever way the write in between went. */
static enum alv_err
end_audit(struct sto_audit *a, enum alv_err err)
{
	if (err) {
		sto_audit_drop(a);
		return err;
	}
	return sto_audit_after(a);
}

static enum alv_err
write_own(struct sto_store *s, const struct sto_tenant *t)
{
	struct alv_str id = alv_str_of(t->id);
	enum alv_err   err = t->own_set ? sto_run(s, STO_SQL_HOST_DEL, STO_T(id)) : ALV_OK;

	for (size_t i = 0; !err && t->own_set && i < t->nown; i++)
		err = sto_run(s, STO_SQL_HOST_ADD, STO_T(id), STO_I(i), STO_T(t->own[i].bootstrap), STO_T(t->own[i].node_text));
	return err;
}

static enum alv_err
write_supers(struct sto_store *s, const struct sto_tenant *t)
{
	struct alv_str id = alv_str_of(t->id);
	enum alv_err   err = t->supers_set ? sto_run(s, STO_SQL_SUPER_DEL, STO_T(id)) : ALV_OK;

	for (size_t i = 0; !err && t->supers_set && i < t->nsupers; i++)
		err = sto_run(s, STO_SQL_SUPER_ADD, STO_T(id), STO_T(t->supers[i]));
	return err;
}

enum alv_err
sto_own_read(struct sto_store *s, struct alv_str tenant, struct alv_str bootstrap, struct alv_str node_pattern, struct ten_own *o)
{
	const char *field, *expected;

	if (ten_own_parse(bootstrap, node_pattern, o, &field, &expected) == ALV_OK)
		return ALV_OK;
	snprintf(s->words, sizeof(s->words), "%s: a host name of tenant %.*s holds what Alcove did not write", s->file,
	    ALV_STR_ARG(tenant));
	return ALV_E_STORE;
}

enum alv_err
sto_own_others(struct sto_store *s, struct alv_str except, void *arg,
    bool (*each)(void *arg, struct alv_str tenant, const struct ten_own *o))
{
	sqlite3_stmt *q = sto_query(s, STO_SQL_HOST_OTHERS, STO_T(except));
	enum alv_err  err = q == NULL ? ALV_E_STORE : ALV_OK;
	bool	      stop = false;

	while (!err && !stop) {
		struct ten_own o;

		err = sto_step(s, q);
		if (!err)
			err = sto_own_read(s, sto_col(q, 0), sto_col(q, 1), sto_col(q, 2), &o);
		if (!err)
			stop = each(arg, sto_col(q, 0), &o);
	}
	if (q != NULL)
		sto_done(q);
	return err;
}

enum alv_err
sto_tenant_add(struct sto_store *s, struct sto_tenant *t)
{
	struct alv_str	  id = alv_str_of(t->id);
	struct sto_audit  a = audit_of(s, id, "tenant.create");
	struct sto_tenant there;
	struct alv_uuid	  random;
	enum alv_err	  err = sto_tenant_get(s, id, &there);

	if (err != ALV_E_NOT_FOUND)
		return err ? err : ALV_E_EXISTS;
	if (RAND_bytes(random.b, sizeof(random.b)) != 1)
		return ALV_E_CRYPTO;
	alv_uuid_text(random, t->cluster_id);
	err = sto_revision(s, &t->revision);
	if (!err)
		err = sto_audit_before(&a);
	if (err)
		return err;
	err = sto_run(s, STO_SQL_TENANT_ADD, STO_T(id), STO_Z(t->display_name), STO_I(t->state), STO_Z(t->cluster_id),
	    STO_I(t->revision), STO_I(alv_wall_ms()), STO_I(t->authorizer), STO_I(t->everyone_if_no_acl), STO_I(t->auto_create.on),
	    STO_I(t->auto_create.partitions), STO_I(t->auto_create.replication_factor));
	if (!err)
		err = write_supers(s, t);
	return end_audit(&a, err ? err : write_own(s, t));
}

enum alv_err
sto_tenant_set(struct sto_store *s, struct sto_tenant *t, const char *what)
{
	struct alv_str	 id = alv_str_of(t->id);
	struct sto_audit a = audit_of(s, id, what);
	enum alv_err	 err = sto_revision(s, &t->revision);

	if (!err)
		err = sto_audit_before(&a);
	if (err)
		return err;
	err = sto_run(s, STO_SQL_TENANT_SET, STO_T(id), STO_Z(t->display_name), STO_I(t->state), STO_I(t->purging),
	    STO_I(t->revision), STO_I(alv_wall_ms()), STO_I(t->authorizer), STO_I(t->everyone_if_no_acl), STO_I(t->auto_create.on),
	    STO_I(t->auto_create.partitions), STO_I(t->auto_create.replication_factor));
	if (!err && sqlite3_changes(s->db) != 1)
		err = ALV_E_NOT_FOUND;
	if (!err)
		err = write_supers(s, t);
	return end_audit(&a, err ? err : write_own(s, t));
}

enum alv_err
sto_tenant_remove(struct sto_store *s, struct alv_str id, const char *what)
{
	struct sto_audit a = audit_of(s, id, what);
	enum alv_err	 err = sto_audit_before(&a);

	if (err)
		return err;
	err = sto_run(s, STO_SQL_TENANT_DEL, STO_T(id));
	if (!err && sqlite3_changes(s->db) != 1)
		err = ALV_E_NOT_FOUND;
	return end_audit(&a, err);
}

enum alv_err
sto_tenant_touch(struct sto_store *s, struct alv_str tenant, uint64_t *revision)
{
	enum alv_err err = sto_revision(s, revision);

	if (!err)
		err = sto_run(s, STO_SQL_TENANT_TOUCH, STO_T(tenant), STO_I(*revision), STO_I(alv_wall_ms()));
	if (!err && sqlite3_changes(s->db) != 1)
		err = ALV_E_NOT_FOUND;
	return err;
}
