/* /v1/tenants/{id}/quotas. An entity's name has several parts, so quotas are listed, altered and deleted as ACLs are: by lists and
 * filters. Their ETag is the tenant's. */
#include "admin-api/quotas.h"

#include "admin-api/body.h"
#include "admin-api/change.h"

#include <stdio.h>

/* ---- filters -------------------------------------------------------------------------------------------------- */

bool
adm_quota_key(struct adm_req *r, enum pol_quota_key *key)
{
	struct alv_str s = r->query[ADM_Q_KEY];

	*key = s.p == NULL ? POL_QUOTA_KEYS : pol_quota_key_of(s);
	if (s.p == NULL || *key != POL_QUOTA_KEYS)
		return true;
	adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "key: found \"%.*s\", expected a limit's name; docs/quotas.md lists all", ALV_STR_ARG(s));
	return false;
}

static bool
read_type(struct adm_req *r, struct pol_quota_filter *f)
{
	static const struct { const char *word; unsigned kinds; } words[] = {
		{ "any", (1u << POL_QUOTA_KINDS) - 1 }, { "tenant", 1u << POL_QUOTA_OF_TENANT }, { "client", 1u << POL_QUOTA_OF_CLIENT },
		{ "group", 1u << POL_QUOTA_OF_GROUP }, { "unattributed", 1u << POL_QUOTA_OF_GROUP }, { "address", 1u << POL_QUOTA_OF_ADDRESS },
	};
	struct alv_str s = r->query[ADM_Q_TYPE];

	for (size_t i = 0; i < ALV_COUNT(words); i++)
		if (s.p == NULL || alv_str_eqz(s, words[i].word)) {
			f->kinds = words[i].kinds;
			f->unattributed = s.p != NULL && strcmp(words[i].word, "unattributed") == 0;
			return true;
		}
	adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "type: found \"%.*s\", expected any, tenant, client, group, unattributed or address",
	    ALV_STR_ARG(s));
	return false;
}

static void
read_part(const struct adm_req *r, enum adm_query q, enum pol_quota_kind kind, int part, struct pol_quota_filter *f)
{
	struct alv_str s = r->query[q];

	if (s.p == NULL)
		return;
	f->kinds &= 1u << kind;
	f->part[part].fit = alv_str_eqz(s, POL_QUOTA_DEFAULT_WORD) ? POL_QUOTA_FIT_DEFAULT : POL_QUOTA_FIT_NAME;
	f->part[part].name = s;
}

/* Views of the request's query. False: answered. */
static bool
read_filter(struct adm_req *r, struct pol_quota_filter *f)
{
	enum pol_quota_key key;

	*f = (struct pol_quota_filter){ .keys = 0 };
	if (!read_type(r, f) || !adm_quota_key(r, &key))
		return false;
	if (key != POL_QUOTA_KEYS)
		f->keys = 1u << key;
	read_part(r, ADM_Q_USER, POL_QUOTA_OF_CLIENT, 0, f);
	read_part(r, ADM_Q_CLIENT_ID, POL_QUOTA_OF_CLIENT, 1, f);
	read_part(r, ADM_Q_GROUP, POL_QUOTA_OF_GROUP, 0, f);
	read_part(r, ADM_Q_ADDRESS, POL_QUOTA_OF_ADDRESS, 0, f);
	return true;
}

static bool
any_filter(const struct adm_req *r)
{
	static const enum adm_query all[] = { ADM_Q_TYPE, ADM_Q_USER, ADM_Q_CLIENT_ID, ADM_Q_GROUP, ADM_Q_ADDRESS, ADM_Q_KEY };

	for (size_t i = 0; i < ALV_COUNT(all); i++)
		if (r->query[all[i]].p != NULL)
			return true;
	return false;
}

/* ---- pages: `next` is the last one of a page: numbers, then the names, which may hold anything ----------------------- */

static json_t *
next_json(const struct pol_quota_entity *e)
{
	return json_sprintf("%d,%d,%d,%zu,%.*s%.*s", (int)e->kind, (int)e->part[0].match, (int)e->part[1].match, e->part[0].name.n,
	    ALV_STR_ARG(e->part[0].name), ALV_STR_ARG(e->part[1].name));
}

static bool
next_number(struct alv_str *rest, uint64_t max, uint64_t *n)
{
	const char    *comma = rest->n == 0 ? NULL : memchr(rest->p, ',', rest->n);
	struct alv_str part = alv_str_make(rest->p, comma == NULL ? rest->n : (size_t)(comma - rest->p));

	rest->p += part.n + (comma != NULL);
	rest->n -= part.n + (comma != NULL);
	return comma != NULL && alv_str_u64(part, max, n) == ALV_OK;
}

