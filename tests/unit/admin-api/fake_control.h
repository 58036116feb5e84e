/* The double of the control thread: it keeps what is changed in tables, and publishes snapshots of it. */
#ifndef ADMIN_API_FAKE_CONTROL_H
#define ADMIN_API_FAKE_CONTROL_H

#include <alcove/control.h>
#include <alcove/str.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { FX_TENANTS = 64, FX_USERS = 64, FX_ALIASES = 16 };

struct fx_user {
	char	 name[256], password[64];
	struct pol_scram scram[POL_MECHANISMS];
	bool	 enabled;
	uint64_t revision;
	size_t	 ngroups;
	char	 group[4][32];
};

struct fx_alias {
	enum ten_kind kind;
	char	      virt[64], phys[64];
	bool	      writable;
};

struct fx_tenant {
	char		      id[64], display[256];
	enum pol_tenant_state state;
	uint64_t	      revision;
	struct fx_user	      user[FX_USERS];
	size_t		      nusers;
	struct fx_alias	      alias[FX_ALIASES];
	size_t		      naliases;
	size_t		      nown;
	struct con_own	      own[TEN_OWN_MAX];
	bool		      acls_decide, everyone;
	struct pol_auto_create auto_create;
	size_t		      nsupers;
	char		      supers[POL_SUPERS_MAX][POL_PRINCIPAL_MAX + 1];
	struct pol_rules     *rules;
	struct pol_quota_list *quotas;	/* entities with limits */
};

/* The double of the control thread. */
struct con_control {
	pthread_t	    thread;
	pthread_mutex_t	    lock;
	pthread_cond_t	    cond;
	struct con_change  *head, **tail;
	size_t		    queued;
	bool		    stop, hold, full, not_ready;
	enum alv_err	    forced;	/* the next change fails so */
	struct pol_dir	   *dir;
	struct fx_tenant    tenant[FX_TENANTS];
	size_t		    ntenants;
	uint64_t	    revision;
};

enum alv_err
con_submit(struct con_control *c, struct con_change *change)
{
	enum alv_err e = ALV_OK;

	pthread_mutex_lock(&c->lock);
	if (c->full) {
		e = ALV_E_FULL;
	} else {
		change->next = NULL;
		*c->tail = change;
		c->tail = (struct con_change **)&change->next;
		c->queued++;
		pthread_cond_broadcast(&c->cond);
	}
	pthread_mutex_unlock(&c->lock);
	return e;
}

bool
con_ready(struct con_control *c, struct alv_buf *why)
{
	bool ready;

	pthread_mutex_lock(&c->lock);
	ready = !c->not_ready;
	pthread_mutex_unlock(&c->lock);
	if (!ready)
		alv_buf_z(why, "the cluster was not reached yet\n");
	return ready;
}

static struct fx_tenant *
fx_find(struct con_control *c, const char *id)
{
	for (size_t i = 0; i < c->ntenants; i++)
		if (strcmp(c->tenant[i].id, id) == 0)
			return &c->tenant[i];
	return NULL;
}

static struct fx_user *
fx_user_find(struct fx_tenant *t, const char *name)
{
	for (size_t i = 0; i < t->nusers; i++)
		if (strcmp(t->user[i].name, name) == 0)
			return &t->user[i];
	return NULL;
}

