/* A Metadata answer, checked and in our own form. */
#ifndef UPS_META_H
#define UPS_META_H

#include <alcove/cluster.h>
#include <alcove/kafka.h>

enum { UPS_METADATA_VERSION = 12, UPS_BROKERS_MAX = 1024, UPS_TOPICS_MAX = 1000000, UPS_META_BYTES_MAX = 64 * 1024 * 1024 };

struct ups_meta {
	struct alv_arena   arena;	/* the strings */
	struct alv_str	   cluster_id;
	int32_t		   controller_id;
	size_t		   nbrokers, brokers_cap, ntopics, topics_cap;
	struct clu_broker *brokers;
	struct clu_topic  *topics;	/* names null where the broker knows none for an id */
	int16_t		  *codes;	/* each topic's error */
	int16_t		   code;	/* the whole answer's error */
	enum alv_err	   err;
};

/* The question: all topics, or with n > 0 those ids. Never creates a topic. */
void ups_meta_ask(struct kfk_tree *t, struct alv_arena *a, const struct alv_uuid *id, size_t n);
/* The question: brokers only. */
void ups_meta_ask_brokers(struct kfk_tree *t, struct alv_arena *a);
/* Reads an answer of UPS_METADATA_VERSION. What a cluster cannot have (no broker, impossible addresses, a name that is
 * no topic's, more than the bounds) is VALUE or LIMIT. ups_meta_fini in any case. */
enum alv_err ups_meta_read(struct ups_meta *m, const struct alv_chain *body) ALV_MUST;
void	     ups_meta_fini(struct ups_meta *m);

#endif
