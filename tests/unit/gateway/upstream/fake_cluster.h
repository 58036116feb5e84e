/* A scripted broker that is a whole small cluster: topics, groups, transactional ids, in arrays that a test changes. */
#ifndef FAKE_CLUSTER_H
#define FAKE_CLUSTER_H

#include "tests/unit/gateway/upstream/fake_broker.h"

struct fake_topic {
	char	name[64];
	uint8_t id;		/* first byte of the uuid */
	int32_t partitions;
	bool	gone;
};

struct fake_cluster {
	struct fake	  fake;
	struct fake_cluster *peer;	/* another broker of it; NULL: none. Topics are the first one's */
	bool		  second, peer_listed;
	const char	 *cluster_id;
	int32_t		  node_id;
	uint16_t	  port;		/* advertised; 0: where it listens */
	size_t		  ntopics;
	struct fake_topic topic[1200];
	const char	 *group[8], *txn[8];	/* NULL: none */
	int64_t		  size[8];	/* of partition 0 of topic[i], in DescribeLogDirs */
	int16_t		  fetch_hi;
	int16_t		  code;		/* of the next answers of ListGroups and DeleteTopics, while codes > 0 */
	int		  codes;
	int16_t		  group_code;	/* of DeleteGroups */
	int		  mute_api;	/* not answered; -1: none */
	bool		  twice;	/* Metadata names the first topic twice */
	bool		  wrong_correlation;
	unsigned	  ids_asked, all_asked;	/* Metadata by id, and of all topics */
	unsigned	  created;	/* topics that CreateTopics named */
};

static inline struct alv_uuid
fake_uuid(uint8_t first)
{
	return (struct alv_uuid){ { first, 7 } };
}

/* Those with the number 0 have ids by their place. */
static inline struct alv_uuid
fake_id_of(const struct fake_cluster *c, size_t i)
{
	struct alv_uuid id = fake_uuid(c->topic[i].id);

	if (c->topic[i].id == 0) {
		id.b[2] = (uint8_t)(i >> 8);
		id.b[3] = (uint8_t)i;
	}
	return id;
}

static inline int16_t
fake_code(struct fake_cluster *c)
{
	if (c->codes == 0)
		return 0;
	c->codes--;
	return c->code;
}

static inline void
fake_topic_out(struct kfk_tree *r, struct kfk_node *list, const struct fake_topic *t, int16_t code, struct alv_uuid id)
{
	struct kfk_node *e = kfk_add(r, list), *p;

	kfk_set_int(r, e, KFK_METADATA_RESPONSE_TOPICS_ERROR_CODE, code);
	kfk_set_uuid(r, e, KFK_METADATA_RESPONSE_TOPICS_TOPIC_ID, id);
	if (t == NULL) {
		kfk_set_null(r, e, KFK_METADATA_RESPONSE_TOPICS_NAME);
		return;
	}
	kfk_set_str(r, e, KFK_METADATA_RESPONSE_TOPICS_NAME, alv_str_of(t->name));
	p = kfk_set_empty(r, e, KFK_METADATA_RESPONSE_TOPICS_PARTITIONS);
	for (int32_t i = 0; i < t->partitions; i++)
		kfk_set_int(r, kfk_add(r, p), KFK_METADATA_RESPONSE_TOPICS_PARTITIONS_PARTITION_INDEX, i);
}

static inline void
fake_broker_out(struct kfk_tree *r, struct kfk_node *list, const struct fake_cluster *c)
{
	struct kfk_node *b = kfk_add(r, list);

	kfk_set_int(r, b, KFK_METADATA_RESPONSE_BROKERS_NODE_ID, c->node_id);
	kfk_set_str(r, b, KFK_METADATA_RESPONSE_BROKERS_HOST, ALV_STR("127.0.0.1"));
	kfk_set_int(r, b, KFK_METADATA_RESPONSE_BROKERS_PORT, c->port == 0 ? c->fake.port : c->port);
}

