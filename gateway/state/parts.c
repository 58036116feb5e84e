/* Everything of one tenant, read at once, for its snapshot. A row that does not unseal or does not fit fails the whole:
 * no half tenant is ever served. Each kind: count, allocate, read into rows. */
#include <alcove/str.h>

#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "state/keys.h"
#include "state/store_int.h"

enum { TEXT_LIMIT = 64 * 1024 * 1024 };

enum alv_err
sto_count(struct sto_store *s, enum sto_sql which, struct alv_str tenant, size_t *n)
{
	sqlite3_stmt *q = sto_query(s, which, STO_T(tenant));
	enum alv_err  err;

	if (q == NULL)
		return ALV_E_STORE;
	err = sto_step(s, q);
	if (!err)
		*n = (size_t)sqlite3_column_int64(q, 0);
	sto_done(q);
	return err;
}

/* Calls row() for each row, at most max. */
static enum alv_err
each_row(struct sto_store *s, sqlite3_stmt *q, size_t max, void *arg,
    enum alv_err (*row)(struct sto_store *s, sqlite3_stmt *q, size_t i, void *arg))
{
	enum alv_err err = q == NULL ? ALV_E_STORE : ALV_OK;

	for (size_t i = 0; !err; i++) {
		err = sto_step(s, q);
		if (!err)
			err = i < max ? row(s, q, i, arg) : ALV_E_STORE;
	}
	if (q != NULL)
		sto_done(q);
	return err == ALV_E_NOT_FOUND ? ALV_OK : err;
}

/* ---- users -------------------------------------------------------------------------------------------- */

struct users {
	struct sto_parts *p;
	struct pol_user	 *user;
	size_t		  n, at;	/* rows of keys and of groups come in the order of the users: where we are */
	struct alv_str	 *group;	/* of all; in p's arena */
};

static enum alv_err
user_row(struct sto_store *s, sqlite3_stmt *q, size_t i, void *arg)
{
	struct users *u = arg;

	(void)s;
	u->user[i].name = alv_arena_str(&u->p->text, sto_col(q, 0));
	u->user[i].enabled = sqlite3_column_int64(q, 1) != 0;
	u->user[i].revision = (uint64_t)sqlite3_column_int64(q, 2);
	u->user[i].version = (uint64_t)sqlite3_column_int64(q, 3);
	u->n = i + 1;
	return u->user[i].name.p == NULL ? ALV_E_NOMEM : ALV_OK;
}

static enum alv_err
bad_keys(struct sto_store *s, const struct users *u, sqlite3_stmt *q)
{
	struct alv_str name = sto_col(q, 0), key = sto_col(q, 5);

	snprintf(s->words, sizeof(s->words), "%s: the keys of user %.*s of tenant %s do not unseal: sealed with key %.*s, "
	    "ours is %s", s->file, (int)(name.n < 64 ? name.n : 64), name.p == NULL ? "" : name.p, u->p->tenant.id,
	    (int)(key.n < 32 ? key.n : 32), key.p == NULL ? "" : key.p, s->key.id);
	return ALV_E_STORE;
}

static enum alv_err
keys_row(struct sto_store *s, sqlite3_stmt *q, size_t i, void *arg)
{
	struct users	 *u = arg;
	struct alv_str	  name = sto_col(q, 0), salt = sto_col(q, 3), sealed = sto_col(q, 4);
	int64_t		  m = sqlite3_column_int64(q, 1), iterations = sqlite3_column_int64(q, 2);
	struct pol_scram *k;
	struct sto_place  at;
	uint8_t		  plain[STO_KEYS_BYTES];
	size_t		  n = 0;

	(void)i;
	while (u->at < u->n && !alv_str_eq(u->user[u->at].name, name))
		u->at++;
	if (u->at == u->n || m < 0 || m >= POL_MECHANISMS || salt.n == 0 || salt.n > sizeof(k->salt) || iterations < 1 ||
	    iterations > UINT32_MAX || sealed.n != STO_SEALED_LEN(STO_KEYS_BYTES))
		return bad_keys(s, u, q);
	at = sto_keys_place(alv_str_of(u->p->tenant.id), name, (enum pol_mechanism)m);
	if (sto_unseal(&s->key, &at, sealed.p, sealed.n, plain, &n))
		return bad_keys(s, u, q);
	k = &u->user[u->at].scram[m];
	*k = (struct pol_scram){ .present = true, .iterations = (uint32_t)iterations, .salt_n = (uint8_t)salt.n };
	memcpy(k->salt, salt.p, salt.n);
	memcpy(k->stored_key, plain, sizeof(k->stored_key));
	memcpy(k->server_key, plain + sizeof(k->stored_key), sizeof(k->server_key));
	OPENSSL_cleanse(plain, sizeof(plain));
	return ALV_OK;
}

