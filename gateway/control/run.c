/* Changes on the control thread. One of a tenant at a time; others of it wait in order.
 *
 *   con_submit --mail--> arrived --> [waiting] --> begin --+--> con_apply --> finish --> done
 *                           `------> [natives] --> begin   +--> keys in the crypto pool --> con_apply
 *                                                          +--> scan of the cluster -----> con_apply
 *
 * What tenants' clients ask for (`native`) is nobody's but the tenants': however much of it there is, it leaves room for those
 * who administer them, and is begun one in a turn, from each tenant that waits before a second from one.
 *
 * Invariant: a con_work is in exactly one of: its mail, `waiting`, `natives`, `running`. While it runs, exactly one of the
 * pool, the follower and this thread has it. */
#include <alcove/authn.h>
#include <alcove/check.h>
#include <alcove/str.h>

#include <stdio.h>
#include <stdlib.h>

#include "control/control_int.h"

enum { NAMES_SHOWN = 20 };

static void begin(struct con_work *w);

/* ---- lists ------------------------------------------------------------------------------------------------- */

static void
append(struct con_work **list, struct con_work *w)
{
	while (*list != NULL)
		list = &(*list)->next;
	*list = w;
	w->next = NULL;
}

static void
take_out(struct con_work **list, struct con_work *w)
{
	while (*list != w) {
		ALV_CHECK(*list != NULL);
		list = &(*list)->next;
	}
	*list = w->next;
}

static bool
same_tenant(const struct con_work *a, const struct con_work *b)
{
	return strncmp(a->change->tenant, b->change->tenant, sizeof(a->change->tenant)) == 0;
}

static size_t
count_same(const struct con_work *list, const struct con_work *w)
{
	size_t n = 0;

	for (; list != NULL; list = list->next)
		n += same_tenant(list, w);
	return n;
}

/* ---- the end of one ------------------------------------------------------------------------------------------ */

static void
give_back(struct con_work *w)
{
	struct con_control *k = w->control;
	struct con_change  *c = w->change;

	explicit_bzero(c->password, sizeof(c->password));
	free(w);
	atomic_fetch_sub(&k->pending, 1);
	c->done(c);
}

static void
finish(struct con_work *w)
{
	struct con_control *k = w->control;
	struct con_change  *c = w->change;
	struct con_work	   *next;

	take_out(&k->running, w);
	if (c->op == CON_TENANT_DELETE && c->purge && c->err == ALV_OK)
		con_purge_start(k, c->tenant);
	con_note_store(k);
	for (next = k->waiting; next != NULL && !same_tenant(next, w); next = next->next)
		;
	give_back(w);
	if (k->natives != NULL && !k->stopping)
		net_later(k->loop, &k->native_turn);
	if (next == NULL || k->stopping)
		return;
	take_out(&k->waiting, next);
	append(&k->running, next);
	begin(next);
}

