/* Delegation tokens: Create, Renew, Expire, Describe. There are none in a tenant, as in a Kafka without delegation.token.secret.key, and
 * clients are told what such a Kafka says. A token that brokers issued to the gateway's own principal would be good for the whole
 * physical cluster, so nothing of these apis goes upstream. */
#include "api/kit.h"

static struct alv_str
text_of(struct api_call *c, const char *s)
{
	return alv_arena_str(&c->arena, alv_str_of(s));
}

#define Q(f) KFK_CREATE_DELEGATION_TOKEN_REQUEST_##f
#define R(f) KFK_CREATE_DELEGATION_TOKEN_RESPONSE_##f

enum { V_OWNER = 3 };

/* Of somebody else's it is asked for first. */
static int16_t
judge_owner(struct api_call *c, struct alv_str type, struct alv_str name)
{
	struct alv_str owner = alv_arena_printf(&c->arena, "%.*s:%.*s", ALV_STR_ARG(type), ALV_STR_ARG(name));

	if (alv_str_eqz(owner, c->conn->principal) || api_enforce(c, POL_OP_CREATE_TOKENS, POL_USER, owner))
		return KFK_DELEGATION_TOKEN_AUTH_DISABLED;
	return KFK_DELEGATION_TOKEN_AUTHORIZATION_FAILED;
}

enum api_result
api_create_token_request(struct api_call *c, struct kfk_tree *q)
{
	struct alv_str	requester = text_of(c, c->conn->user), type = ALV_STR("User"), name = requester;
	int16_t		code = KFK_DELEGATION_TOKEN_AUTH_DISABLED;
	struct kfk_tree r;

	if (kfk_get_str(q, &q->root, Q(OWNER_PRINCIPAL_NAME)).n > 0) {
		type = kfk_get_str(q, &q->root, Q(OWNER_PRINCIPAL_TYPE));
		name = kfk_get_str(q, &q->root, Q(OWNER_PRINCIPAL_NAME));
		code = judge_owner(c, type, name);
	}
	api_answer_begin(c, &r);
	kfk_set_int(&r, &r.root, R(ERROR_CODE), code);
	kfk_set_str(&r, &r.root, R(PRINCIPAL_TYPE), type.p == NULL ? ALV_STR("") : type);
	kfk_set_str(&r, &r.root, R(PRINCIPAL_NAME), name);
	if (c->hdr.version >= V_OWNER) {
		kfk_set_str(&r, &r.root, R(TOKEN_REQUESTER_PRINCIPAL_TYPE), ALV_STR("User"));
		kfk_set_str(&r, &r.root, R(TOKEN_REQUESTER_PRINCIPAL_NAME), requester);
	}
	if (code == KFK_DELEGATION_TOKEN_AUTHORIZATION_FAILED) {	/* so says a broker; its controller leaves zeros */
		kfk_set_int(&r, &r.root, R(ISSUE_TIMESTAMP_MS), -1);
		kfk_set_int(&r, &r.root, R(EXPIRY_TIMESTAMP_MS), -1);
		kfk_set_int(&r, &r.root, R(MAX_TIMESTAMP_MS), -1);
	}
	api_note(c, code);
	return api_answer(c, &r);
}
#undef Q
#undef R

enum api_result
api_renew_token_request(struct api_call *c, struct kfk_tree *q)
{
	(void)q;
	return api_answer_code(c, KFK_RENEW_DELEGATION_TOKEN_RESPONSE_ERROR_CODE, KFK_DELEGATION_TOKEN_AUTH_DISABLED);
}

enum api_result
api_expire_token_request(struct api_call *c, struct kfk_tree *q)
{
	(void)q;
	return api_answer_code(c, KFK_EXPIRE_DELEGATION_TOKEN_RESPONSE_ERROR_CODE, KFK_DELEGATION_TOKEN_AUTH_DISABLED);
}

enum api_result
api_describe_tokens_request(struct api_call *c, struct kfk_tree *q)
{
	(void)q;
	return api_answer_code(c, KFK_DESCRIBE_DELEGATION_TOKEN_RESPONSE_ERROR_CODE, KFK_DELEGATION_TOKEN_AUTH_DISABLED);
}