/* In the order of the users, each one's side by side. */
static enum alv_err
group_row(struct sto_store *s, sqlite3_stmt *q, size_t i, void *arg)
{
	struct users   *u = arg;
	struct alv_str *name = &u->group[i];

	(void)s;
	*name = alv_arena_str(&u->p->text, sto_col(q, 1));
	while (u->at < u->n && !alv_str_eq(u->user[u->at].name, sto_col(q, 0)))
		u->at++;
	if (u->at == u->n)
		return ALV_E_STORE;
	if (u->user[u->at].ngroups++ == 0)
		u->user[u->at].groups = name;
	return name->p == NULL ? ALV_E_NOMEM : ALV_OK;
}

static enum alv_err
load_groups(struct sto_store *s, struct alv_str id, struct users *u)
{
	size_t	     n = 0;
	enum alv_err err = sto_count(s, STO_SQL_GROUP_COUNT, id, &n);

	if (err || n == 0)
		return err;
	u->group = alv_arena_alloc(&u->p->text, n * sizeof(*u->group));
	if (u->group == NULL)
		return ALV_E_NOMEM;
	u->at = 0;
	return each_row(s, sto_query(s, STO_SQL_GROUP_LIST, STO_T(id)), n, u, group_row);
}

static enum alv_err
load_users(struct sto_store *s, struct alv_str id, struct sto_parts *p)
{
	struct users u = { .p = p };
	size_t	     n = 0;
	enum alv_err err = sto_count(s, STO_SQL_USER_COUNT, id, &n);

	if (err || n == 0)
		return err;
	u.user = calloc(n, sizeof(*u.user));
	if (u.user == NULL)
		return ALV_E_NOMEM;
	p->parts.users = u.user;
	p->parts.nusers = n;
	err = each_row(s, sto_query(s, STO_SQL_USER_LIST, STO_T(id)), n, &u, user_row);
	if (!err)
		err = each_row(s, sto_query(s, STO_SQL_KEYS_LIST, STO_T(id)), n * POL_MECHANISMS, &u, keys_row);
	return err ? err : load_groups(s, id, &u);
}

/* ---- aliases and rules ----------------------------------------------------------------------------------- */

static enum alv_err
alias_row(struct sto_store *s, sqlite3_stmt *q, size_t i, void *arg)
{
	struct sto_parts *p = arg;
	struct ten_alias *a = (struct ten_alias *)p->parts.aliases + i;
	int64_t		  kind = sqlite3_column_int64(q, 0);

	(void)s;
	a->kind = kind == TEN_TOPIC ? TEN_TOPIC : kind == TEN_GROUP ? TEN_GROUP : TEN_TXN;
	a->virt = alv_arena_str(&p->text, sto_col(q, 1));
	a->phys = alv_arena_str(&p->text, sto_col(q, 2));
	a->writable = sqlite3_column_int64(q, 3) != 0;
	return p->text.failed ? ALV_E_NOMEM : ALV_OK;
}

static enum alv_err
load_aliases(struct sto_store *s, struct alv_str id, struct sto_parts *p)
{
	size_t	     n = 0;
	enum alv_err err = sto_count(s, STO_SQL_ALIAS_COUNT, id, &n);

	if (err || n == 0)
		return err;
	p->parts.aliases = calloc(n, sizeof(struct ten_alias));
	if (p->parts.aliases == NULL)
		return ALV_E_NOMEM;
	p->parts.naliases = n;
	return each_row(s, sto_query(s, STO_SQL_ALIAS_LIST, STO_T(id)), n, p, alias_row);
}

static enum alv_err
rule_row(struct sto_store *s, sqlite3_stmt *q, size_t i, void *arg)
{
	struct sto_parts *p = arg;
	struct pol_rule	 *r = (struct pol_rule *)p->parts.rules + i;

	(void)s;
	*r = sto_rule_read(q);
	r->name = alv_arena_str(&p->text, r->name);
	r->principal = alv_arena_str(&p->text, r->principal);
	r->host = alv_arena_str(&p->text, r->host);
	return p->text.failed ? ALV_E_NOMEM : ALV_OK;
}

static enum alv_err
load_rules(struct sto_store *s, struct alv_str id, struct sto_parts *p)
{
	size_t	     n = 0;
	enum alv_err err = sto_count(s, STO_SQL_RULE_COUNT, id, &n);

	if (err || n == 0)
		return err;
	p->parts.rules = calloc(n, sizeof(struct pol_rule));
	if (p->parts.rules == NULL)
		return ALV_E_NOMEM;
	p->parts.nrules = n;
	return each_row(s, sto_query(s, STO_SQL_RULE_LIST, STO_T(id)), n, p, rule_row);
}

static enum alv_err
super_row(struct sto_store *s, sqlite3_stmt *q, size_t i, void *arg)
{
	struct sto_parts *p = arg;

	(void)s;
	((struct alv_str *)p->parts.supers)[i] = alv_arena_str(&p->text, sto_col(q, 0));
	return p->text.failed ? ALV_E_NOMEM : ALV_OK;
}

static enum alv_err
load_supers(struct sto_store *s, struct alv_str id, struct sto_parts *p)
{
	size_t	     n = 0;
	enum alv_err err = sto_count(s, STO_SQL_SUPER_COUNT, id, &n);

	if (err || n == 0)
		return err;
	p->parts.supers = calloc(n, sizeof(struct alv_str));
	if (p->parts.supers == NULL)
		return ALV_E_NOMEM;
	p->parts.nsupers = n;
	return each_row(s, sto_query(s, STO_SQL_SUPER_LIST, STO_T(id)), n, p, super_row);
}

