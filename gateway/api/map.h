/* What map.c, map_in.c and map_out.c share. Internal to gateway/api. */
#ifndef API_MAP_H
#define API_MAP_H

#include "api/kit.h"

/* The fields of one struct that others of it are judged by. */
struct api_peers {
	struct kfk_node *name, *id, *group, *node, *host, *port;
	int64_t		 config_type;	/* what a RESOURCE_NAME names; 0: there is no such field */
	int16_t		 code;		/* of this struct, else of the one around it */
	bool		 element;	/* it is an element of a list: it may disappear */
};

struct api_map {
	struct api_call *c;
	struct kfk_tree *t;
	uint32_t	 dropped;
	bool		 waiting;	/* ids must be resolved first */
};

/* OK: keep it; NOT_FOUND: leave the field out (its default goes); FOREIGN: the element around it goes. */
typedef enum alv_err (*api_rule_fn)(struct api_map *m, const struct api_peers *p, struct kfk_node *n);

/* By kind; NULL: refused. */
extern const api_rule_fn api_in_rules[KFK_KIND_COUNT], api_out_rules[KFK_KIND_COUNT];

/* Names and ids of a response's struct itself, before anything else of it. */
enum alv_err api_out_identity(struct api_map *m, const struct api_peers *p) ALV_MUST;

/* Rules of both directions. */
enum alv_err api_rule_keep(struct api_map *m, const struct api_peers *p, struct kfk_node *n);
/* A string that nobody else may see: null where that is allowed, else empty. */
enum alv_err api_rule_blank(struct api_map *m, const struct api_peers *p, struct kfk_node *n);
/* The embedded consumer protocol's names through fn; an empty value stays empty. */
enum alv_err api_map_embedded(struct api_map *m, struct kfk_node *n, kfk_map_fn fn, struct alv_str *out) ALV_MUST;
void	     api_put_bytes(struct kfk_node *n, struct alv_str s);

#endif