static void
fx_publish(struct con_control *c, struct fx_tenant *t)
{
	struct pol_user	 users[FX_USERS];
	struct ten_alias aliases[FX_ALIASES];
	struct pol_parts p = { .id = alv_str_of(t->id), .display_name = alv_str_of(t->display), .state = t->state,
		.revision = t->revision, .cluster_id = "AAAAAAAAAAAAAAAAAAAAAA", .users = users, .nusers = t->nusers,
		.aliases = aliases, .naliases = t->naliases };
	struct ten_own	   own[TEN_OWN_MAX];
	const char	  *field, *expected;
	struct alv_str	   supers[POL_SUPERS_MAX], groups[FX_USERS][4];
	struct pol_quota  *quotas = calloc(t->quotas->n + 1, sizeof(*quotas));
	struct pol_tenant *made;

	for (size_t i = 0; i < t->quotas->n; i++)
		quotas[i] = t->quotas->item[i].quota;
	p.quotas = quotas;
	p.nquotas = t->quotas->n;
	p.own = own;
	p.nown = t->nown;
	p.authorizer = t->acls_decide ? POL_AUTHORIZER_ACL : POL_AUTHORIZER_NONE;
	p.everyone_if_no_acl = t->everyone;
	p.auto_create = t->auto_create;
	p.supers = supers;
	p.nsupers = t->nsupers;
	for (size_t i = 0; i < t->nsupers; i++)
		supers[i] = alv_str_of(t->supers[i]);
	p.rules = t->rules->rule;
	p.nrules = t->rules->n;
	for (size_t i = 0; i < t->nown; i++)
		if (ten_own_parse(alv_str_of(t->own[i].bootstrap), alv_str_of(t->own[i].node_pattern), &own[i], &field, &expected))
			abort();
	memset(users, 0, sizeof(users));
	for (size_t i = 0; i < t->nusers; i++)
		for (size_t k = 0; k < t->user[i].ngroups; k++)
			groups[i][k] = alv_str_of(t->user[i].group[k]);
	for (size_t i = 0; i < t->nusers; i++)
		users[i] = (struct pol_user){ .groups = groups[i], .ngroups = t->user[i].ngroups, .name = alv_str_of(t->user[i].name), .enabled = t->user[i].enabled,
			.revision = t->user[i].revision, .scram = { t->user[i].scram[0], t->user[i].scram[1] } };
	for (size_t i = 0; i < t->naliases; i++)
		aliases[i] = (struct ten_alias){ t->alias[i].kind, alv_str_of(t->alias[i].virt), alv_str_of(t->alias[i].phys),
			t->alias[i].writable };
	made = pol_build(&p);
	free(quotas);
	if (made == NULL || pol_dir_publish(c->dir, p.id, made) != ALV_OK)
		abort();
}

static void
fx_keys(struct fx_user *u, const struct pol_credential *x)
{
	u->scram[x->mechanism] = x->keys;
	u->scram[x->mechanism].present = true;
}

static enum alv_err
fx_credentials(struct con_control *c, struct fx_tenant *t, struct con_change *g)
{
	for (size_t i = 0; i < g->credentials->n; i++) {
		struct fx_user *u = fx_user_find(t, g->credentials->item[i].user);

		if (u == NULL) {
			u = &t->user[t->nusers++];
			memset(u, 0, sizeof(*u));
			snprintf(u->name, sizeof(u->name), "%s", g->credentials->item[i].user);
			u->enabled = true;
		}
		fx_keys(u, &g->credentials->item[i]);
		u->revision = c->revision;
	}
	g->changed = g->credentials->n;
	return ALV_OK;
}

static enum alv_err
fx_user_put(struct con_control *c, struct fx_tenant *t, struct con_change *g)
{
	struct fx_user *u = fx_user_find(t, g->user);

	if (u != NULL && g->if_absent)
		return ALV_E_EXISTS;
	if (u == NULL) {
		if (t->nusers == FX_USERS)
			return ALV_E_LIMIT;
		u = &t->user[t->nusers++];
		snprintf(u->name, sizeof(u->name), "%s", g->user);
		u->enabled = true;
		g->created = true;
	}
	if (g->enabled_set)
		u->enabled = g->enabled;
	if (g->password[0] != '\0') {
		snprintf(u->password, sizeof(u->password), "%.63s", g->password);
		u->scram[POL_SCRAM_SHA_512] = (struct pol_scram){ .present = true, .iterations = g->iterations != 0 ? g->iterations : 8192 };
	}
	if (g->credentials != NULL)
		memset(u->scram, 0, sizeof(u->scram));
	for (size_t i = 0; g->credentials != NULL && i < g->credentials->n; i++)
		fx_keys(u, &g->credentials->item[i]);
	for (size_t i = 0; g->groups != NULL && i < g->groups->n && i < ALV_COUNT(u->group); i++) {
		snprintf(u->group[i], sizeof(u->group[i]), "%.*s", ALV_STR_ARG(g->groups->name[i]));
		u->ngroups = i + 1;
	}
	u->revision = c->revision;
	return ALV_OK;
}