static void
apply(struct con_work *w, const struct pol_scram *keys)
{
	if (w->control->stopping)
		con_say(w->change, ALV_E_UNAVAILABLE, "the gateway is stopping; nothing was changed");
	else
		con_apply(&w->control->core, w->change, keys);
	finish(w);
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

struct keys_job {
	struct net_job	 job;	/* first */
	struct con_work *work;
	enum alv_err	 err;
	uint32_t	 iterations;
	struct pol_scram keys[POL_MECHANISMS];
	struct pol_credentials *credentials;	/* these instead of a password's */
	struct pol_user_list   *users;		/* or those of one of them after the other: others' work goes between */
	size_t		 password_n;
	char		 password[sizeof(((struct con_change *)NULL)->password)];
};

static void
free_keys(struct keys_job *j)
{
	explicit_bzero(j, sizeof(*j));
	free(j);
}

/* In place: while it runs, the change is the job's. */
static enum alv_err
make_salted(struct pol_credentials *all)
{
	enum alv_err err = ALV_OK;

	for (size_t i = 0; !err && i < all->n; i++) {
		struct pol_credential *x = &all->item[i];

		if (!x->salted_set)
			continue;
		err = aut_scram_of_salted(x->mechanism, x->salted, &x->keys);
		explicit_bzero(x->salted, sizeof(x->salted));
		x->salted_set = false;
	}
	return err;
}

/* In the place of a password, its keys. */
static enum alv_err
make_of_user(struct pol_user_item *x, uint32_t iterations)
{
	struct alv_str	 password = alv_str_of(x->password);
	enum alv_err	 err = ALV_OK;

	x->credentials = pol_credentials_new();
	for (int m = 0; !err && m < POL_MECHANISMS; m++) {
		struct pol_credential *to = x->credentials == NULL ? NULL : pol_credentials_add(x->credentials);

		if (to == NULL)
			return ALV_E_NOMEM;
		to->mechanism = (enum pol_mechanism)m;
		err = aut_scram_make(to->mechanism, password, x->iterations != 0 ? x->iterations : iterations, &to->keys);
	}
	pol_user_item_forget(x);
	return err;
}

/* On a thread of the pool. */
static void
make_keys(struct net_job *job)
{
	struct keys_job *j = (struct keys_job *)job;

	if (j->users != NULL) {
		j->err = make_of_user(pol_user_list_password(j->users), j->iterations);
		return;
	}
	if (j->credentials != NULL)
		j->err = make_salted(j->credentials);
	for (int m = 0; j->credentials == NULL && !j->err && m < POL_MECHANISMS; m++)
		j->err = aut_scram_make((enum pol_mechanism)m, alv_str_make(j->password, j->password_n), j->iterations, &j->keys[m]);
	explicit_bzero(j->password, sizeof(j->password));
}

static void keys_made(struct net_job *job);

/* False: j->err says why. Once it is submitted, j is the pool's. */
static bool
submit_keys(struct keys_job *j)
{
	struct con_control *k = j->work->control;
	const char	   *tenant = j->work->change->tenant;
	enum alv_err	    err;

	j->job = (struct net_job){ .loop = k->loop, .fair_key = alv_hash(tenant, strlen(tenant), 0), .work = make_keys, .done = keys_made };
	err = net_jobs_submit(k->conf.crypto, &j->job);
	if (err) {
		j->err = err;
		return false;
	}
	k->jobs++;
	return true;
}

static void
keys_made(struct net_job *job)
{
	struct keys_job *j = (struct keys_job *)job;
	struct con_work *w = j->work;

	w->control->jobs--;
	if (!j->err && j->users != NULL && pol_user_list_password(j->users) != NULL && submit_keys(j))
		return;
	if (j->err) {
		con_say(w->change, j->err, "the keys could not be made: %s", alv_err_text(j->err));
		finish(w);
	} else {
		apply(w, j->credentials != NULL || j->users != NULL ? NULL : j->keys);
	}
	free_keys(j);
}

static void
ask_keys(struct con_work *w)
{
	struct con_control *k = w->control;
	struct con_change  *c = w->change;
	struct keys_job	   *j = calloc(1, sizeof(*j));
	enum alv_err	    err = ALV_E_NOMEM;

	if (j != NULL) {
		j->work = w;
		j->credentials = c->credentials;
		j->users = c->users;
		j->iterations = c->iterations != 0 ? c->iterations : k->core.iterations;
		j->password_n = strlen(c->password);
		memcpy(j->password, c->password, j->password_n);
		if (submit_keys(j))
			return;
		err = j->err;
		free_keys(j);
	}
	con_say(c, err, "the keys could not be made: %s", alv_err_text(err));
	finish(w);
}

/* ---- the cluster ------------------------------------------------------------------------------------------------------ */

static void
tell_found(struct con_change *c, const struct ups_found *found)
{
	char   text[sizeof(c->detail)];
	size_t at = 0, shown = found->n < NAMES_SHOWN ? found->n : NAMES_SHOWN;

	text[0] = '\0';
	for (size_t i = 0; i < shown && at < sizeof(text); i++) {
		int n = snprintf(text + at, sizeof(text) - at, "%s%s \"%.64s\"", i == 0 ? "" : ", ", con_kind_name(found->kind[i]),
		    found->name[i]);

		at += n < 0 ? 0 : (size_t)n;
	}
	con_say(c, ALV_E_CONFLICT, "the physical cluster has names that begin with \"%s.\" and would become the tenant's: %s%s; "
	    "remove them, take another id, or adopt the prefix", c->tenant, text, found->more || found->n > shown ? ", and more" : "");
}

static void
scanned(void *arg, enum alv_err err, const struct ups_found *found)
{
	struct con_work *w = arg;

	if (err) {
		con_say(w->change, ALV_E_UNAVAILABLE, "the cluster could not be asked whether names beginning with \"%s.\" exist (%s); "
		    "nothing was created", w->change->tenant, alv_err_text(err));
		finish(w);
	} else if (found->n > 0) {
		tell_found(w->change, found);
		finish(w);
	} else {
		apply(w, NULL);
	}
}

static void
ask_cluster(struct con_work *w)
{
	struct con_control *k = w->control;
	char		    prefix[TEN_ID_MAX + 2];

	if (!ups_reachable(k->follower)) {
		scanned(w, ALV_E_UNAVAILABLE, NULL);
		return;
	}
	snprintf(prefix, sizeof(prefix), "%.32s.", w->change->tenant);
	ups_scan_prefix(k->follower, alv_str_of(prefix), scanned, w);
}

/* ---- the beginning -------------------------------------------------------------------------------------------------------- */

static void
begin(struct con_work *w)
{
	switch (con_judge(&w->control->core, w->change)) {
	case CON_NEED_END: finish(w); break;
	case CON_NEED_KEYS: ask_keys(w); break;
	case CON_NEED_SCAN: ask_cluster(w); break;
	case CON_NEED_NOTHING: apply(w, NULL); break;
	}
}

/* ---- what tenants ask for ------------------------------------------------------------------------------------------------ */

/* The others of its tenant, behind all that is there now. */
static void
let_others_go_first(struct con_control *k, const struct con_work *w)
{
	struct con_work *own = NULL, *x, *next;

	for (x = k->natives; x != NULL; x = next) {
		next = x->next;
		if (!same_tenant(x, w))
			continue;
		take_out(&k->natives, x);
		append(&own, x);
	}
	for (x = own; x != NULL; x = next) {
		next = x->next;
		append(&k->natives, x);
	}
}

static void
native_turn(struct net_later *l)
{
	struct con_control *k = ALV_HOLDER(l, struct con_control, native_turn);
	struct con_work	   *w = k->natives;

	while (w != NULL && count_same(k->running, w) > 0)
		w = w->next;	/* when that ends there is a turn again */
	if (w == NULL || k->stopping)
		return;
	take_out(&k->natives, w);
	let_others_go_first(k, w);
	append(&k->running, w);
	if (k->natives != NULL)
		net_later(k->loop, l);
	begin(w);
}

static void
native_arrived(struct con_control *k, struct con_work *w)
{
	if (count_same(k->natives, w) >= CON_PER_TENANT_MAX) {
		con_say(w->change, ALV_E_FULL, "%d changes of this tenant are waiting already", CON_PER_TENANT_MAX);
		give_back(w);
		return;
	}
	append(&k->natives, w);
	k->native_turn.fn = native_turn;
	net_later(k->loop, &k->native_turn);
}

/* ---- in and out ---------------------------------------------------------------------------------------------------------- */

static void
arrived(struct net_loop *l, struct net_mail *m)
{
	struct con_work	   *w = (struct con_work *)m;
	struct con_control *k = w->control;

	(void)l;
	if (k->stopping) {
		con_say(w->change, ALV_E_UNAVAILABLE, "the gateway is stopping; nothing was changed");
		give_back(w);
	} else if (w->change->native) {
		native_arrived(k, w);
	} else if (count_same(k->running, w) == 0) {
		append(&k->running, w);
		begin(w);
	} else if (count_same(k->waiting, w) < CON_PER_TENANT_MAX) {
		append(&k->waiting, w);
	} else {
		con_say(w->change, ALV_E_FULL, "%d changes of this tenant are waiting already", CON_PER_TENANT_MAX);
		give_back(w);
	}
}

enum alv_err
con_submit(struct con_control *k, struct con_change *c)
{
	struct con_work *w;
	enum alv_err	 err = ALV_E_NOMEM;

	if (atomic_fetch_add(&k->pending, 1) >= (c->native ? CON_NATIVE_MAX : CON_PENDING_MAX)) {
		atomic_fetch_sub(&k->pending, 1);
		return ALV_E_FULL;
	}
	w = calloc(1, sizeof(*w));
	if (w != NULL) {
		w->mail.fn = arrived;
		w->control = k;
		w->change = c;
		err = net_mail_send(k->loop, &w->mail);
	}
	if (err) {
		free(w);
		atomic_fetch_sub(&k->pending, 1);
	}
	return err;
}

static void
end_list(struct con_work **list)
{
	while (*list != NULL) {
		struct con_work *w = *list;

		take_out(list, w);
		con_say(w->change, ALV_E_UNAVAILABLE, "the gateway is stopping; nothing was changed");
		give_back(w);
	}
}

/* The follower is gone and has answered; jobs in the pool still come back and end theirs. */
void
con_run_end(struct con_control *k)
{
	if (k->loop != NULL)
		net_later_cancel(k->loop, &k->native_turn);
	end_list(&k->waiting);
	end_list(&k->natives);
}
