/* Questions of the gateway itself to one broker: one connection, opened by the first question and kept until it fails.
 * Every question is answered once, later, on the loop; answers come in the order of the questions. */
#ifndef UPS_ASK_H
#define UPS_ASK_H

#include <alcove/kafka.h>

#include "upstream/link.h"

struct ups_asker;
struct ups_question;

enum { UPS_ASK_MAX = 256, UPS_ANSWER_MAX = 64 * 1024 * 1024 };

/* OK: body is the response's body, to be read before returning. Else words says what failed, at which broker. */
typedef void (*ups_answer_fn)(struct ups_question *q, enum alv_err err, const char *words, struct alv_chain *body);

/* Embedded in who asks; stays where it is until done. done and owner are the asker's to set, the rest is ours. */
struct ups_question {
	ups_answer_fn	     done;
	void		    *owner;
	struct ups_question *next;
	int16_t		     key, version;
	int32_t		     correlation_id;
	bool		     sent;
	uint64_t	     deadline_us;
	enum alv_err	     err;
	struct alv_chain     frame;
};

/* alive counts the askers that are not yet gone. NULL: out of memory. */
struct ups_asker *ups_asker_new(struct ups_ctx *c, struct alv_str host, uint16_t port, size_t *alive) ALV_MUST;
/* What is unanswered fails with CLOSED in a moment, or with `silent` is forgotten at once: its memory may go. The asker
 * frees itself in a later turn, when its connection is gone. NULL is allowed. */
void		  ups_asker_end(struct ups_asker *a, bool silent);
bool		  ups_asker_is(const struct ups_asker *a, struct alv_str host, uint16_t port);
/* The next question from then on (monotonic) goes over a new connection. Set by itself where a SASL session ends. */
void		  ups_asker_renew_at(struct ups_asker *a, uint64_t at_us);
/* Sends the message; done comes always. timeout_ms counts from now, connecting included. */
void		  ups_ask(struct ups_asker *a, struct ups_question *q, const struct kfk_tree *message, uint32_t timeout_ms);

#endif
