/* Where the members of groups are. Brokers know all of them by the gateway's own address; what they are told apart by here is what
 * each of them says of itself on its connection: group and member id. Descriptions of groups tell the client's address then, as a
 * broker would (KIP-848's and the classic ClientHost, "/" and an address).
 *
 * A fixed number of places, those that were seen longest ago are taken first: who is not found is at "/0.0.0.0", and so is a
 * member that came by another gateway, or has said nothing since this one began. Any thread. */
#ifndef API_HOSTS_H
#define API_HOSTS_H

#include "api/groups.h"

/* Of one member, by the tenant's names. Keyed by secrets of the process. */
struct api_host_key {
	uint64_t a, b;
};
struct api_host_key api_hosts_key(const struct api_hosts *h, struct alv_str tenant, struct alv_str group, struct alv_str member);
/* host: an address as text, at most 45 characters. now_s: seconds of any clock that does not go back. */
void api_hosts_note(struct api_hosts *h, struct api_host_key key, const char *host, uint32_t now_s);
bool api_hosts_find(struct api_hosts *h, struct api_host_key key, char host[static 46]);

/* ---- in handlers ------------------------------------------------------------------------------------- */

/* A request by which a member says that it is there: its group and id, by the tenant's names. */
void api_host_asks(struct api_call *c, const struct kfk_tree *q);
/* api_member_response (handlers.h), the answer to one: un-mapped and passed on; the member is noted where the broker took it for one. */
/* Fills in each member's ClientHost; group ids are the tenant's already. */
void api_host_tells(struct api_call *c, struct kfk_tree *r, const struct api_group_list *l);

#endif