/* False: answered. *given: whether there is one. */
static bool
read_after(struct adm_req *r, struct pol_quota_entity *e, bool *given)
{
	struct alv_str rest = r->query[ADM_Q_AFTER];
	uint64_t       kind, a, b, n;

	*given = rest.p != NULL;
	if (!*given)
		return true;
	if (!next_number(&rest, POL_QUOTA_KINDS - 1, &kind) || !next_number(&rest, POL_QUOTA_UNATTRIBUTED, &a) ||
	    !next_number(&rest, POL_QUOTA_UNATTRIBUTED, &b) || !next_number(&rest, POL_QUOTA_NAME_MAX, &n) || n > rest.n) {
		adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "after: found \"%.*s\", expected `next` of a page of quotas",
		    ALV_STR_ARG(r->query[ADM_Q_AFTER]));
		return false;
	}
	*e = (struct pol_quota_entity){ (enum pol_quota_kind)kind, { { (enum pol_quota_match)a, alv_str_make(rest.p, n) },
		{ (enum pol_quota_match)b, alv_str_make(rest.p + n, rest.n - n) } } };
	return true;
}

void
adm_quota_list(struct adm_req *r)
{
	size_t			 limit = adm_limit(r), n = 0, last = 0;
	const struct pol_tenant *t = limit == 0 ? NULL : adm_tenant(r);
	struct pol_quota_filter	 f;
	struct pol_quota_entity	 after;
	bool			 given;
	json_t			*items, *next = NULL;

	if (t == NULL || !read_filter(r, &f) || !read_after(r, &after, &given) || adm_not_modified(r, t->revision))
		return;
	items = json_array();
	for (size_t i = 0; i < t->nquotas && next == NULL; i++) {
		const struct pol_quota *q = &t->quotas[i];

		if ((given && pol_quota_entity_cmp(&q->entity, &after) <= 0) || !pol_quota_filter_fits(&f, q))
			continue;
		if (n++ == limit) {
			next = next_json(&t->quotas[last].entity);
			break;
		}
		json_array_append_new(items, adm_quota_json(q));
		last = i;
	}
	adm_set_etag(r, t->revision);
	adm_answer_json(r, 200, json_pack("{s:o, s:o}", "items", items, "next", next == NULL ? json_null() : next));
}

/* ---- changes -------------------------------------------------------------------------------------------------- */

/* For the tenant in {id}, with the client's condition and room for quotas. NULL: answered. */
static struct adm_change *
change_of(struct adm_req *r, enum con_op op)
{
	struct adm_change *c = adm_change_of_tenant(r, op);

	if (c == NULL)
		return NULL;
	c->con.quotas = pol_quota_list_new();
	if (c->con.quotas == NULL) {
		adm_problem(r, ADM_P_INTERNAL, NULL, "out of memory");
		adm_change_free(c);
		return NULL;
	}
	return c;
}

static void
reply_altered(struct adm_req *r, struct adm_change *c)
{
	adm_set_etag(r, c->con.revision);
	adm_answer_json(r, 200, json_pack("{s:I}", "changed", (json_int_t)c->con.changed));
}

static void
alter(struct adm_req *r, bool all)
{
	struct adm_change *c = change_of(r, CON_QUOTA_ALTER);

	if (c == NULL)
		return;
	c->con.quotas_all = all;
	if (adm_body_read(r, c))
		adm_change_submit(c, reply_altered);
	else
		adm_change_free(c);
}

void
adm_quota_post(struct adm_req *r)
{
	alter(r, false);
}

void
adm_quota_put(struct adm_req *r)
{
	alter(r, true);
}

static void
reply_deleted(struct adm_req *r, struct adm_change *c)
{
	json_t *items = json_array();

	for (size_t i = 0; i < c->con.quotas->n; i++)
		json_array_append_new(items, adm_quota_json(&c->con.quotas->item[i].quota));
	adm_set_etag(r, c->con.revision);
	adm_answer_json(r, 200, json_pack("{s:I, s:o}", "deleted", (json_int_t)c->con.quotas->n, "items", items));
}

void
adm_quota_delete(struct adm_req *r)
{
	struct pol_quota_filter f;
	struct adm_change      *c;

	if (!any_filter(r)) {
		adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "found no filter, expected one at least; type=any fits every quota");
		return;
	}
	if (!read_filter(r, &f) || (c = change_of(r, CON_QUOTA_DELETE)) == NULL)
		return;
	/* The request may be gone before the change is made. */
	for (size_t i = 0; i < ALV_COUNT(f.part); i++)
		f.part[i].name = alv_arena_str(&c->con.quotas->text, f.part[i].name);
	c->con.quota_filter = f;
	if (!c->con.quotas->text.failed) {
		adm_change_submit(c, reply_deleted);
		return;
	}
	adm_problem(r, ADM_P_INTERNAL, NULL, "out of memory");
	adm_change_free(c);
}