static enum alv_err
fx_user_delete(struct fx_tenant *t, const char *name)
{
	struct fx_user *u = fx_user_find(t, name);

	if (u == NULL)
		return ALV_E_NOT_FOUND;
	*u = t->user[--t->nusers];
	return ALV_OK;
}

/* In the double only what is asked of it by the tests: users that are named by the list. */
static enum alv_err
fx_users_alter(struct con_control *c, struct fx_tenant *t, struct con_change *g)
{
	enum alv_err e = ALV_OK;

	if (g->users_all) {
		g->removed = t->nusers;
		t->nusers = 0;
	}
	for (size_t i = 0; !e && i < g->users->n; i++) {
		struct pol_user_item *x = &g->users->item[i];
		struct con_change     one = { .if_absent = x->only_new, .enabled = x->enabled, .enabled_set = x->enabled_set, .iterations = x->iterations,
				.groups = x->groups, .credentials = x->credentials };

		snprintf(one.user, sizeof(one.user), "%s", x->name);
		snprintf(one.password, sizeof(one.password), "%s", x->password == NULL ? "" : x->password);
		e = x->remove ? fx_user_delete(t, x->name) : fx_user_put(c, t, &one);
		g->removed += x->remove;
		g->made += one.created;
		g->changed += !x->remove && !one.created;
	}
	return e;
}

static enum alv_err
fx_users_delete(struct con_control *c, struct fx_tenant *t, struct con_change *g)
{
	const struct pol_tenant *now = pol_slot_load(pol_dir_find(c->dir, alv_str_of(t->id)));

	for (size_t i = 0; i < now->nusers; i++) {
		struct pol_user_item *x = pol_user_fits(&g->user_filter, &now->users[i]) ? pol_user_list_add(g->users) : NULL;

		if (x == NULL)
			continue;
		snprintf(x->name, sizeof(x->name), "%.*s", ALV_STR_ARG(now->users[i].name));
		(void)fx_user_delete(t, x->name);
	}
	return ALV_OK;
}

static enum alv_err
fx_alias_put(struct fx_tenant *t, struct con_change *g)
{
	struct fx_alias *a = NULL;

	for (size_t i = 0; i < t->naliases; i++)
		if (t->alias[i].kind == g->alias_kind && strcmp(t->alias[i].virt, g->virt) == 0)
			a = &t->alias[i];
	if (a != NULL && g->if_absent)
		return ALV_E_EXISTS;
	if (a == NULL) {
		a = &t->alias[t->naliases++];
		g->created = true;
	}
	a->kind = g->alias_kind;
	snprintf(a->virt, sizeof(a->virt), "%.63s", g->virt);
	snprintf(a->phys, sizeof(a->phys), "%.63s", g->phys);
	a->writable = g->writable;
	return ALV_OK;
}

static void
fx_access(struct fx_tenant *t, const struct con_change *g)
{
	if (g->authorizer_set)
		t->acls_decide = g->authorizer == POL_AUTHORIZER_ACL;
	if (g->everyone_set)
		t->everyone = g->everyone_if_no_acl;
	if (g->auto_set)
		t->auto_create.on = g->auto_create.on;
	if (g->auto_partitions_set)
		t->auto_create.partitions = g->auto_create.partitions;
	if (g->auto_replication_set)
		t->auto_create.replication_factor = g->auto_create.replication_factor;
	if (!g->supers_set)
		return;
	memcpy(t->supers, g->supers, sizeof(t->supers));
	t->nsupers = g->nsupers;
}