static inline void
fake_metadata(struct fake_cluster *c, const struct kfk_tree *t, struct kfk_tree *r)
{
	const struct kfk_node *asked = kfk_get(&t->root, KFK_METADATA_REQUEST_TOPICS);
	struct kfk_node	      *list = kfk_set_empty(r, &r->root, KFK_METADATA_RESPONSE_BROKERS);

	if (c->second)
		c = c->peer;
	assert_int_equal(kfk_get_int(t, &t->root, KFK_METADATA_REQUEST_ALLOW_AUTO_TOPIC_CREATION), 0);
	if (c->peer_listed)
		fake_broker_out(r, list, c->peer);
	fake_broker_out(r, list, c);
	kfk_set_str(r, &r->root, KFK_METADATA_RESPONSE_CLUSTER_ID, alv_str_of(c->cluster_id));
	kfk_set_int(r, &r->root, KFK_METADATA_RESPONSE_CONTROLLER_ID, c->node_id);
	list = kfk_set_empty(r, &r->root, KFK_METADATA_RESPONSE_TOPICS);
	c->all_asked += asked == NULL || asked->v.is_null;
	for (size_t i = 0; (asked == NULL || asked->v.is_null) && i < c->ntopics; i++) {
		if (!c->topic[i].gone)
			fake_topic_out(r, list, &c->topic[i], 0, fake_id_of(c, i));
	}
	if (c->twice && (asked == NULL || asked->v.is_null))
		fake_topic_out(r, list, &c->topic[0], 0, fake_uuid(99));
	for (const struct kfk_node *e = asked == NULL ? NULL : asked->kids; e != NULL; e = e->next) {
		struct alv_uuid	   id = kfk_get_uuid(t, e, KFK_METADATA_REQUEST_TOPICS_TOPIC_ID);
		struct fake_topic *hit = NULL;

		c->ids_asked++;
		assert_false(alv_uuid_zero(id));
		for (size_t i = 0; i < c->ntopics; i++) {
			if (!c->topic[i].gone && alv_uuid_eq(fake_uuid(c->topic[i].id), id))
				hit = &c->topic[i];
		}
		fake_topic_out(r, list, hit, hit == NULL ? KFK_UNKNOWN_TOPIC_ID : 0, id);
	}
}

static inline void
fake_api_versions(struct fake_cluster *c, struct kfk_tree *r)
{
	const int16_t	 keys[][3] = { { KFK_API_PRODUCE, 3, 13 }, { KFK_API_FETCH, 4, c->fetch_hi }, { KFK_API_LIST_GROUPS, 0, 5 },
		{ 300, 0, 1 }, { -1, 0, 1 } };
	struct kfk_node *list = kfk_set_empty(r, &r->root, KFK_API_VERSIONS_RESPONSE_API_KEYS), *f;

	for (size_t i = 0; i < ALV_COUNT(keys); i++) {
		struct kfk_node *e = kfk_add(r, list);

		kfk_set_int(r, e, KFK_API_VERSIONS_RESPONSE_API_KEYS_API_KEY, keys[i][0]);
		kfk_set_int(r, e, KFK_API_VERSIONS_RESPONSE_API_KEYS_MIN_VERSION, keys[i][1]);
		kfk_set_int(r, e, KFK_API_VERSIONS_RESPONSE_API_KEYS_MAX_VERSION, keys[i][2]);
	}
	f = kfk_add(r, kfk_set_empty(r, &r->root, KFK_API_VERSIONS_RESPONSE_FINALIZED_FEATURES));
	kfk_set_str(r, f, KFK_API_VERSIONS_RESPONSE_FINALIZED_FEATURES_NAME, ALV_STR("group.version"));
	kfk_set_int(r, f, KFK_API_VERSIONS_RESPONSE_FINALIZED_FEATURES_MIN_VERSION_LEVEL, 1);
	kfk_set_int(r, f, KFK_API_VERSIONS_RESPONSE_FINALIZED_FEATURES_MAX_VERSION_LEVEL, 1);
	kfk_set_int(r, &r->root, KFK_API_VERSIONS_RESPONSE_FINALIZED_FEATURES_EPOCH, 5);
}

static inline void
fake_lists(struct fake_cluster *c, int16_t key, struct kfk_tree *r)
{
	bool		    groups = key == KFK_API_LIST_GROUPS;
	const char *const  *name = groups ? c->group : c->txn;
	int16_t		    code = groups ? fake_code(c) : 0;
	struct kfk_node	   *list;

	kfk_set_int(r, &r->root, groups ? KFK_LIST_GROUPS_RESPONSE_ERROR_CODE : KFK_LIST_TRANSACTIONS_RESPONSE_ERROR_CODE, code);
	list = kfk_set_empty(r, &r->root,
	    groups ? KFK_LIST_GROUPS_RESPONSE_GROUPS : KFK_LIST_TRANSACTIONS_RESPONSE_TRANSACTION_STATES);
	for (size_t i = 0; code == 0 && i < 8; i++) {
		if (name[i] != NULL)
			kfk_set_str(r, kfk_add(r, list), groups ? KFK_LIST_GROUPS_RESPONSE_GROUPS_GROUP_ID :
			    KFK_LIST_TRANSACTIONS_RESPONSE_TRANSACTION_STATES_TRANSACTIONAL_ID, alv_str_of(name[i]));
	}
}

