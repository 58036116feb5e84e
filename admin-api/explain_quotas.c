/* /v1/tenants/{id}/quotas/explain: which entry decides for somebody, and why. It asks what the gateway itself asks: the limits
 * of <alcove/quota_policy.h>, and the candidates behind them. */
#include "admin-api/quotas.h"

#include <stdio.h>

struct asked {
	const struct pol_tenant *t;
	struct alv_str		 principal, client_id, group, address;
	bool			 client, of_group;	/* asked for; of a group also where it is null: unattributed */
};

static json_t *
entity_text(const struct pol_quota_entity *e)
{
	struct alv_buf b;
	json_t	      *text;

	alv_buf_init(&b, 2048);
	pol_quota_entity_text(e, &b);
	text = adm_json_str(alv_str_make(b.p, b.n));
	alv_buf_fini(&b);
	return text;
}

static double
limit_of(const struct asked *a, const struct pol_quota_entity *e, enum pol_quota_key key, bool *has)
{
	const struct pol_quota *q = pol_quota_find(a->t, e);

	*has = q != NULL && (q->set & 1u << key) != 0;
	return *has ? q->value[key] : 0;
}

/* Everything that could have decided, in order, with its limit. */
static json_t *
considered(const struct asked *a, enum pol_quota_key key, const struct pol_quota_entity *e, size_t n)
{
	json_t *all = json_array();

	for (size_t i = 0; i < n; i++) {
		bool   has;
		double limit = limit_of(a, &e[i], key, &has);

		json_array_append_new(all, json_pack("{s:o, s:o}", "entry", entity_text(&e[i]), "limit", has ? adm_quota_number(limit) : json_null()));
	}
	return all;
}

/* What shares the number: all of the cell's parts together. */
static json_t *
cell_text(enum pol_quota_kind kind, const struct pol_quota_cell *c)
{
	struct pol_quota_entity e = { .kind = kind };

	if (kind == POL_QUOTA_OF_GROUP && c->part[0].p == NULL)
		e.part[0].match = POL_QUOTA_UNATTRIBUTED;
	for (size_t i = 0; i < ALV_COUNT(c->part); i++)
		if (c->part[i].p != NULL)
			e.part[i] = (struct pol_quota_part){ POL_QUOTA_NAMED, c->part[i] };
	return entity_text(&e);
}

static json_t *
why(const struct pol_quota_cell *c, bool limited, const struct pol_quota_entity *e, size_t n)
{
	struct alv_buf b;
	json_t	      *text;
	size_t	       at = 0;

	alv_buf_init(&b, 8192);
	while (at < n && (c->quota == NULL || pol_quota_entity_cmp(&e[at], &c->quota->entity) != 0))
		at++;
	if (!limited) {
		alv_buf_z(&b, "no entry has this limit");
	} else if (c->quota == NULL) {
		alv_buf_z(&b, "no entry has this limit, so the standard one holds");
	} else {
		pol_quota_entity_text(&c->quota->entity, &b);
		alv_buf_z(&b, " decides");
	}
	for (size_t i = 0; limited && c->quota != NULL && i < at; i++) {
		alv_buf_z(&b, i == 0 ? "; before it come: " : "; ");
		pol_quota_entity_text(&e[i], &b);
	}
	if (limited && c->quota != NULL && at > 0)
		alv_buf_z(&b, " - without such a limit");
	text = adm_json_str(alv_str_make(b.p, b.n));
	alv_buf_fini(&b);
	return text;
}

/* How the limits of each kind are asked. */
static size_t
ask(const struct asked *a, enum pol_quota_kind kind, enum pol_quota_key key, struct pol_quota_entity e[static POL_QUOTA_CANDIDATES],
    struct pol_quota_cell *c, bool *limited)
{
	switch (kind) {
	case POL_QUOTA_OF_CLIENT:
		*limited = pol_quota_client(a->t, key, a->principal, a->client_id, c);
		return pol_quota_client_candidates(a->principal, a->client_id, e);
	case POL_QUOTA_OF_GROUP:
		*limited = pol_quota_group(a->t, key, a->group, c);
		return pol_quota_group_candidates(a->group, e);
	case POL_QUOTA_OF_ADDRESS:
		*limited = pol_quota_address(a->t, key, a->address, c);
		return pol_quota_address_candidates(a->address, e);
	default:
		*limited = pol_quota_tenant(a->t, key, c);
		e[0] = (struct pol_quota_entity){ .kind = POL_QUOTA_OF_TENANT };
		return 1;
	}
}