static enum alv_err
fx_acl_create(struct fx_tenant *t, struct con_change *g)
{
	for (size_t i = 0; i < g->rules->n; i++) {
		size_t before = t->rules->n;

		if (pol_rules_add(t->rules, &g->rules->rule[i]) != ALV_OK)
			abort();
		pol_rules_sort(t->rules);
		g->changed += t->rules->n - before;
	}
	return ALV_OK;
}

/* The double's own way: what is not there any more is counted. */
static enum alv_err
fx_acl_replace(struct fx_tenant *t, struct con_change *g)
{
	size_t kept = 0;

	pol_rules_sort(g->rules);
	for (size_t i = 0; i < t->rules->n; i++)
		for (size_t k = 0; k < g->rules->n; k++)
			kept += pol_rule_cmp(&t->rules->rule[i], &g->rules->rule[k]) == 0;
	g->removed = t->rules->n - kept;
	pol_rules_free(t->rules);
	t->rules = pol_rules_new();
	if (t->rules == NULL)
		abort();
	fx_acl_create(t, g);
	g->changed -= kept;
	return ALV_OK;
}

static enum alv_err
fx_acl_delete(struct fx_tenant *t, struct con_change *g)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->rules->n; i++) {
		if (!pol_filter_fits(&g->filters[0], &t->rules->rule[i]))
			t->rules->rule[kept++] = t->rules->rule[i];
		else if (pol_rules_add(g->rules, &t->rules->rule[i]) != ALV_OK)
			abort();
	}
	t->rules->n = kept;
	g->changed = g->rules->n;
	return ALV_OK;
}

static void
fx_quota_put(struct fx_tenant *t, const struct pol_quota_alter *a, struct con_change *g)
{
	size_t		       at = pol_quota_list_find(t->quotas, &a->quota.entity);
	struct pol_quota_alter now = *a;

	g->changed += pol_quota_altered(at == t->quotas->n ? NULL : &t->quotas->item[at].quota, a, &now.quota);
	if (at < t->quotas->n)
		t->quotas->item[at] = t->quotas->item[--t->quotas->n];
	if (now.quota.set != 0 && pol_quota_list_add(t->quotas, &now) != ALV_OK)
		abort();
}

static enum alv_err
fx_quota_alter(struct fx_tenant *t, struct con_change *g)
{
	for (size_t i = t->quotas->n; g->quotas_all && i-- > 0;)
		if (pol_quota_list_find(g->quotas, &t->quotas->item[i].quota.entity) == g->quotas->n)
			fx_quota_put(t, &(struct pol_quota_alter){ .quota = { .entity = t->quotas->item[i].quota.entity }, .only = true }, g);
	for (size_t i = 0; i < g->quotas->n; i++) {
		g->quotas->item[i].only |= g->quotas_all;
		fx_quota_put(t, &g->quotas->item[i], g);
	}
	return ALV_OK;
}

static enum alv_err
fx_quota_delete(struct fx_tenant *t, struct con_change *g)
{
	for (size_t i = t->quotas->n; i-- > 0;) {
		if (!pol_quota_filter_fits(&g->quota_filter, &t->quotas->item[i].quota))
			continue;
		if (pol_quota_list_add(g->quotas, &t->quotas->item[i]) != ALV_OK)
			abort();
		t->quotas->item[i] = t->quotas->item[--t->quotas->n];
	}
	g->changed = g->quotas->n;
	return ALV_OK;
}

