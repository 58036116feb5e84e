/* Whole conversations of one connection with the api layer, out of a fuzzer's bytes; what each target takes of them is its
 * struct talk_target. The bytes of a conversation:
 *
 *	who				talk_connect: tenant, kind of listener, logged in or not
 *	then for each request:
 *	  key				Kafka's number; one that is not offered stands for the next one that is. 0x80: key and version
 *					are the two bytes behind this and the next one, whatever they are
 *	  version			in the low 5 bits, where it is offered; 0x80: by an administrator's client
 *	  how				(how & 3) == 3: the body as bytes, else as decisions (make.h); 8: bytes in one piece, as small
 *					frames are; from 0x80 on: how >> 2 says which allocation fails
 *	  body				bytes: two of length, then they; `response_fuzz`: one, of which all decisions are made
 *	  and if it went upstream:
 *	    how				as above for the answer; 4: in pieces, where that may be
 *	    body			as above
 * Instead of a key: HAPPENS, and a byte that says what happens to the connection between two requests.
 *
 * So a seed means the same when apis are added, and a script can write one (corpus.py). What a broker says as bytes may hold
 * OWN for "acme." and OTHER for the needle, a client's SESSION for the fetch session that it was given last. What has the
 * needle or "acme." in its own bytes is no conversation: a client could have said it, and finding it would tell nothing. */
#ifndef FUZZ_TALK_H
#define FUZZ_TALK_H

#include "tests/fuzz/make.h"

#include "api/kit.h"

#define OWN "%own."	/* as long as what it stands for */
#define OTHER "%oth"
#define SESSION "%ses"

enum { STEPS_MAX = 10, WAITS_MAX = 4, PIECE = 64, SAID_MAX = 1 << 20, HAPPENS = 0x7f };

/* What a target is about. */
struct talk_target {
	const uint8_t *keys;	/* only these; NULL: all */
	size_t	       nkeys;
	bool	       no_answers;	/* brokers answer what is all zero: every byte is the requests' */
	bool	       plain_requests;	/* one byte each: nearly every one is the answers' */
	bool	       pieces;		/* answers come in pieces wherever they may */
	bool	       fails;		/* allocations may fail */
};
extern const struct talk_target talk_target;

/* The world: built once. */
struct talk_world {
	struct alv_qsbr	   *qsbr;
	struct clu_board   *board, *empty;
	struct pol_dir	   *dir, *plain, *denied;	/* acme with aliases and a denial; without any; with two denials */
	struct pol_listener listener;
	struct pol_config   conf;
	struct api_shared   shared;
	struct api_worker   worker;
	size_t		    ndefs;
};
extern struct talk_world talk_world;

struct talk {
	struct in	 in;
	struct api_conn	 conn;
	struct api_call	 call;
	struct alv_arena arena;	/* of what is made and looked at here */
	struct alv_chain body;	/* the last one that was given in */
	struct alv_buf	 said, told;	/* by the client, by brokers: all bodies so far */
	unsigned	 fail_at;
	bool		 made;	/* both bodies came from lists so far */
	bool		 all_made;	/* so did those of the requests before */
	bool		 raw_answer;	/* the broker's came as bytes */
	bool		 in_one;	/* what came as bytes lies in one piece */
	bool		 consumer_group;	/* talk_look.c: the group at hand */
	int32_t		 session;	/* that the client was told last */
};

/* The how-manieth allocation from now fails; 0: none. */
extern unsigned talk_fail_at;

void talk_build(void);
void talk_connect(struct talk *k, uint8_t who);
/* False: the connection is closed. */
bool talk_happens(struct talk *k, uint8_t what);

/* talk_look.c: the oracle. What went upstream decodes and names only the tenant's own. */
void talk_look_upstream(struct talk *k);
/* What goes to the client decodes and holds nothing of others. */
void talk_look_answer(struct talk *k);
/* No needle in bytes that have left already, of an answer that was made of decisions. */
void talk_look_gone(const struct alv_chain *c);

#endif
