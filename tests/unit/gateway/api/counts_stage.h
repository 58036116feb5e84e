/* What the tests of limits on how many share: a tenant with limits, members that join. */
#ifndef COUNTS_STAGE_H
#define COUNTS_STAGE_H

#include "group_stage.h"

#include "api/counts.h"
#include "quota/table.h"
#include "tally/keys.h"

static struct pol_quota limits;

static inline void
limit(enum pol_quota_key key, double value)
{
	limits.entity.kind = POL_QUOTA_OF_TENANT;
	limits.set |= 1u << key;
	limits.value[key] = value;
}

/* With the limits that were set, which are gone then. */
static inline void
open_limited(struct stage *s)
{
	static struct pol_quota set;

	set = limits;
	memset(&limits, 0, sizeof(limits));
	stage_open(s, NULL, 0);
	s->quotas = &set;
	s->nquotas = 1;
	stage_tenant_at(s, "acme", "acme-cluster-id-22char", POL_ACTIVE, NULL, 0, 2);
}

static inline uint64_t
count(const struct stage *s, enum tal_kind k)
{
	return tal_count(s->shared.tally, ALV_STR("acme"), k);
}

static inline void
join(struct stage *s, int16_t version, const char *group, const char *member)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_JOIN_GROUP, version);

	stage_str(q, KFK_JOIN_GROUP_REQUEST_GROUP_ID, group);
	stage_str(q, KFK_JOIN_GROUP_REQUEST_MEMBER_ID, member);
	stage_str(q, KFK_JOIN_GROUP_REQUEST_PROTOCOL_TYPE, "connect");
}

static inline void
joins(struct stage *s, const char *group, const char *member, int16_t code, const char *given)
{
	struct kfk_tree *r;

	join(s, 5, group, member);
	(void)stage_forwarded(s);
	r = stage_answers(s);
	kfk_set_int(r, &r->root, KFK_JOIN_GROUP_RESPONSE_ERROR_CODE, code);
	stage_str(r, KFK_JOIN_GROUP_RESPONSE_MEMBER_ID, given);
	stage_str(r, KFK_JOIN_GROUP_RESPONSE_PROTOCOL_NAME, "");
	(void)stage_replied(s);
}

static inline void
does_not_join(struct stage *s, const char *group, const char *member, int16_t code)
{
	struct kfk_tree *r;

	join(s, 5, group, member);
	r = stage_refused(s);
	assert_int_equal(stage_int(r, KFK_JOIN_GROUP_RESPONSE_ERROR_CODE), code);
}

#endif
