/* What the tests of share fetches share: requests and answers with topics by id, one character each. */
#ifndef SHARE_STAGE_H
#define SHARE_STAGE_H

#include "group_stage.h"

#define Q(f) KFK_SHARE_FETCH_REQUEST_##f
#define R(f) KFK_SHARE_FETCH_RESPONSE_##f

static const struct pol_rule share_denies[] = { STAGE_DENY(POL_GROUP, "closed", POL_OP_READ),
	STAGE_DENY(POL_TOPIC, "secret", POL_OP_READ) };
enum { SHARE_DENIES = ALV_COUNT(share_denies) };

static inline struct kfk_tree *
share_ask(struct stage *s, int16_t version, int32_t epoch)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_SHARE_FETCH, version);

	stage_str(q, Q(GROUP_ID), "jobs");
	stage_str(q, Q(MEMBER_ID), "m1");
	kfk_set_int(q, &q->root, Q(SHARE_SESSION_EPOCH), epoch);
	return q;
}

/* Partition `index` of a topic; acknowledged: offsets 5 to 6. */
static inline void
share_name(struct kfk_tree *q, char id, int32_t index, bool acknowledged)
{
	struct kfk_node *e = stage_add(q, &q->root, Q(TOPICS)), *p, *b;

	kfk_set_uuid(q, e, Q(TOPICS_TOPIC_ID), stage_id(id));
	p = stage_add(q, e, Q(TOPICS_PARTITIONS));
	kfk_set_int(q, p, Q(TOPICS_PARTITIONS_PARTITION_INDEX), index);
	if (!acknowledged)
		return;
	b = stage_add(q, p, Q(TOPICS_PARTITIONS_ACKNOWLEDGEMENT_BATCHES));
	kfk_set_int(q, b, Q(TOPICS_PARTITIONS_ACKNOWLEDGEMENT_BATCHES_FIRST_OFFSET), 5);
	kfk_set_int(q, b, Q(TOPICS_PARTITIONS_ACKNOWLEDGEMENT_BATCHES_LAST_OFFSET), 6);
	kfk_add(q, kfk_set_empty(q, b, Q(TOPICS_PARTITIONS_ACKNOWLEDGEMENT_BATCHES_ACKNOWLEDGE_TYPES)))->v.i = 1;
}

static inline void
share_forget(struct kfk_tree *q, char id, int32_t index)
{
	struct kfk_node *e = stage_add(q, &q->root, Q(FORGOTTEN_TOPICS_DATA));

	kfk_set_uuid(q, e, Q(FORGOTTEN_TOPICS_DATA_TOPIC_ID), stage_id(id));
	kfk_add(q, kfk_set_empty(q, e, Q(FORGOTTEN_TOPICS_DATA_PARTITIONS)))->v.i = index;
}

/* A session of m1 in jobs that holds partition 0 of each of these topics. */
static inline void
share_open(struct stage *s, int16_t version, const char *ids)
{
	struct kfk_tree *q = share_ask(s, version, 0);

	for (; *ids != '\0'; ids++)
		share_name(q, *ids, 0, false);
	(void)stage_forwarded(s);
	(void)stage_answers(s);
	(void)stage_replied(s);
}

/* "o0 s1" is partition 0 of 'o' and partition 1 of 's', in the order in which they stand there. */
static inline void
share_list(struct kfk_tree *t, uint16_t list, uint16_t id, uint16_t parts, uint16_t index, const char *want)
{
	struct kfk_node *l = kfk_get(&t->root, list), *ps;
	char		 found[256] = "";
	size_t		 n = 0;

	for (struct kfk_node *e = l == NULL ? NULL : l->kids; e != NULL; e = e->next) {
		ps = kfk_get(e, parts);
		for (struct kfk_node *p = ps == NULL ? NULL : ps->kids; p != NULL; p = p->next)
			n += (size_t)snprintf(found + n, sizeof(found) - n, "%s%c%d", n > 0 ? " " : "", kfk_get_uuid(t, e, id).b[0],
			    (int)(index == API_NO_FIELD ? p->v.i : kfk_get_int(t, p, index)));
	}
	assert_string_equal(found, want);
}

