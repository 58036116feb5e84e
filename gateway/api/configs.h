/* What configs.c and config_alter.c share. Internal to gateway/api. */
#ifndef API_CONFIGS_H
#define API_CONFIGS_H

#include "api/kit.h"

/* A resource that is answered here: refused, or of a type whose configs are the gateway's own. */
struct api_resource {
	struct api_resource *next;
	int64_t		     type;
	struct alv_str	     name, text;	/* text: only with a code */
	int16_t		     code;
	const struct kfk_node *keys;		/* DescribeConfigs: which configs; NULL: all */
};

/* The responses have the same fields under different numbers. */
struct api_resource_fields {
	uint16_t list, type, name, code, text;
};

bool	api_resource_known(int64_t type);
/* May it be done to that resource? 0, or the code to refuse with. */
int16_t api_resource_judge(struct api_call *c, int64_t type, struct alv_str name, enum pol_op op, int flags);
/* It is answered here. text null: the standard message of the code. NULL: no memory, which stays in the arena. */
struct api_resource *api_resource_answer(struct api_call *c, int64_t type, struct alv_str name, int16_t code, struct alv_str text);
/* Adds one of those to a response; -> its element. */
struct kfk_node *api_resource_add(struct kfk_tree *r, const struct api_resource *x, const struct api_resource_fields *f);
/* Only topics and groups are asked of brokers: what else they speak of disappears. */
void api_resource_drop_others(struct api_call *c, struct kfk_tree *r, const struct api_resource_fields *f);

/* broker_configs.c: fills in what a virtual broker shows of itself. x->code is 0. */
void api_broker_configs(struct api_call *c, struct kfk_tree *r, struct kfk_node *e, const struct api_resource *x);
/* A virtual broker's name: 0; 42 and *text. "" means all of them. */
int16_t api_broker_judge(struct api_call *c, struct alv_str name, struct alv_str *text);

#endif