static enum alv_err
fx_apply_to(struct con_control *c, struct fx_tenant *t, struct con_change *g)
{
	switch (g->op) {
	case CON_TENANT_UPDATE:
		if (!g->keep_display_name)
			snprintf(t->display, sizeof(t->display), "%s", g->display_name);
		if (g->own_set) {
			memcpy(t->own, g->own, sizeof(t->own));
			t->nown = g->nown;
		}
		fx_access(t, g);
		return ALV_OK;
	case CON_ACL_CREATE:
		return fx_acl_create(t, g);
	case CON_ACL_REPLACE:
		return fx_acl_replace(t, g);
	case CON_ACL_DELETE:
		return fx_acl_delete(t, g);
	case CON_QUOTA_ALTER:
		return fx_quota_alter(t, g);
	case CON_QUOTA_DELETE:
		return fx_quota_delete(t, g);
	case CON_TENANT_SUSPEND:
		t->state = POL_SUSPENDED;
		return ALV_OK;
	case CON_TENANT_RESUME:
		t->state = POL_ACTIVE;
		return ALV_OK;
	case CON_USER_PUT:
		return fx_user_put(c, t, g);
	case CON_USER_CREDENTIALS:
		return fx_credentials(c, t, g);
	case CON_USER_DELETE:
		return fx_user_delete(t, g->user);
	case CON_USERS_ALTER:
		return fx_users_alter(c, t, g);
	case CON_USERS_DELETE:
		return fx_users_delete(c, t, g);
	case CON_ALIAS_PUT:
		return fx_alias_put(t, g);
	case CON_ALIAS_DELETE:
		for (size_t i = 0; i < t->naliases; i++)
			if (t->alias[i].kind == g->alias_kind && strcmp(t->alias[i].virt, g->virt) == 0) {
				t->alias[i] = t->alias[--t->naliases];
				return ALV_OK;
			}
		return ALV_E_NOT_FOUND;
	default:
		return ALV_E_UNSUPPORTED;
	}
}

static enum alv_err
fx_apply(struct con_control *c, struct con_change *g)
{
	struct fx_tenant *t = fx_find(c, g->tenant);
	enum alv_err	  e;

	if (c->forced != ALV_OK) {
		e = c->forced;
		c->forced = ALV_OK;
		snprintf(g->detail, sizeof(g->detail), "forced by the test");
		return e;
	}
	if (g->op == CON_TENANT_CREATE) {
		if (t != NULL || ten_id_check(alv_str_of(g->tenant)) != ALV_OK) {
			snprintf(g->detail, sizeof(g->detail), t != NULL ? "the tenant exists already" : "found an illegal id");
			return t != NULL ? ALV_E_EXISTS : ALV_E_NAME;
		}
		t = &c->tenant[c->ntenants++];
		memset(t, 0, sizeof(*t));
		snprintf(t->id, sizeof(t->id), "%s", g->tenant);
		snprintf(t->display, sizeof(t->display), "%s", g->display_name);
		t->rules = pol_rules_new();
		t->quotas = pol_quota_list_new();
		fx_access(t, g);
		g->created = true;
	} else {
		if (t == NULL)
			return ALV_E_NOT_FOUND;
		if (g->if_revision != 0 && g->if_revision != t->revision)
			return ALV_E_STALE;
		if (g->op == CON_TENANT_DELETE) {
			if (pol_dir_publish(c->dir, alv_str_of(g->tenant), NULL) != ALV_OK)
				abort();
			pol_rules_free(t->rules);
			pol_quota_list_free(t->quotas);
			*t = c->tenant[--c->ntenants];
			return ALV_OK;
		}
		c->revision++;
		e = fx_apply_to(c, t, g);
		if (e != ALV_OK)
			return e;
	}
	t->revision = ++c->revision;
	if (g->op == CON_USER_PUT)
		fx_user_find(t, g->user)->revision = t->revision;
	g->revision = t->revision;
	fx_publish(c, t);
	return ALV_OK;
}

static void *
fx_control(void *arg)
{
	struct con_control *c = arg;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		struct con_change *g;

		while (!c->stop && (c->head == NULL || c->hold))
			pthread_cond_wait(&c->cond, &c->lock);
		if (c->head == NULL)
			break;
		g = c->head;
		c->head = g->next;
		if (c->head == NULL)
			c->tail = &c->head;
		c->queued--;
		g->err = fx_apply(c, g);
		explicit_bzero(g->password, sizeof(g->password));
		pthread_mutex_unlock(&c->lock);
		g->done(g);
		pthread_mutex_lock(&c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

#endif