static inline void
share_sent(struct kfk_tree *t, int32_t epoch, const char *named, const char *forgotten)
{
	assert_int_equal(stage_int(t, Q(SHARE_SESSION_EPOCH)), epoch);
	share_list(t, Q(TOPICS), Q(TOPICS_TOPIC_ID), Q(TOPICS_PARTITIONS), Q(TOPICS_PARTITIONS_PARTITION_INDEX), named);
	share_list(t, Q(FORGOTTEN_TOPICS_DATA), Q(FORGOTTEN_TOPICS_DATA_TOPIC_ID), Q(FORGOTTEN_TOPICS_DATA_PARTITIONS), API_NO_FIELD,
	    forgotten);
}

/* The broker's answer about one partition. */
static inline struct kfk_node *
share_give(struct stage *s, struct kfk_tree *r, char id, int32_t index, size_t records)
{
	struct kfk_node *e = stage_add(r, &r->root, R(RESPONSES)), *p, *x;
	char		*bytes = alv_arena_alloc(&s->arena, records + 1);

	memset(bytes, id, records);
	kfk_set_uuid(r, e, R(RESPONSES_TOPIC_ID), stage_id(id));
	p = stage_add(r, e, R(RESPONSES_PARTITIONS));
	kfk_set_int(r, p, R(RESPONSES_PARTITIONS_PARTITION_INDEX), index);
	kfk_set_bytes(r, p, R(RESPONSES_PARTITIONS_RECORDS), alv_str_make(bytes, records));
	x = kfk_set_empty(r, p, R(RESPONSES_PARTITIONS_CURRENT_LEADER));
	kfk_set_int(r, x, R(RESPONSES_PARTITIONS_CURRENT_LEADER_LEADER_ID), 2 + index);
	return p;
}

static inline void
share_endpoints(struct kfk_tree *r, int n, const char *host)
{
	struct kfk_node *list = kfk_set_empty(r, &r->root, R(NODE_ENDPOINTS));

	for (int i = 0; i < n; i++) {
		struct kfk_node *x = kfk_add(r, list);

		kfk_set_int(r, x, R(NODE_ENDPOINTS_NODE_ID), 1 + i % 3);
		kfk_set_str(r, x, R(NODE_ENDPOINTS_HOST), alv_str_of(host));
		kfk_set_int(r, x, R(NODE_ENDPOINTS_PORT), 9092);
		kfk_set_str(r, x, R(NODE_ENDPOINTS_RACK), ALV_STR("real1"));
	}
}

static inline void
share_told(struct kfk_tree *t, const char *want)
{
	share_list(t, R(RESPONSES), R(RESPONSES_TOPIC_ID), R(RESPONSES_PARTITIONS), R(RESPONSES_PARTITIONS_PARTITION_INDEX), want);
}

/* The i-th topic's k-th partition of an answer. */
static inline void
share_codes(struct kfk_tree *t, size_t i, size_t k, int16_t code, int16_t acknowledge)
{
	struct kfk_node *p = stage_at(stage_at(&t->root, R(RESPONSES), i), R(RESPONSES_PARTITIONS), k);

	assert_int_equal(kfk_get_int(t, p, R(RESPONSES_PARTITIONS_ERROR_CODE)), code);
	assert_int_equal(kfk_get_int(t, p, R(RESPONSES_PARTITIONS_ACKNOWLEDGE_ERROR_CODE)), acknowledge);
}

/* What acme's rules are from now on. */
static inline void
share_rules(struct stage *s, const struct pol_rule *denies, size_t n)
{
	stage_tenant(s, "acme", "acme-cluster-id-22char", POL_ACTIVE, denies, n);
}

#endif
