/* Rows of users and their SCRAM keys. Keys are sealed; salt and iterations are not secret (every login shows them). */
#include <alcove/str.h>

#include <openssl/crypto.h>

#include "state/store_int.h"
#include "state/keys.h"

enum alv_err
sto_user_get(struct sto_store *s, struct alv_str tenant, struct alv_str name, bool *enabled, uint64_t *revision)
{
	sqlite3_stmt *q = sto_query(s, STO_SQL_USER_GET, STO_T(tenant), STO_T(name));
	enum alv_err  err;

	if (q == NULL)
		return ALV_E_STORE;
	err = sto_step(s, q);
	if (!err) {
		*enabled = sqlite3_column_int64(q, 0) != 0;
		*revision = (uint64_t)sqlite3_column_int64(q, 1);
	}
	sto_done(q);
	return err;
}

static struct sto_audit
audit_of(struct sto_store *s, struct alv_str tenant, struct alv_str name, const char *what)
{
	return (struct sto_audit){ .s = s, .what = what, .tenant = tenant, .object = name, .json = STO_SQL_USER_JSON,
		.key = { STO_T(tenant), STO_T(name) }, .nkey = 2 };
}

static enum alv_err
put_keys(struct sto_store *s, struct alv_str tenant, struct alv_str name, enum pol_mechanism m, const struct pol_scram *k)
{
	uint8_t	     plain[STO_KEYS_BYTES], sealed[STO_SEALED_LEN(STO_KEYS_BYTES)];
	enum alv_err err;
	struct sto_place at = sto_keys_place(tenant, name, m);

	memcpy(plain, k->stored_key, sizeof(k->stored_key));
	memcpy(plain + sizeof(k->stored_key), k->server_key, sizeof(k->server_key));
	err = sto_seal(&s->key, &at, plain, sizeof(plain), sealed);
	OPENSSL_cleanse(plain, sizeof(plain));
	if (err)
		return err;
	return sto_run(s, STO_SQL_KEYS_PUT, STO_T(tenant), STO_T(name), STO_I(m), STO_I(k->iterations),
	    STO_B(k->salt, k->salt_n), STO_B(sealed, sizeof(sealed)), STO_Z(s->key.id));
}

struct sto_place
sto_keys_place(struct alv_str tenant, struct alv_str name, enum pol_mechanism m)
{
	return (struct sto_place){ .table = "scram",
		.part = { tenant, name, m == POL_SCRAM_SHA_256 ? ALV_STR("SCRAM-SHA-256") : ALV_STR("SCRAM-SHA-512") } };
}

static enum alv_err
put_all(struct sto_store *s, struct alv_str tenant, const struct pol_user *u)
{
	bool	     keys = u->scram[POL_SCRAM_SHA_256].present || u->scram[POL_SCRAM_SHA_512].present;
	enum alv_err err;

	err = sto_run(s, STO_SQL_USER_PUT, STO_T(tenant), STO_T(u->name), STO_I(u->enabled), STO_I(u->revision), STO_I(keys));
	for (int m = 0; !err && m < POL_MECHANISMS; m++)
		if (u->scram[m].present)
			err = put_keys(s, tenant, u->name, (enum pol_mechanism)m, &u->scram[m]);
	return err;
}

enum alv_err
sto_user_put(struct sto_store *s, struct alv_str tenant, struct pol_user *u)
{
	struct sto_audit a = audit_of(s, tenant, u->name, "user.put");
	enum alv_err	 err = sto_tenant_touch(s, tenant, &u->revision);

	if (!err)
		err = sto_audit_before(&a);
	if (err)
		return err;
	err = put_all(s, tenant, u);
	if (!err)
		return sto_audit_after(&a);
	sto_audit_drop(&a);
	return err;
}

static enum alv_err
count_keys(struct sto_store *s, struct alv_str tenant, struct alv_str name, size_t *n)
{
	sqlite3_stmt *q = sto_query(s, STO_SQL_KEYS_COUNT, STO_T(tenant), STO_T(name));
	enum alv_err  err = q == NULL ? ALV_E_STORE : sto_step(s, q);

	if (!err)
		*n = (size_t)sqlite3_column_int64(q, 0);
	if (q != NULL)
		sto_done(q);
	return err;
}

static enum alv_err
drop_keys(struct sto_store *s, struct alv_str tenant, struct alv_str name, enum pol_mechanism m, size_t *left, uint64_t revision)
{
	bool	     enabled;
	uint64_t     before;
	enum alv_err err = sto_user_get(s, tenant, name, &enabled, &before);

	if (!err)
		err = sto_run(s, STO_SQL_KEYS_DEL, STO_T(tenant), STO_T(name), STO_I(m));
	if (!err && sqlite3_changes(s->db) != 1)
		err = ALV_E_NOT_FOUND;
	if (!err)
		err = sto_run(s, STO_SQL_USER_PUT, STO_T(tenant), STO_T(name), STO_I(enabled), STO_I(revision), STO_I(1));
	return err ? err : count_keys(s, tenant, name, left);
}

enum alv_err
sto_user_drop_keys(struct sto_store *s, struct alv_str tenant, struct alv_str name, enum pol_mechanism m, size_t *left,
    uint64_t *revision)
{
	struct sto_audit a = audit_of(s, tenant, name, "user.put");
	enum alv_err	 err = sto_tenant_touch(s, tenant, revision);

	if (!err)
		err = sto_audit_before(&a);
	if (err)
		return err;
	err = drop_keys(s, tenant, name, m, left, *revision);
	if (!err)
		return sto_audit_after(&a);
	sto_audit_drop(&a);
	return err;
}

enum alv_err
sto_user_count(struct sto_store *s, struct alv_str tenant, size_t *n)
{
	return sto_count(s, STO_SQL_USER_COUNT, tenant, n);
}

static enum alv_err
put_groups(struct sto_store *s, struct alv_str tenant, struct alv_str name, const struct pol_groups *g, uint64_t revision)
{
	enum alv_err err = sto_run(s, STO_SQL_GROUP_DEL, STO_T(tenant), STO_T(name));

	for (size_t i = 0; !err && i < g->n; i++)
		err = sto_run(s, STO_SQL_GROUP_ADD, STO_T(tenant), STO_T(name), STO_T(g->name[i]));
	return err ? err : sto_run(s, STO_SQL_GROUP_TOUCH, STO_T(tenant), STO_T(name), STO_I(revision));
}

enum alv_err
sto_user_groups(struct sto_store *s, struct alv_str tenant, struct alv_str name, const struct pol_groups *g, uint64_t *revision)
{
	struct sto_audit a = audit_of(s, tenant, name, "user.groups");
	enum alv_err	 err = sto_tenant_touch(s, tenant, revision);

	if (!err)
		err = sto_audit_before(&a);
	if (err)
		return err;
	err = put_groups(s, tenant, name, g, *revision);
	if (!err)
		return sto_audit_after(&a);
	sto_audit_drop(&a);
	return err;
}

enum alv_err
sto_user_delete(struct sto_store *s, struct alv_str tenant, struct alv_str name, uint64_t *revision)
{
	struct sto_audit a = audit_of(s, tenant, name, "user.delete");
	enum alv_err	 err = sto_tenant_touch(s, tenant, revision);

	if (!err)
		err = sto_audit_before(&a);
	if (err)
		return err;
	err = sto_run(s, STO_SQL_USER_DEL, STO_T(tenant), STO_T(name));
	if (!err && sqlite3_changes(s->db) != 1)
		err = ALV_E_NOT_FOUND;
	if (!err)
		return sto_audit_after(&a);
	sto_audit_drop(&a);
	return err;
}
