/* ACLs as people and protocols speak of them: words, what makes a good one, filters, lists on their way.
 * What decides is <alcove/policy.h>. */
#ifndef ALCOVE_ACL_H
#define ALCOVE_ACL_H

#include <alcove/buf.h>
#include <alcove/policy.h>

/* ---- Kafka's words ------------------------------------------------------------------------------------- */

enum pol_word { POL_WORD_RESOURCE, POL_WORD_PATTERN, POL_WORD_OPERATION, POL_WORD_PERMISSION, POL_WORDS };

/* "TOPIC" of POL_TOPIC; NULL: there is none. */
const char *pol_word(enum pol_word kind, int number);
/* And back; 0: no such word. ANY (1) and MATCH (2, of patterns) are words as well: of filters. */
int pol_word_number(enum pol_word kind, struct alv_str word);
/* "TOPIC, GROUP, ...", static: what a rule may say, or also what a filter may. */
const char *pol_word_list(enum pol_word kind, bool filter);

/* ---- one rule ------------------------------------------------------------------------------------------ */

bool pol_printable(struct alv_str s);	/* UTF-8 without control characters: fit for a log, a table, a terminal */
enum { POL_NAME_MAX = 1024, POL_PRINCIPAL_MAX = 260 };	/* bytes */

/* May somebody be called that, whoever vouches for it? 1 to 255 bytes, printable, not "*", which is everybody. */
bool pol_user_good(struct alv_str name);

/* Is it one that can be stored? Else *field (as REST calls it) is not as *expected says; both static. Beyond Kafka: a host
 * is "*", an address or a network; a principal is a user or a group; nothing has control characters. */
enum alv_err pol_rule_check(const struct pol_rule *r, const char **field, const char **expected) ALV_MUST;
/* "User:" or "Group:" and a name; with `star` also "User:*". */
bool pol_principal_good(struct alv_str principal, bool star);

/* ---- why ------------------------------------------------------------------------------------------------- */

enum pol_why {
#define WHY(name, text) POL_WHY_##name,
#include <alcove/tbl/why.def>
#undef WHY
};
const char *pol_why_name(enum pol_why why);	/* "NO_ALLOW"; static */

/* What decides a question, and so what pol_decide answers. Views of the snapshot. */
struct pol_reason {
	bool		       allowed;
	enum pol_why	       why;
	const struct pol_rule *rule;	/* DENY, ALLOW, IMPLIED: the first that does */
	struct alv_str	       super;	/* SUPER: the principal itself, or a group of its */
};
/* Reads all rules: for people, tests, and what was denied. */
void pol_explain(const struct pol_tenant *t, const struct pol_query *q, struct pol_reason *out);
/* Is that the principal who asks, or one of its groups? */
bool pol_stands_for(const struct pol_tenant *t, const struct pol_query *q, struct alv_str principal);
/* "denied: no ACL allows Write on topic orders for User:bob; super users: User:alice". Names are as they are: escape them where they go. */
void pol_reason_text(struct alv_buf *b, const struct pol_tenant *t, const struct pol_query *q, const struct pol_reason *why);
void pol_rule_text(struct alv_buf *b, const struct pol_rule *r);	/* "allow Read on topic orders (prefix) for User:a from *" */

/* ---- filters ------------------------------------------------------------------------------------------- */

/* Kafka's AclBindingFilter. 0 is ANY as 1 is; null texts fit all. */
struct pol_filter {
	int	       resource, pattern, op, permission;
	struct alv_str name, principal, host;
};
enum { POL_ANY = 1, POL_PATTERN_MATCH = 2 };
bool pol_filter_fits(const struct pol_filter *f, const struct pol_rule *r);

/* ---- lists on their way -------------------------------------------------------------------------------- */

/* Owned by whoever made it; copies what it is given. */
struct pol_rules {
	size_t		 n, cap;
	struct pol_rule *rule;
	struct alv_arena text;
};
struct pol_rules *pol_rules_new(void) ALV_MUST;
enum alv_err	  pol_rules_add(struct pol_rules *l, const struct pol_rule *r) ALV_MUST;
void		  pol_rules_free(struct pol_rules *l);	/* NULL is allowed */
/* In order, each once. */
void		  pol_rules_sort(struct pol_rules *l);
/* Has the snapshot this rule? */
bool		  pol_rule_find(const struct pol_tenant *t, const struct pol_rule *r);

#endif
