/* Who may do what: Kafka's ACL model over one tenant's index. Pure functions of the snapshot and the question.
 *
 * As Kafka's StandardAuthorizer: super users may do all; a deny that matches ends it; else any allow that matches; else no,
 * or, where no ACL at all is about the resource, what the tenant says of that. Some operations come with others (reading
 * a topic implies describing it), but only by an allow: who is denied reading may still describe. All operations of a
 * resource are judged at once, as bits: that is no dearer than one. */
#include "policies/acl.h"

#include <alcove/str.h>

#define OP(x)	(UINT32_C(1) << POL_OP_##x)
#define ALL_OPS ((OP(TWO_PHASE_COMMIT) << 1) - OP(ALL))

/* What a resource type knows, for the bit field of authorized operations. */
static const uint32_t supported[ACL_RESOURCES] = {
	[POL_TOPIC] = OP(READ) | OP(WRITE) | OP(CREATE) | OP(DESCRIBE) | OP(DELETE) | OP(ALTER) | OP(DESCRIBE_CONFIGS) |
	    OP(ALTER_CONFIGS),
	[POL_GROUP] = OP(READ) | OP(DESCRIBE) | OP(DELETE) | OP(DESCRIBE_CONFIGS) | OP(ALTER_CONFIGS),
	[POL_CLUSTER] = OP(CREATE) | OP(CLUSTER_ACTION) | OP(DESCRIBE_CONFIGS) | OP(ALTER_CONFIGS) | OP(IDEMPOTENT_WRITE) |
	    OP(ALTER) | OP(DESCRIBE),
	[POL_TXN] = OP(DESCRIBE) | OP(WRITE) | OP(TWO_PHASE_COMMIT),
	[POL_TOKEN] = OP(DESCRIBE),
	[POL_USER] = OP(CREATE_TOKENS) | OP(DESCRIBE_TOKENS),
};

/* ---- who asks --------------------------------------------------------------------------------------------- */

/* Place of a text in a sorted table; ACL_NONE: it is not there. */
static uint32_t
find_text(const struct alv_str *table, size_t n, struct alv_str text)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int    r = alv_str_cmp(table[mid], text);

		if (r == 0)
			return (uint32_t)mid;
		if (r < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return ACL_NONE;
}

/* The number that entries have of an address; no number of any where none has it. */
static uint32_t
find_address(const struct pol_acls *a, const struct alv_cidr *address)
{
	uint32_t lo = 0, hi = a->naddresses;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (alv_cidr_cmp(&a->hosts[mid].net, address) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < a->naddresses && alv_cidr_cmp(&a->hosts[lo].net, address) == 0 ? lo + 1 : ACL_HOST_NETWORK - 1;
}

static bool
is_super(const struct pol_tenant *t, struct alv_str principal)
{
	return find_text(t->supers, t->nsupers, principal) != ACL_NONE;
}

/* "Group:x" as a super user, or among those that ACLs are for. */
static void
add_group(struct pol_who *w, const struct pol_tenant *t, struct alv_str name)
{
	char	       text[sizeof("Group:") - 1 + POL_GROUP_MAX] = "Group:";
	struct alv_str principal = alv_str_make(text, sizeof("Group:") - 1 + name.n);
	uint32_t       at;

	if (name.n > POL_GROUP_MAX)
		return;
	memcpy(text + sizeof("Group:") - 1, name.p, name.n);
	w->all = w->all || is_super(t, principal);
	at = find_text(t->acls->principals, t->acls->nprincipals, principal);
	for (size_t i = 0; i < w->ngroups; i++)
		if (w->group[i] == at)
			return;		/* the user's own, and claimed as well */
	if (at != ACL_NONE && w->ngroups < ALV_COUNT(w->group))
		w->group[w->ngroups++] = (uint16_t)at;
}

static void
add_groups(struct pol_who *w, const struct pol_tenant *t, struct alv_str principal, const struct pol_groups *claimed)
{
	static const struct alv_str kind = ALV_STR("User:");
	const struct pol_user	   *u = alv_str_starts(principal, kind) ?
		pol_user_find(t, alv_str_make(principal.p + kind.n, principal.n - kind.n)) : NULL;

	for (size_t i = 0; u != NULL && i < u->ngroups; i++)
		add_group(w, t, u->groups[i]);
	for (size_t i = 0; claimed != NULL && i < claimed->n; i++)
		add_group(w, t, claimed->name[i]);
}

void
pol_who_set(struct pol_who *w, const struct pol_tenant *t, struct alv_str principal, struct alv_str host,
    const struct pol_groups *claimed)
{
	*w = (struct pol_who){ .build = t->build, .nobody = principal.p == NULL, .principal = ACL_NONE };
	if (w->nobody)
		return;
	w->all = t->authorizer == POL_AUTHORIZER_NONE || is_super(t, principal);
	if (!w->all)
		add_groups(w, t, principal, claimed);
	if (w->all)
		return;
	w->principal = find_text(t->acls->principals, t->acls->nprincipals, principal);
	w->has_address = alv_cidr_parse(host, &w->address) == ALV_OK;
	w->host = w->has_address ? find_address(t->acls, &w->address) : ACL_HOST_NETWORK - 1;
}

/* ---- which entries ---------------------------------------------------------------------------------------- */

struct verdict {
	uint32_t allow, deny;
	bool	 found;		/* some ACL is about the resource, whoever it is for */
};

static bool
is_there(const struct pol_acls *a, const struct pol_who *w, uint32_t host)
{
	if (host == ACL_HOST_ANY || host == w->host)
		return true;
	return (host & ACL_HOST_NETWORK) != 0 && host != ACL_HOST_NEVER && w->has_address &&
	    alv_cidr_in(&a->hosts[(host & ~ACL_HOST_NETWORK) - 1].net, &w->address);
}

/* The entries of one principal in a pattern. */
static void
add_entries(const struct pol_acls *a, const struct pol_who *w, const struct acl_pattern *p, uint32_t principal, struct verdict *v)
{
	const struct acl_entry *e = &a->entries[p->first];
	uint32_t		lo = 0, hi = p->n;

	if (principal == ACL_NONE)
		return;
	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (e[mid].principal < principal)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < p->n && e[lo].principal == principal; lo++) {
		if (!is_there(a, w, e[lo].host))
			continue;
		v->allow |= e[lo].allow;
		v->deny |= e[lo].deny;
	}
}

