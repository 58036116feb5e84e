/* Who decides what a tenant's users may do, and who is above that; whether topics come into being by being asked for. */
#include <alcove/str.h>

#include "control/change.h"

enum alv_err
con_check_supers(struct con_change *c)
{
	if (c->nsupers > POL_SUPERS_MAX)
		return con_say(c, ALV_E_LENGTH, "found %zu super users, expected at most %d", c->nsupers, POL_SUPERS_MAX);
	for (size_t i = 0; c->supers_set && i < c->nsupers; i++) {
		const char *p = c->supers[i];

		if (memchr(p, '\0', sizeof(c->supers[i])) == NULL || !pol_principal_good(alv_str_of(p), false))
			return con_say(c, ALV_E_VALUE, "superUsers[%zu]: expected User:<name>, at most %d bytes of printable text", i,
			    POL_PRINCIPAL_MAX);
		for (size_t k = 0; k < i; k++)
			if (strcmp(p, c->supers[k]) == 0)
				return con_say(c, ALV_E_VALUE, "superUsers[%zu] and superUsers[%zu] are the same", k, i);
	}
	return ALV_OK;
}

enum alv_err
con_check_auto_create(struct con_change *c)
{
	const struct pol_auto_create *a = &c->auto_create;

	if (c->auto_partitions_set && (a->partitions == 0 || a->partitions < -1 || a->partitions > POL_AUTO_PARTITIONS_MAX))
		return con_say(c, ALV_E_RANGE, "autoCreatePartitions: found %d, expected 1 to %d, or -1", a->partitions, POL_AUTO_PARTITIONS_MAX);
	if (c->auto_replication_set && (a->replication_factor == 0 || a->replication_factor < -1 ||
	    a->replication_factor > POL_AUTO_REPLICATION_MAX))
		return con_say(c, ALV_E_RANGE, "autoCreateReplicationFactor: found %d, expected 1 to %d, or -1", a->replication_factor,
		    POL_AUTO_REPLICATION_MAX);
	return ALV_OK;
}

static struct pol_auto_create
auto_create_of(const struct con_change *c, const struct sto_tenant *t)
{
	return (struct pol_auto_create){ .on = c->auto_set ? c->auto_create.on : t->auto_create.on,
		.partitions = c->auto_partitions_set ? c->auto_create.partitions : t->auto_create.partitions,
		.replication_factor = c->auto_replication_set ? c->auto_create.replication_factor : t->auto_create.replication_factor };
}

static bool
same_auto_create(const struct con_change *c, const struct sto_tenant *t)
{
	struct pol_auto_create a = auto_create_of(c, t);

	return a.on == t->auto_create.on && a.partitions == t->auto_create.partitions &&
	    a.replication_factor == t->auto_create.replication_factor;
}

void
con_access_give(const struct con_change *c, struct sto_tenant *t, struct alv_str supers[static POL_SUPERS_MAX])
{
	if (c->authorizer_set)
		t->authorizer = c->authorizer;
	if (c->everyone_set)
		t->everyone_if_no_acl = c->everyone_if_no_acl;
	t->auto_create = auto_create_of(c, t);
	t->supers_set = c->supers_set;
	t->nsupers = c->nsupers;
	t->supers = supers;
	for (size_t i = 0; c->supers_set && i < c->nsupers; i++)
		supers[i] = alv_str_of(c->supers[i]);
}

/* The snapshot is what the store says. */
static bool
same_supers(const struct con_core *k, const struct con_change *c)
{
	const struct pol_tenant *t = con_snapshot(k, c);
	size_t			 n = 0;

	for (size_t i = 0; t != NULL && i < t->nsupers; i++)
		for (size_t j = 0; j < c->nsupers; j++)
			n += alv_str_eqz(t->supers[i], c->supers[j]);
	return t != NULL && t->nsupers == c->nsupers && n == c->nsupers;
}

bool
con_access_same(const struct con_core *k, const struct con_change *c, const struct sto_tenant *t)
{
	return (!c->authorizer_set || c->authorizer == t->authorizer) &&
	    (!c->everyone_set || c->everyone_if_no_acl == t->everyone_if_no_acl) && (!c->supers_set || same_supers(k, c)) &&
	    same_auto_create(c, t);
}
