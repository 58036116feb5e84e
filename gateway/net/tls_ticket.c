/* Keys of session tickets: our own, so that they change while a process runs for months. One seals; it and the one before
 * it open. A key seals for PERIOD and opens for PERIOD more, then it is forgotten, and with it what anybody recorded.
 * Keys never leave the process: after a restart, or at another replica, a ticket means a full handshake. */
#include "net/tls_int.h"

#include <alcove/clock.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>

enum { NAME = 16, KEY = 32, IV = 16 };
#define PERIOD_US (12ull * 3600 * 1000 * 1000)

struct key {
	bool	 there;
	uint64_t born_us;
	uint8_t	 name[NAME], aes[KEY], hmac[KEY];
};

struct net_tickets {
	pthread_mutex_t lock;	/* over the keys */
	struct key	now, before;
	uint64_t (*clock_us)(void);
	EVP_CIPHER *cipher;
};

static bool
make_key(struct key *k, uint64_t now)
{
	*k = (struct key){ .born_us = now };
	k->there = RAND_bytes(k->name, NAME) == 1 && RAND_priv_bytes(k->aes, KEY) == 1 && RAND_priv_bytes(k->hmac, KEY) == 1;
	return k->there;
}

struct net_tickets *
net_tickets_new(uint64_t (*clock_us)(void))
{
	struct net_tickets *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->clock_us = clock_us == NULL ? alv_mono_us : clock_us;
	t->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	pthread_mutex_init(&t->lock, NULL);
	if (t->cipher != NULL && make_key(&t->now, t->clock_us()))
		return t;
	net_tickets_free(t);
	return NULL;
}

void
net_tickets_free(struct net_tickets *t)
{
	if (t == NULL)
		return;
	EVP_CIPHER_free(t->cipher);
	pthread_mutex_destroy(&t->lock);
	OPENSSL_cleanse(t, sizeof(*t));
	free(t);
}

static void
rotate(struct net_tickets *t, uint64_t now)
{
	struct key fresh;

	if (t->before.there && now - t->before.born_us >= 2 * PERIOD_US)
		OPENSSL_cleanse(&t->before, sizeof(t->before));
	if (t->now.there && now - t->now.born_us < PERIOD_US)
		return;
	if (!make_key(&fresh, now))
		OPENSSL_cleanse(&fresh, sizeof(fresh));
	t->before = t->now;
	t->now = fresh;
	OPENSSL_cleanse(&fresh, sizeof(fresh));
	if (t->before.there && now - t->before.born_us >= 2 * PERIOD_US)
		OPENSSL_cleanse(&t->before, sizeof(t->before));
}

/* A copy of the key to use. 0: none; 1: the one that seals; 2: the one before it. */
static int
take(struct net_tickets *t, const uint8_t *name, bool seal, struct key *out)
{
	int found = 0;

	pthread_mutex_lock(&t->lock);
	rotate(t, t->clock_us());
	if (t->now.there && (seal || memcmp(name, t->now.name, NAME) == 0))
		found = 1;
	else if (!seal && t->before.there && memcmp(name, t->before.name, NAME) == 0)
		found = 2;
	if (found != 0)
		*out = found == 1 ? t->now : t->before;
	pthread_mutex_unlock(&t->lock);
	return found;
}

static bool
set_mac(EVP_MAC_CTX *mac, struct key *k)
{
	OSSL_PARAM p[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k->hmac, KEY),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, p) == 1;
}

int
net_tickets_key(struct net_tickets *t, uint8_t name[static 16], uint8_t iv[static 16], EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
    int seal)
{
	struct key k;
	int	   found = take(t, name, seal != 0, &k);
	bool	   ok;

	if (found == 0)
		return 0;	/* a full handshake, or no ticket */
	ok = set_mac(mac, &k);
	if (seal != 0) {
		memcpy(name, k.name, NAME);
		ok = ok && RAND_bytes(iv, IV) == 1 && EVP_EncryptInit_ex2(cipher, t->cipher, k.aes, iv, NULL) == 1;
	} else {
		ok = ok && EVP_DecryptInit_ex2(cipher, t->cipher, k.aes, iv, NULL) == 1;
	}
	OPENSSL_cleanse(&k, sizeof(k));
	return ok ? found : -1;
}
