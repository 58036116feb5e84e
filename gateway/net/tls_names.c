/* The names that a certificate is good for: its subject alternative names, as OpenSSL's clients read them (a wildcard is a
 * whole first label and stands for one). A certificate without such names is good for none. */
#include "net/tls_int.h"

#include <openssl/x509v3.h>
#include <stdlib.h>

static char *
lowered(const ASN1_IA5STRING *s)
{
	const unsigned char *p = ASN1_STRING_get0_data(s);
	int		     n = ASN1_STRING_length(s);
	char		    *z;

	/* A zero inside is a trick, and the end of a name for those who fall for it. */
	if (n <= 0 || n > 255 || memchr(p, '\0', (size_t)n) != NULL)
		return NULL;
	z = malloc((size_t)n + 1);
	for (int i = 0; z != NULL && i < n; i++)
		z[i] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] - 'A' + 'a' : p[i]);
	if (z != NULL)
		z[n] = '\0';
	return z;
}

static int
order(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

bool
net_names_of(const X509 *cert, struct net_names *out)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int	       n = all == NULL ? 0 : sk_GENERAL_NAME_num(all);

	*out = (struct net_names){ .n = 0 };
	out->name = calloc((size_t)n + 1, sizeof(char *));
	for (int i = 0; out->name != NULL && i < n; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);
		char		   *z = g->type == GEN_DNS ? lowered(g->d.dNSName) : NULL;

		if (z != NULL)
			out->name[out->n++] = z;
	}
	GENERAL_NAMES_free(all);
	if (out->n > 1)
		qsort(out->name, out->n, sizeof(char *), order);
	return out->name != NULL;
}

void
net_names_free(struct net_names *x)
{
	for (size_t i = 0; i < x->n; i++)
		free(x->name[i]);
	free(x->name);
	*x = (struct net_names){ .n = 0 };
}

bool
net_names_equal(const struct net_names *a, const struct net_names *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->name[i], b->name[i]) != 0)
			return false;
	return true;
}

int
net_names_match(const struct net_names *x, const char *name)
{
	const char *rest = strchr(name, '.');
	int	    rank = 0;

	for (size_t i = 0; i < x->n; i++) {
		const char *own = x->name[i];

		if (strcmp(own, name) == 0)
			return 2;
		if (own[0] == '*' && own[1] == '.' && rest != NULL && rest != name && strcmp(own + 1, rest) == 0)
			rank = 1;
	}
	return rank;
}
