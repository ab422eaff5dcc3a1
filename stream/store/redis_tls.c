// TLS to Redis, compiled where hiredis_ssl is found (hiredis 1.0 or later).
#include "store/redis.h"

#ifdef MR_REDIS_TLS
#include <hiredis_ssl.h>

#include <stdio.h>

// The server's certificate is checked against the system's authorities; hiredis looks at no host names,
// so a stunnel that does (checkHost) is the stricter way.
bool
mr_redis_tls_start(struct mr_redis *r)
{
	redisSSLContextError why = REDIS_SSL_CTX_NONE;

	redisInitOpenSSL();
	redisSSLContext *tls = redisCreateSSLContext(NULL, "/etc/ssl/certs", NULL, NULL, r->url.host, &why);
	bool ok = tls && redisInitiateSSLWithContext(r->c, tls) == REDIS_OK;
	if (tls)
		redisFreeSSLContext(tls); // the connection keeps its own reference
	return ok;
}
#endif