/* One directory; an error is the directory's. */
static inline void
fake_log_dirs(struct fake_cluster *c, struct kfk_tree *r)
{
	struct kfk_node *dir = kfk_add(r, kfk_set_empty(r, &r->root, KFK_DESCRIBE_LOG_DIRS_RESPONSE_RESULTS)), *topics;

	kfk_set_int(r, dir, KFK_DESCRIBE_LOG_DIRS_RESPONSE_RESULTS_ERROR_CODE, fake_code(c));
	kfk_set_str(r, dir, KFK_DESCRIBE_LOG_DIRS_RESPONSE_RESULTS_LOG_DIR, ALV_STR("/data"));
	topics = kfk_set_empty(r, dir, KFK_DESCRIBE_LOG_DIRS_RESPONSE_RESULTS_TOPICS);
	for (size_t i = 0; i < c->ntopics && i < ALV_COUNT(c->size); i++) {
		struct kfk_node *t = kfk_add(r, topics), *p;

		kfk_set_str(r, t, KFK_DESCRIBE_LOG_DIRS_RESPONSE_RESULTS_TOPICS_NAME, alv_str_of(c->topic[i].name));
		p = kfk_add(r, kfk_set_empty(r, t, KFK_DESCRIBE_LOG_DIRS_RESPONSE_RESULTS_TOPICS_PARTITIONS));
		kfk_set_int(r, p, KFK_DESCRIBE_LOG_DIRS_RESPONSE_RESULTS_TOPICS_PARTITIONS_PARTITION_SIZE, c->size[i]);
	}
}

static inline void
fake_delete_topics(struct fake_cluster *c, const struct kfk_tree *t, struct kfk_tree *r)
{
	const struct kfk_node *asked = kfk_get(&t->root, KFK_DELETE_TOPICS_REQUEST_TOPICS);
	struct kfk_node	      *list = kfk_set_empty(r, &r->root, KFK_DELETE_TOPICS_RESPONSE_RESPONSES);

	if (c->second)
		c = c->peer;
	for (const struct kfk_node *e = asked->kids; e != NULL; e = e->next) {
		struct alv_str	 name = kfk_get_str(t, e, KFK_DELETE_TOPICS_REQUEST_TOPICS_NAME);
		struct kfk_node *x = kfk_add(r, list);
		int16_t		 code = fake_code(c);

		for (size_t i = 0; code == 0 && i < c->ntopics; i++) {
			if (alv_str_eqz(name, c->topic[i].name))
				c->topic[i].gone = true;
		}
		kfk_set_str(r, x, KFK_DELETE_TOPICS_RESPONSE_RESPONSES_NAME, name);
		kfk_set_int(r, x, KFK_DELETE_TOPICS_RESPONSE_RESPONSES_ERROR_CODE, code);
	}
}

static inline void
fake_create_topics(struct fake_cluster *c, const struct kfk_tree *t, struct kfk_tree *r)
{
	const struct kfk_node *asked = kfk_get(&t->root, KFK_CREATE_TOPICS_REQUEST_TOPICS);
	struct kfk_node	      *list = kfk_set_empty(r, &r->root, KFK_CREATE_TOPICS_RESPONSE_TOPICS);

	for (const struct kfk_node *e = asked->kids; e != NULL; e = e->next) {
		struct alv_str	 name = kfk_get_str(t, e, KFK_CREATE_TOPICS_REQUEST_TOPICS_NAME);
		int64_t		 parts = kfk_get_int(t, e, KFK_CREATE_TOPICS_REQUEST_TOPICS_NUM_PARTITIONS);
		struct kfk_node *x = kfk_add(r, list);
		int16_t		 code = fake_code(c);

		c->created++;
		for (size_t i = 0; i < c->ntopics; i++)
			if (alv_str_eqz(name, c->topic[i].name))
				code = KFK_TOPIC_ALREADY_EXISTS;
		kfk_set_str(r, x, KFK_CREATE_TOPICS_RESPONSE_TOPICS_NAME, name);
		kfk_set_int(r, x, KFK_CREATE_TOPICS_RESPONSE_TOPICS_ERROR_CODE, code);
		kfk_set_uuid(r, x, KFK_CREATE_TOPICS_RESPONSE_TOPICS_TOPIC_ID, fake_uuid((uint8_t)(100 + c->created)));
		kfk_set_int(r, x, KFK_CREATE_TOPICS_RESPONSE_TOPICS_NUM_PARTITIONS, parts < 0 ? 1 : parts);
	}
}

static inline bool
fake_has_group(const struct fake_cluster *c, struct alv_str name)
{
	for (size_t i = 0; i < 8; i++) {
		if (c->group[i] != NULL && alv_str_eqz(name, c->group[i]))
			return true;
	}
	return false;
}