static json_t *
ruling(const struct asked *a, enum pol_quota_kind kind, enum pol_quota_key key)
{
	static const char *const levels[POL_QUOTA_KINDS] = { "tenant", "client", "group", "address" };
	const struct pol_quota_key_info *info = pol_quota_info(key);
	struct pol_quota_entity		 e[POL_QUOTA_CANDIDATES];
	struct pol_quota_cell		 c;
	bool				 limited;
	size_t				 n = ask(a, kind, key, e, &c, &limited);

	return json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:b, s:o}", "key", info->name, "level", levels[kind], "limit",
	    limited ? adm_quota_number(c.limit) : json_null(), "unit", info->unit, "decides", c.quota != NULL ? entity_text(&c.quota->entity) :
	    json_null(), "for", limited ? cell_text(kind, &c) : json_null(), "reason", why(&c, limited, e, n), "enforced",
	    (info->enforced & 1u << kind) != 0, "considered", considered(a, key, e, n));
}

static void
add(const struct asked *a, enum pol_quota_key key, json_t *items)
{
	const bool wanted[POL_QUOTA_KINDS] = { true, a->client, a->of_group, a->address.p != NULL };

	for (int kind = 0; kind < POL_QUOTA_KINDS; kind++)
		if (wanted[kind] && (pol_quota_info(key)->on & 1u << kind) != 0)
			json_array_append_new(items, ruling(a, (enum pol_quota_kind)kind, key));
}

static bool
has_limit(const struct asked *a, enum pol_quota_match match, enum pol_quota_key key)
{
	const struct pol_quota_entity e = { .kind = POL_QUOTA_OF_GROUP, .part = { { .match = match } } };
	bool			      has;

	(void)limit_of(a, &e, key, &has);
	return has;
}

static bool
some_group_has(const struct asked *a, enum pol_quota_key key)
{
	for (size_t i = 0; i < a->t->nquotas; i++) {
		const struct pol_quota *q = &a->t->quotas[i];

		if (q->entity.kind == POL_QUOTA_OF_GROUP && q->entity.part[0].match == POL_QUOTA_NAMED && (q->set & 1u << key) != 0)
			return true;
	}
	return false;
}

/* Some group has a limit, and by which way around it others have none: whose a fetch is, is in the end its client's word. */
static void
note_gaps(const struct asked *a, enum pol_quota_key key, json_t *notes)
{
	const char    *name = pol_quota_info(key)->name;
	struct alv_buf b;

	if (!some_group_has(a, key) || has_limit(a, POL_QUOTA_DEFAULT, key))
		return;
	alv_buf_init(&b, 1024);
	alv_buf_printf(&b, "%s: some groups have a limit, but each other group has none; set one for the default group (group null)", name);
	json_array_append_new(notes, adm_json_str(alv_str_make(b.p, b.n)));
	alv_buf_fini(&b);
	if (has_limit(a, POL_QUOTA_UNATTRIBUTED, key))
		return;
	alv_buf_init(&b, 1024);
	alv_buf_printf(&b, "%s: some groups have a limit, but fetches of which it is not known whose they are have none; set one for unattributed, or "
	    "for the default group", name);
	json_array_append_new(notes, adm_json_str(alv_str_make(b.p, b.n)));
	alv_buf_fini(&b);
}

void
adm_quota_explain(struct adm_req *r)
{
	struct asked	   a = { .t = adm_tenant(r), .principal = r->query[ADM_Q_PRINCIPAL], .client_id = r->query[ADM_Q_CLIENT_ID],
		       .group = r->query[ADM_Q_GROUP], .address = r->query[ADM_Q_ADDRESS] };
	enum pol_quota_key key;
	json_t		  *items, *notes;

	if (a.t == NULL || !adm_quota_key(r, &key))
		return;
	a.client = a.principal.p != NULL || a.client_id.p != NULL;
	a.of_group = a.group.p != NULL || alv_str_eqz(r->query[ADM_Q_TYPE], "unattributed");
	items = json_array();
	notes = json_array();
	for (int k = 0; k < POL_QUOTA_KEYS; k++) {
		if (key != POL_QUOTA_KEYS && (int)key != k)
			continue;
		add(&a, (enum pol_quota_key)k, items);
		note_gaps(&a, (enum pol_quota_key)k, notes);
	}
	adm_answer_json(r, 200, json_pack("{s:s, s:o, s:o}", "scope", "Each number holds for the whole virtual cluster: for all its brokers and "
	    "connections together, not for each broker.", "notes", notes, "items", items));
}