static enum alv_err
own_row(struct sto_store *s, sqlite3_stmt *q, size_t i, void *arg)
{
	struct sto_parts *p = arg;
	struct alv_str	  bootstrap = alv_arena_str(&p->text, sto_col(q, 0)), pattern = alv_arena_str(&p->text, sto_col(q, 1));

	if (p->text.failed)
		return ALV_E_NOMEM;
	return sto_own_read(s, alv_str_of(p->tenant.id), bootstrap, pattern, (struct ten_own *)p->parts.own + i);
}

static enum alv_err
load_own(struct sto_store *s, struct alv_str id, struct sto_parts *p)
{
	size_t	     n = 0;
	enum alv_err err = sto_count(s, STO_SQL_HOST_COUNT, id, &n);

	if (err || n == 0)
		return err;
	if (n > TEN_OWN_MAX) {
		snprintf(s->words, sizeof(s->words), "%s: tenant %s has %zu host names, expected at most %d", s->file, p->tenant.id, n,
		    TEN_OWN_MAX);
		return ALV_E_STORE;
	}
	p->parts.own = calloc(n, sizeof(struct ten_own));
	if (p->parts.own == NULL)
		return ALV_E_NOMEM;
	p->parts.nown = n;
	return each_row(s, sto_query(s, STO_SQL_HOST_LIST, STO_T(id)), n, p, own_row);
}

/* ---- quotas -------------------------------------------------------------------------------------------------- */

/* Rows of one entity come one after the other. */
static enum alv_err
quota_row(struct sto_store *s, sqlite3_stmt *q, size_t i, void *arg)
{
	struct sto_parts	*p = arg;
	struct pol_quota	*all = (struct pol_quota *)p->parts.quotas, *last = p->parts.nquotas == 0 ? NULL : &all[p->parts.nquotas - 1];
	struct pol_quota_entity	 e;
	enum pol_quota_key	 key;
	double			 value;
	enum alv_err		 err = sto_quota_read(s, q, &e, &key, &value);

	(void)i;
	if (err)
		return err;
	if (last == NULL || pol_quota_entity_cmp(&last->entity, &e) != 0) {
		last = &all[p->parts.nquotas++];
		last->entity = e;
		for (size_t k = 0; k < ALV_COUNT(e.part); k++)
			last->entity.part[k].name = alv_arena_str(&p->text, e.part[k].name);
	}
	last->set |= 1u << key;
	last->value[key] = value;
	return p->text.failed ? ALV_E_NOMEM : ALV_OK;
}

static enum alv_err
load_quotas(struct sto_store *s, struct alv_str id, struct sto_parts *p)
{
	size_t	     n = 0;
	enum alv_err err = sto_count(s, STO_SQL_QUOTA_COUNT, id, &n);

	if (err || n == 0)
		return err;
	p->parts.quotas = calloc(n, sizeof(struct pol_quota));
	if (p->parts.quotas == NULL)
		return ALV_E_NOMEM;
	return each_row(s, sto_query(s, STO_SQL_QUOTA_LIST, STO_T(id)), n * POL_QUOTA_KEYS, p, quota_row);
}

/* ---- all of it --------------------------------------------------------------------------------------------- */

enum alv_err
sto_parts_load(struct sto_store *s, struct alv_str id, struct sto_parts *p)
{
	enum alv_err err;

	memset(p, 0, sizeof(*p));
	alv_arena_init(&p->text, TEXT_LIMIT);
	err = sto_tenant_get(s, id, &p->tenant);
	if (!err)
		err = load_users(s, id, p);
	if (!err)
		err = load_aliases(s, id, p);
	if (!err)
		err = load_rules(s, id, p);
	if (!err)
		err = load_supers(s, id, p);
	if (!err)
		err = load_own(s, id, p);
	if (!err)
		err = load_quotas(s, id, p);
	if (err) {
		sto_parts_fini(p);
		return err;
	}
	p->parts.id = alv_str_of(p->tenant.id);
	p->parts.display_name = alv_str_of(p->tenant.display_name);
	p->parts.state = p->tenant.state;
	p->parts.revision = p->tenant.revision;
	p->parts.cluster_id = p->tenant.cluster_id;
	p->parts.authorizer = p->tenant.authorizer;
	p->parts.everyone_if_no_acl = p->tenant.everyone_if_no_acl;
	p->parts.auto_create = p->tenant.auto_create;
	return ALV_OK;
}

void
sto_parts_fini(struct sto_parts *p)
{
	if (p->parts.users != NULL)
		OPENSSL_cleanse((void *)p->parts.users, p->parts.nusers * sizeof(*p->parts.users));
	free((void *)p->parts.users);
	free((void *)p->parts.aliases);
	free((void *)p->parts.rules);
	free((void *)p->parts.supers);
	free((void *)p->parts.own);
	free((void *)p->parts.quotas);
	alv_arena_fini(&p->text);
	memset(p, 0, sizeof(*p));
}
