/* Share groups (KIP-932), where their records are: what ShareFetch and ShareAcknowledge share, and ShareAcknowledge, which is small:
 * topics by id, refused apart. Both count the same session's epochs, so even with no topic left they go to the broker. */
#include "api/share.h"

int16_t
api_share_judge(struct api_call *c, struct alv_str group, struct alv_str member)
{
	int16_t code = api_judge_group(c, group, POL_OP_READ);

	if (code == KFK_INVALID_GROUP_ID || (code == 0 && !api_member_id_legal(member)))
		return KFK_INVALID_REQUEST;
	return code;
}

bool
api_share_mapped(struct api_call *c, struct kfk_tree *q, uint16_t epoch, enum api_result *result)
{
	int64_t said = kfk_get_int(q, &q->root, epoch);
	bool	mapped = api_mapped(c, q, result);

	kfk_set_int(q, &q->root, epoch, said);
	return mapped;
}

enum api_result
api_share_forward(struct api_call *c, struct kfk_tree *q, uint16_t epoch)
{
	enum api_result result;

	return api_share_mapped(c, q, epoch, &result) ? api_send(c, q) : result;
}

bool
api_share_lost(int64_t code)
{
	return code == KFK_SHARE_SESSION_NOT_FOUND || code == KFK_INVALID_SHARE_SESSION_EPOCH ||
	    code == KFK_SHARE_SESSION_LIMIT_REACHED;
}

/* ---- ShareAcknowledge ---------------------------------------------------------------------------------------- */

#define Q(f) KFK_SHARE_ACKNOWLEDGE_REQUEST_##f
#define R(f) KFK_SHARE_ACKNOWLEDGE_RESPONSE_##f

enum api_result
api_share_acknowledge_request(struct api_call *c, struct kfk_tree *q)
{
	struct alv_str	  group = kfk_get_str(q, &q->root, Q(GROUP_ID)), member = kfk_get_str(q, &q->root, Q(MEMBER_ID));
	int64_t		  epoch = kfk_get_int(q, &q->root, Q(SHARE_SESSION_EPOCH));
	int16_t		  code = api_share_judge(c, group, member);
	struct api_split *s = &api_memo(c)->split;
	struct api_share *share;

	if (code != 0)
		return api_answer_code(c, R(ERROR_CODE), code);
	share = api_share_find(c->conn, group, member);
	if (epoch == 0)		/* only a fetch opens one */
		return api_answer_code(c, R(ERROR_CODE), KFK_INVALID_SHARE_SESSION_EPOCH);
	if (share == NULL)
		return api_answer_code(c, R(ERROR_CODE), KFK_SHARE_SESSION_NOT_FOUND);
	api_split(c, q, &q->root, api_shape(API_SHAPE_SHARE_ACKNOWLEDGE), s);
	if (s->waiting)
		return api_wait_ids(c);
	if (c->arena.failed)
		return api_fail(c, ALV_E_LIMIT);
	api_memo(c)->own = alv_arena_alloc(&c->arena, sizeof(uint64_t));
	if (api_memo(c)->own == NULL)
		return api_fail(c, ALV_E_LIMIT);
	*(uint64_t *)api_memo(c)->own = share->serial;
	if (epoch < 0)
		api_share_close(c->conn, share->serial);
	return api_share_forward(c, q, Q(SHARE_SESSION_EPOCH));
}

enum api_result
api_share_acknowledge_response(struct api_call *c, struct kfk_tree *r)
{
	int64_t		code = kfk_get_int(r, &r->root, R(ERROR_CODE));
	const uint64_t *serial = api_memo(c)->own;

	if (api_share_lost(code))
		api_share_close(c->conn, *serial);
	return code != 0 ? api_pass(c, r) : api_splice_answer(c, r, api_shape(API_SHAPE_SHARE_ACKNOWLEDGE));
}