static void
add_pattern(const struct pol_acls *a, const struct pol_who *w, uint32_t at, struct verdict *v)
{
	const struct acl_pattern *p = &a->patterns[at];

	v->found = true;
	add_entries(a, w, p, a->everyone, v);
	if (w->principal != a->everyone)
		add_entries(a, w, p, w->principal, v);
	for (size_t i = 0; i < w->ngroups; i++)
		add_entries(a, w, p, w->group[i], v);
}

uint32_t
pol_acl_find(const struct pol_acls *a, enum pol_resource r, struct alv_str name)
{
	uint32_t lo = a->of[r].from, hi = a->of[r].to;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (alv_str_cmp(a->patterns[mid].name, name) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo == a->of[r].from ? ACL_NONE : lo - 1;
}

static struct verdict
look(const struct pol_acls *a, const struct pol_who *w, enum pol_resource r, struct alv_str name)
{
	struct verdict v = { 0 };
	uint32_t       all = a->of[r].all;

	if (all != ACL_NONE)
		add_pattern(a, w, all, &v);
	for (uint32_t at = pol_acl_find(a, r, name); at != ACL_NONE; at = a->patterns[at].parent)
		if (at != all && acl_covers(&a->patterns[at], name))
			add_pattern(a, w, at, &v);
	return v;
}

/* ---- the verdict ------------------------------------------------------------------------------------------ */

/* An allow covers what comes with it. */
static uint32_t
implied(uint32_t ops)
{
	if ((ops & OP(ALL)) != 0)
		return ALL_OPS;
	if ((ops & (OP(READ) | OP(WRITE) | OP(DELETE) | OP(ALTER))) != 0)
		ops |= OP(DESCRIBE);
	if ((ops & OP(ALTER_CONFIGS)) != 0)
		ops |= OP(DESCRIBE_CONFIGS);
	return ops;
}

static uint32_t
judge(const struct pol_tenant *t, const struct pol_who *w, enum pol_resource r, struct alv_str name)
{
	struct verdict v = look(t->acls, w, r, name);

	if (!v.found)
		return t->everyone_if_no_acl ? ALL_OPS : 0;
	return implied(v.allow) & ~((v.deny & OP(ALL)) != 0 ? ALL_OPS : v.deny);
}

/* Where a name is remembered: names of one client mostly differ in length or at the end. */
static struct pol_seen *
seen_at(struct pol_who *w, enum pol_resource r, struct alv_str name)
{
	unsigned last = name.n == 0 ? 0 : (uint8_t)name.p[name.n - 1];

	return &w->seen[(name.n * 3 + last + r) % POL_SEEN];
}

static bool
is_seen(const struct pol_seen *s, enum pol_resource r, struct alv_str name)
{
	return s->resource == r && s->n == name.n && memcmp(s->name, name.p, name.n) == 0;
}

/* All operations that are allowed. */
static uint32_t
decide(const struct pol_tenant *t, struct pol_who *w, enum pol_resource r, struct alv_str name)
{
	struct pol_seen *s;
	uint32_t	 ops;

	if (w->nobody || name.p == NULL || r < POL_TOPIC || r > POL_USER)
		return 0;
	if (w->all)
		return ALL_OPS;
	s = seen_at(w, r, name);
	if (is_seen(s, r, name))
		return s->ops;
	ops = judge(t, w, r, name);
	if (name.n <= POL_SEEN_NAME) {
		*s = (struct pol_seen){ .ops = ops, .resource = (uint8_t)r, .n = (uint8_t)name.n };
		memcpy(s->name, name.p, name.n);
	}
	return ops;
}

bool
pol_may(const struct pol_tenant *t, struct pol_who *w, enum pol_op op, enum pol_resource r, struct alv_str name)
{
	return op >= POL_OP_ALL && op <= POL_OP_TWO_PHASE_COMMIT && (decide(t, w, r, name) & UINT32_C(1) << op) != 0;
}

int32_t
pol_may_what(const struct pol_tenant *t, struct pol_who *w, enum pol_resource r, struct alv_str name)
{
	return r < POL_TOPIC || r > POL_USER ? 0 : (int32_t)(decide(t, w, r, name) & supported[r]);
}

/* ---- any resource of a type: Kafka's authorizeByResourceType ------------------------------------------------
 * An allow counts unless one deny takes all of it away: on "*", on the same name in the same way, or on a prefix of it.
 * Operations do not come with others here. */

static struct verdict
pattern_alone(const struct pol_acls *a, const struct pol_who *w, uint32_t at, uint32_t ops)
{
	struct verdict v = { 0 };

	add_pattern(a, w, at, &v);
	v.allow &= ops;
	v.deny &= ops;
	return v;
}

static bool
dominated(const struct pol_acls *a, const struct pol_who *w, uint32_t at, uint32_t ops)
{
	for (; at != ACL_NONE; at = a->patterns[at].parent)
		if (pattern_alone(a, w, at, ops).deny != 0)
			return true;
	return false;
}

bool
pol_may_any(const struct pol_tenant *t, struct pol_who *w, enum pol_op op, enum pol_resource r)
{
	const struct pol_acls *a = t->acls;
	const uint32_t	       ops = OP(ALL) | UINT32_C(1) << (op & 31);
	uint32_t	       all;

	/* Kafka asks for a name that nobody has first, for super users' sake: whatever else allows that one allows it here. */
	if (pol_may(t, w, op, r, ALV_STR("hardcode")))
		return true;
	if (w->nobody || op < POL_OP_ALL || op > POL_OP_TWO_PHASE_COMMIT || r < POL_TOPIC || r > POL_USER)
		return false;
	all = a->of[r].all;
	if (all != ACL_NONE) {
		struct verdict v = pattern_alone(a, w, all, ops);

		if (v.deny != 0 || v.allow != 0)
			return v.deny == 0;
	}
	for (uint32_t i = a->of[r].from; i < a->of[r].to; i++)
		if (i != all && pattern_alone(a, w, i, ops).allow != 0 && !dominated(a, w, i, ops))
			return true;
	return false;
}

/* ---- the same, for who asks once ----------------------------------------------------------------------------- */

bool
pol_decide(const struct pol_tenant *t, const struct pol_query *q)
{
	struct pol_who w;

	pol_who_set(&w, t, q->principal, q->host, q->claimed);
	return pol_may(t, &w, q->op, q->resource, q->name);
}

bool
pol_decide_any(const struct pol_tenant *t, const struct pol_query *q)
{
	struct pol_who w;

	pol_who_set(&w, t, q->principal, q->host, q->claimed);
	return pol_may_any(t, &w, q->op, q->resource);
}

int32_t
pol_operations(const struct pol_tenant *t, const struct pol_query *q)
{
	struct pol_who w;

	pol_who_set(&w, t, q->principal, q->host, q->claimed);
	return pol_may_what(t, &w, q->resource, q->name);
}

#define ALL_ON(type) \
	{ .resource = (type), .pattern = POL_LITERAL, .name = ALV_STR("*"), .principal = ALV_STR("User:*"), \
	  .host = ALV_STR("*"), .op = POL_OP_ALL, .permission = POL_ALLOW }

static const struct pol_rule rules_all[] = {
	ALL_ON(POL_TOPIC), ALL_ON(POL_GROUP), ALL_ON(POL_CLUSTER), ALL_ON(POL_TXN), ALL_ON(POL_TOKEN), ALL_ON(POL_USER),
};

const struct pol_rule *
pol_rules_all(size_t *n)
{
	*n = ALV_COUNT(rules_all);
	return rules_all;
}