static inline void
fake_find_coordinator(struct fake_cluster *c, const struct kfk_tree *t, struct kfk_tree *r)
{
	const struct kfk_node *asked = kfk_get(&t->root, KFK_FIND_COORDINATOR_REQUEST_COORDINATOR_KEYS);
	struct kfk_node	      *list = kfk_set_empty(r, &r->root, KFK_FIND_COORDINATOR_RESPONSE_COORDINATORS);

	assert_int_equal(kfk_get_int(t, &t->root, KFK_FIND_COORDINATOR_REQUEST_KEY_TYPE), 0);
	for (const struct kfk_node *e = asked->kids; e != NULL; e = e->next) {
		struct kfk_node *x = kfk_add(r, list);

		kfk_set_str(r, x, KFK_FIND_COORDINATOR_RESPONSE_COORDINATORS_KEY, e->v.s);
		kfk_set_int(r, x, KFK_FIND_COORDINATOR_RESPONSE_COORDINATORS_NODE_ID,
		    fake_has_group(c, e->v.s) || c->peer == NULL ? c->node_id : c->peer->node_id);
	}
}

static inline void
fake_delete_groups(struct fake_cluster *c, const struct kfk_tree *t, struct kfk_tree *r)
{
	const struct kfk_node *asked = kfk_get(&t->root, KFK_DELETE_GROUPS_REQUEST_GROUPS_NAMES);
	struct kfk_node	      *list = kfk_set_empty(r, &r->root, KFK_DELETE_GROUPS_RESPONSE_RESULTS);

	for (const struct kfk_node *e = asked->kids; e != NULL; e = e->next) {
		struct kfk_node *x = kfk_add(r, list);
		int16_t		 code = c->group_code;

		for (size_t i = 0; code == 0 && i < 8; i++) {
			if (c->group[i] != NULL && alv_str_eqz(e->v.s, c->group[i]))
				c->group[i] = NULL;
		}
		kfk_set_str(r, x, KFK_DELETE_GROUPS_RESPONSE_RESULTS_GROUP_ID, e->v.s);
		kfk_set_int(r, x, KFK_DELETE_GROUPS_RESPONSE_RESULTS_ERROR_CODE, code);
	}
}

static inline void
fake_cluster_play(struct fake_conn *conn, const struct kfk_req_header *h, const struct kfk_tree *t, struct alv_arena *a)
{
	struct fake_cluster *c = conn->fake->arg;
	struct kfk_tree	     r = fake_answer(h, a);

	if (h->key == c->mute_api)
		return;
	switch (h->key) {
	case KFK_API_METADATA:
		fake_metadata(c, t, &r);
		break;
	case KFK_API_API_VERSIONS:
		fake_api_versions(c, &r);
		break;
	case KFK_API_LIST_GROUPS:
	case KFK_API_LIST_TRANSACTIONS:
		fake_lists(c, h->key, &r);
		break;
	case KFK_API_DESCRIBE_LOG_DIRS:
		fake_log_dirs(c, &r);
		break;
	case KFK_API_DELETE_TOPICS:
		fake_delete_topics(c, t, &r);
		break;
	case KFK_API_CREATE_TOPICS:
		fake_create_topics(c, t, &r);
		break;
	case KFK_API_FIND_COORDINATOR:
		fake_find_coordinator(c, t, &r);
		break;
	case KFK_API_DELETE_GROUPS:
		fake_delete_groups(c, t, &r);
		break;
	default:
		fail_msg("api %d was not expected", h->key);
	}
	fake_reply_as(conn, h, h->correlation_id + c->wrong_correlation, &r);
}

static inline void
fake_cluster_open(struct fake_cluster *c, struct bench *b)
{
	fake_open(&c->fake, b, fake_cluster_play, c);
	c->cluster_id = "cluster-1";
	c->node_id = 3;
	c->fetch_hi = 17;
	c->mute_api = -1;
}

/* A second broker, listed from the start. */
static inline void
fake_cluster_peer(struct fake_cluster *c, struct fake_cluster *peer, struct bench *b)
{
	fake_cluster_open(peer, b);
	peer->node_id = 1;
	peer->second = true;
	peer->peer = c;
	c->peer = peer;
	c->peer_listed = true;
}

static inline void
fake_cluster_topic(struct fake_cluster *c, const char *name, uint8_t id, int32_t partitions)
{
	struct fake_topic *t = &c->topic[c->ntopics++];

	snprintf(t->name, sizeof(t->name), "%s", name);
	t->id = id;
	t->partitions = partitions;
}

#endif
