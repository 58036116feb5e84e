/* Quotas as JSON, both ways. An entity is {"type": ..} and its parts: a string names it, null is the default, absent: it has
 * no such part. */
#ifndef ADMIN_API_QUOTAS_H
#define ADMIN_API_QUOTAS_H

#include "admin-api/admin.h"

#include <alcove/quota_list.h>

/* The entity's fields. */
json_t *adm_quota_entity_json(const struct pol_quota_entity *e);
/* A number without a fraction where it has none. */
json_t *adm_quota_number(double value);
/* The entity's fields and its limits, {"limits": {"producer_byte_rate": 1048576}}. */
json_t *adm_quota_json(const struct pol_quota *q);
/* The key that the query says. KEYS: it says none. False: answered. */
bool adm_quota_key(struct adm_req *r, enum pol_quota_key *key) ALV_MUST;

#endif
