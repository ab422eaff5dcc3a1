#include "store/url.h"

#include <stdio.h>
#include <stdlib.h>

struct mr_store *
mr_store_open(const struct mr_store_conf *conf, char error[256])
{
	struct mr_store_url url;

	error[0] = '\0';
	if (!mr_store_url_parse(conf->url, &url, error))
		return NULL;
	if (url.kind == MR_STORE_URL_MEMORY)
		return mr_store_memory(NULL);
	return mr_store_redis(conf, &url, error);
}

void
mr_store_close(struct mr_store *st)
{
	if (st)
		st->ops->close(st);
}

enum mr_store_status
mr_store_write(struct mr_store *st, uint32_t partition, uint64_t epoch, uint64_t w, const struct mr_page *pages,
    size_t n, uint64_t meta_seq)
{
	enum mr_store_status status = st->ops->write_send(st, partition, epoch, w, pages, n, meta_seq);

	return status == MR_STORE_OK ? st->ops->write_wait(st, true) : status;
}

const char *
mr_store_status_name(enum mr_store_status status)
{
	static const char *const names[] = {
		[MR_STORE_OK] = "ok", [MR_STORE_BUSY] = "busy", [MR_STORE_FENCED] = "fenced", [MR_STORE_BEHIND] = "behind",
		[MR_STORE_UNKNOWN] = "unknown outcome", [MR_STORE_DOWN] = "down", [MR_STORE_FATAL] = "fatal",
	};

	MR_ASSERT((size_t)status < sizeof(names) / sizeof(names[0]));
	return names[status];
}
