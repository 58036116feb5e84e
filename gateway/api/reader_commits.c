/* What commits of nobody's members teach of who reads what; see readers.h: consumers that assign partitions themselves commit them for their
 * group without a generation. Brokers take that only where the group has no members.
 * Invariant: only what a broker took is a claim; that a client asked for a group's offsets is none: it takes less of a right, leaves
 * nothing behind, and people who look at lags ask for everybody's. */
#include "api/readers.h"

#define R(f) KFK_OFFSET_COMMIT_RESPONSE_##f

void
api_reader_commits(struct api_call *c, struct alv_str group)
{
	if (api_reader_wanted(c))
		api_memo(c)->group = group;
}

/* By name, or by id. */
static bool
topic_of(struct api_call *c, const struct kfk_tree *r, const struct kfk_node *topic, struct alv_str *virt)
{
	struct alv_uuid id = kfk_get_uuid(r, topic, R(TOPICS_TOPIC_ID));
	struct alv_str	phys = kfk_get_str(r, topic, R(TOPICS_NAME));

	if (!alv_uuid_zero(id) && api_own_id(c, id, &phys))
		return false;
	return ten_unmap(&c->tenant->names, TEN_TOPIC, phys, virt) == ALV_OK;
}

void
api_reader_committed(struct api_call *c, const struct kfk_tree *r)
{
	struct api_readers    *readers = c->conn->w->shared->readers;
	const struct kfk_node *topics = kfk_get(&r->root, R(TOPICS));
	struct api_reader_parts taken = { .n = 0 };
	bool		        more = false;

	if (readers == NULL || api_memo(c)->group.p == NULL)
		return;
	for (const struct kfk_node *t = topics == NULL ? NULL : topics->kids; t != NULL; t = t->next) {
		const struct kfk_node *parts = kfk_get(t, R(TOPICS_PARTITIONS));
		struct alv_str	       virt;

		if (!topic_of(c, r, t, &virt))
			continue;
		for (const struct kfk_node *p = parts == NULL ? NULL : parts->kids; p != NULL; p = p->next)
			if (kfk_get_int(r, p, R(TOPICS_PARTITIONS_ERROR_CODE)) == 0)
				more |= !api_reader_parts_add(c, &taken,
				    api_readers_part(readers, virt, (int32_t)kfk_get_int(r, p, R(TOPICS_PARTITIONS_PARTITION_INDEX))));
	}
	if (taken.n > 0)
		api_readers_claim(readers, api_reader_key(c, c->hdr.client_id), api_memo(c)->group, taken.part, taken.n, more, api_reader_now_s(c));
}
