/* Any bytes as alcove.yaml. What must hold: no crash; a file is either bound or at least one line says why not; the
 * lines have no control characters of the file in them. */
#include "policies/option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(e) \
	do { \
		if (!(e)) \
			__builtin_trap(); \
	} while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct pol_config c = { .file = "fuzz.yaml" };
	struct alv_arena  a;
	struct alv_buf	  err;
	struct pol_diag	  d = { .file = "fuzz.yaml", .out = &err };
	struct pol_load	  l = { .a = &a, .d = &d, .dir = "/nonexistent" };
	struct pol_node	 *root;

	alv_arena_init(&a, 16 << 20);
	alv_buf_init(&err, 1 << 20);
	root = pol_doc_parse(alv_str_make(data, n), &a, &d);
	if (root != NULL)
		pol_config_bind(&l, root, &c);
	/* Every configuration needs files, and there are none. */
	MUST(d.n > 0 && err.n > 0);
	for (size_t i = 0; i < err.n; i++)
		MUST(err.p[i] == '\n' || (err.p[i] >= 0x20 && err.p[i] != 0x7f));
	alv_buf_fini(&err);
	alv_arena_fini(&a);
	return 0;
}
