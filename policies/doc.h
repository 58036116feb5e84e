/* A YAML file as a tree that remembers where everything stood. No meaning yet: types come with the option table.
 * Refused: anchors, aliases, tags, several documents, keys that are not plain text, a key twice, too deep, too large. */
#ifndef ALCOVE_POLICIES_DOC_H
#define ALCOVE_POLICIES_DOC_H

#include "policies/diag.h"

enum pol_node_type { POL_SCALAR, POL_LIST, POL_MAP };

enum { POL_DOC_BYTES_MAX = 1 << 20, POL_DOC_NODES_MAX = 10000, POL_DOC_DEPTH_MAX = 16, POL_DOC_KEYS_MAX = 500 };

struct pol_node {
	enum pol_node_type type;
	unsigned	   line;	/* of the key in a map, else of the value; from 1 */
	struct alv_str	   key;		/* in a map, else null */
	struct alv_str	   value;	/* scalars; null for an empty plain one or "null" or "~" */
	bool		   quoted;
	struct pol_node	  *first, *next;	/* children in order */
};

/* Everything lies in the arena. NULL: the diag says why. An empty text gives an empty map. */
struct pol_node *pol_doc_parse(struct alv_str text, struct alv_arena *a, struct pol_diag *d) ALV_MUST;
/* The child of that key; NULL where there is none or n is no map (or NULL). */
struct pol_node *pol_doc_get(const struct pol_node *n, struct alv_str key);
/* The same along a path "a/b/c". */
struct pol_node *pol_doc_find(const struct pol_node *n, const char *path);

#endif
