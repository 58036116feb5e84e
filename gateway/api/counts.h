/* Limits on how many a tenant may have (alcove/tally.h): asked where something new would come to be, once it is known that the
 * principal may. Each answers 0, or the code to refuse with; *text then says which limit it is, what it is and who may raise it. */
#ifndef API_COUNTS_H
#define API_COUNTS_H

#include "api/kit.h"

enum api_group_type { API_CLASSIC, API_CONSUMER, API_SHARE, API_STREAMS };

/* ---- groups and their members ---------------------------------------------------------------------------- */

/* A member joins; its id may be empty: then the broker will say it. A new group as well, perhaps: 44; one member too many: 81. */
int16_t api_count_join(struct api_call *c, enum api_group_type type, struct alv_str group, struct alv_str member, struct alv_str *text);
/* So long the member that joins may say nothing and stays one. */
void	api_count_silent(struct api_call *c, int64_t session_ms);
/* One that has joined says that it is there; that it leaves (an empty id: the answer says who does). */
void	api_count_stays(struct api_call *c, enum api_group_type type, struct alv_str group, struct alv_str member);
void	api_count_leaves(struct api_call *c, enum api_group_type type, struct alv_str group, struct alv_str member);
/* The broker's answer to any of them: what was asked for came true, or nothing did. member: the id that the broker gave. */
void	api_count_answer(struct api_call *c, bool ok, struct alv_str member);
/* The same for heartbeats of the newer protocols, which mean one of the three by their epoch. */
int16_t api_count_heartbeat(struct api_call *c, const struct kfk_tree *q, struct alv_str *text);
void	api_count_heartbeat_answer(struct api_call *c, const struct kfk_tree *r);
/* Offsets that nobody's member commits, or that are set for a group, make one, too. */
int16_t api_count_offsets(struct api_call *c, enum api_group_type type, struct alv_str group, struct alv_str *text);

/* ---- transactions ---------------------------------------------------------------------------------------- */

/* A producer id for a transactional id: 44; 50 where its transactions would last too long. */
int16_t api_count_txn_id(struct api_call *c, struct alv_str txn, int64_t timeout_ms);
/* A producer begins: 14, as brokers say that have none to give at the moment; clients ask again. */
int16_t api_count_producer_id(struct api_call *c);
/* Something is added to a transaction, which may be its first: 51, as long as too many others are open. */
int16_t api_count_open_txn(struct api_call *c, struct alv_str txn);
void	api_count_ended_txn(struct api_call *c, struct alv_str txn);

/* ---- share sessions ---------------------------------------------------------------------------------------- */

/* By whatever number the connection gives it. False: there are too many. */
bool api_count_share(const struct api_conn *conn, uint64_t serial) ALV_MUST;
void api_count_share_ends(const struct api_conn *conn, uint64_t serial);

/* ---- topics, bytes ----------------------------------------------------------------------------------------- */

/* So many more topics and partitions: 44. What is taken is given back by api_count_made; what one call takes is one. */
int16_t api_count_topics(struct api_call *c, uint64_t topics, uint64_t partitions, struct alv_str *text);
void	api_count_made(struct api_call *c);
/* The same for what others create behind the answer, within life_s seconds; however often it is asked for by that name. */
int16_t api_count_topics_soon(struct api_call *c, struct alv_str name, uint64_t topics, uint64_t partitions, uint32_t life_s,
	    struct alv_str *text);
/* Something is to be stored: 44 where the tenant stores more than it may. */
int16_t api_count_stored(struct api_call *c, struct alv_str *text);

#endif
