// Addresses of stores: redis://, unix://, rediss://, memory:.
#ifndef MR_STORE_URL_H
#define MR_STORE_URL_H

#include "store/store.h"

enum mr_store_url_kind {
	MR_STORE_URL_MEMORY,
	MR_STORE_URL_REDIS,
	MR_STORE_URL_REDISS,
	MR_STORE_URL_UNIX,
};

// Decoded parts, NUL-terminated. Percent-encoding is understood in user, password and path.
struct mr_store_url {
	enum mr_store_url_kind kind;
	char user[256];        // empty: the default user
	char password[512];    // empty: none
	char host[256];        // or the path of the socket
	int port;
	int db;
};

// False with a text in `error` that says what is wrong and what would be right; never the password.
bool mr_store_url_parse(struct mr_str url, struct mr_store_url *, char error[256]);

struct mr_store *mr_store_redis(const struct mr_store_conf *, const struct mr_store_url *, char error[256]);

#endif
