/* Changes of the tenant's own state that its clients ask for: the control thread makes them, one part of a request after the other.
 *
 *   handler --> api_change --> begin --API_WAIT(change)--> proxy --> control thread --> proxy --> api_change_made --> end
 *                   ^  `-- no part is left: answer                                                                     |
 *                   `--------------------------------- the next part --------------------------------------------------'
 *
 * Invariants: one part of a request is away at most; what was made is in the snapshot before its part ends. When the store or the
 * control thread fails, the rest of the parts is not tried: each ends as that one did. */
#include <stdio.h>
#include <stdlib.h>

#include "api/kit.h"

/* It may hold a password. */
static void
empty(struct con_change *ch)
{
	pol_rules_free(ch->rules);
	pol_quota_list_free(ch->quotas);
	pol_credentials_free(ch->credentials);
	explicit_bzero(ch, sizeof(*ch));
}

void
api_change_forget(struct api_call *c)
{
	if (c->change == NULL)
		return;
	empty(c->change);
	free(c->change);
	c->change = NULL;
}

/* Who asks, and of which tenant. */
static void
introduce(const struct api_call *c, struct con_change *ch)
{
	const struct api_conn *conn = c->conn;

	empty(ch);
	ch->native = true;
	snprintf(ch->actor, sizeof(ch->actor), "%s", conn->principal);
	snprintf(ch->origin, sizeof(ch->origin), "kafka %s", conn->host);
	snprintf(ch->tenant, sizeof(ch->tenant), "%s", conn->tenant);
}

/* On to the next part; where there is none, the answer. */
static enum api_result
next_part(struct api_call *c)
{
	struct api_changes *x = c->changes;
	enum api_result	    result;

	for (; x->next < x->n; x->next++) {
		introduce(c, c->change);
		if (!x->begin(c, x->next, c->change))
			continue;
		if (c->arena.failed)
			return api_fail(c, ALV_E_LIMIT);
		c->wait = API_WAIT_CHANGE;
		return API_WAIT;
	}
	result = c->arena.failed ? api_fail(c, ALV_E_LIMIT) : x->answer(c);
	if (result != API_WAIT)
		api_change_forget(c);
	return result;
}

enum api_result
api_change(struct api_call *c, const struct api_changes *changes)
{
	c->changes = alv_arena_alloc(&c->arena, sizeof(*c->changes));
	if (c->changes == NULL)
		return api_fail(c, ALV_E_LIMIT);
	*c->changes = *changes;
	c->changes->next = 0;
	if (c->change == NULL)
		c->change = calloc(1, sizeof(*c->change));
	return c->change == NULL ? api_fail(c, ALV_E_NOMEM) : next_part(c);
}

/* Would the next one fare better? */
static bool
hopeless(enum alv_err err)
{
	return err == ALV_E_STORE || err == ALV_E_FULL || err == ALV_E_UNAVAILABLE || err == ALV_E_NOMEM;
}

/* Each part that is left ends as this one did. */
static void
end_all(struct api_call *c, const struct con_change *ch)
{
	struct api_changes *x = c->changes;
	struct con_change  *unused = calloc(1, sizeof(*unused));

	for (; unused != NULL && x->next < x->n; x->next++) {
		introduce(c, unused);
		if (x->begin(c, x->next, unused))
			x->end(c, x->next, ch);
	}
	if (unused == NULL)
		c->arena.failed = true;
	else
		empty(unused);
	free(unused);
}

enum api_result
api_change_made(struct api_call *c)
{
	struct api_changes *x = c->changes;

	c->wait = API_WAIT_NONE;
	if (x == NULL || c->change == NULL)
		return api_close(c, MET_CLOSE_INTERNAL);
	if (c->tenant == NULL)
		return api_close(c, MET_CLOSE_TENANT_GONE);
	x->end(c, x->next++, c->change);
	if (hopeless(c->change->err))
		end_all(c, c->change);
	return next_part(c);
}

/* ---- outcomes in Kafka's words --------------------------------------------------------------------------- */

int16_t
api_change_code(const struct con_change *ch)
{
	switch (ch->err) {
	case ALV_OK:
		return KFK_NONE;
	case ALV_E_LIMIT:
		return KFK_POLICY_VIOLATION;
	case ALV_E_NAME:
	case ALV_E_VALUE:
	case ALV_E_LENGTH:
	case ALV_E_RANGE:
	case ALV_E_MISSING:
	case ALV_E_EXISTS:
	case ALV_E_CONFLICT:
	case ALV_E_DENIED:
	case ALV_E_UNSUPPORTED:
		return KFK_INVALID_REQUEST;
	case ALV_E_FULL:
	case ALV_E_UNAVAILABLE:	/* as a broker whose controller does not answer: clients try again */
		return KFK_REQUEST_TIMED_OUT;
	default:
		return KFK_UNKNOWN_SERVER_ERROR;
	}
}

struct alv_str
api_change_text(struct api_call *c, const struct con_change *ch)
{
	int16_t code = api_change_code(ch);

	/* What the store said is the operator's. */
	if (code == KFK_NONE || code == KFK_UNKNOWN_SERVER_ERROR || ch->detail[0] == '\0')
		return ALV_STR_NULL;
	return alv_arena_str(&c->arena, alv_str_of(ch->detail));
}
