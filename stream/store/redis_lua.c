// What runs inside Redis: one script a call, which checks first and writes after.
//
// Keys: {<app>.<partition>}:meta (hash), :due (sorted set: ms, user), :tomb (sorted set: stamp, user),
// :u:<user> (string). Every answer begins with 0 fine, 1 fenced, 2 behind.
//
// Numbers are compared as doubles (exact up to 2^53, asserted where they are sent) and stored as the
// text that was sent, since Lua would print them its own way.
#include "store/redis.h"

// ARGV[1] is our epoch, ARGV[2] the w that must be there.
#define FENCE \
	"local m = redis.call('HMGET', KEYS[1], 'epoch', 'w')\n" \
	"local e, w = tonumber(m[1] or '0'), tonumber(m[2] or '0')\n" \
	"local oe, ow = tonumber(ARGV[1]), tonumber(ARGV[2])\n" \
	"if e ~= oe then return {e > oe and 1 or 2} end\n" \
	"if w ~= ow then return {w > ow and 1 or 2} end\n"

#define FENCE_EPOCH \
	"local m = redis.call('HMGET', KEYS[1], 'epoch', 'w')\n" \
	"local e, oe = tonumber(m[1] or '0'), tonumber(ARGV[1])\n" \
	"if e ~= oe then return {e > oe and 1 or 2} end\n"

static const char *const scripts[MR_REDIS_SCRIPTS] = {
	// KEYS: meta, probe. ARGV: epoch. Every command that a write uses is tried first on a key of no
	// meaning, so that a missing permission shows here, and never in the middle of a chunk.
	[MR_REDIS_TAKE] =
	"local m = redis.call('HMGET', KEYS[1], 'epoch', 'w', 'seq', 'cluster', 'build')\n"
	"local function meta(status)\n"
	"  return {status, m[1] or '0', m[2] or '0', m[3] or '0', m[4] or '', m[5] or ''}\n"
	"end\n"
	"if tonumber(m[1] or '0') > tonumber(ARGV[1]) then return meta(1) end\n"
	"redis.call('DEL', KEYS[2])\n"
	"redis.call('ZADD', KEYS[2], 0, 'a')\n"
	"redis.call('ZREM', KEYS[2], 'a')\n"
	"redis.call('ZCARD', KEYS[2])\n"
	"redis.call('ZMSCORE', KEYS[2], 'a')\n"
	"redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '+inf', 'LIMIT', 0, 1)\n"
	"redis.call('MSET', KEYS[2], 'a')\n"
	"redis.call('MGET', KEYS[2])\n"
	"redis.call('DEL', KEYS[2])\n"
	"redis.call('HSET', KEYS[1], 'epoch', ARGV[1])\n"
	"return meta(0)\n",

	// KEYS: meta, due, users' keys. ARGV: epoch, w, users.
	[MR_REDIS_READ] =
	FENCE
	"local keys, users = {}, {}\n"
	"for i = 3, #KEYS do keys[i - 2] = KEYS[i]; users[i - 2] = ARGV[i] end\n"
	"return {0, redis.call('MGET', unpack(keys)), redis.call('ZMSCORE', KEYS[2], unpack(users))}\n",

	// KEYS: meta, due. ARGV: epoch, w, from, up to, at most.
	[MR_REDIS_DUE] =
	FENCE
	"return {0, redis.call('ZRANGEBYSCORE', KEYS[2], ARGV[3], ARGV[4], 'WITHSCORES', 'LIMIT', 0, ARGV[5])}\n",

	// KEYS: meta, due, tomb, users' keys. ARGV: epoch, w before, w, seq, prefix of users' keys, then for
	// each user: id, value, due or '', stamp of a tombstone or ''. No user twice.
	// MSET is the first to write: it is refused as a whole where memory is short, where this is a
	// replica, and so on; once it went through, the rest does. The counter comes after the pages.
	[MR_REDIS_WRITE] =
	FENCE
	"redis.call('ZCARD', KEYS[2])\n"   // of the right type, or an error before anything is written
	"redis.call('ZCARD', KEYS[3])\n"
	"local seq = redis.call('HGET', KEYS[1], 'seq') or '0'\n"
	"if tonumber(ARGV[4]) > tonumber(seq) then seq = ARGV[4] end\n"
	"local set, due, undue, tomb, untomb = {}, {}, {}, {}, {}\n"
	"for i = 1, #KEYS - 3 do\n"
	"  local a = 2 + 4 * i\n"
	"  set[#set + 1] = KEYS[i + 3]; set[#set + 1] = ARGV[a + 1]\n"
	"  if ARGV[a + 2] == '' then undue[#undue + 1] = ARGV[a]\n"
	"  else due[#due + 1] = ARGV[a + 2]; due[#due + 1] = ARGV[a] end\n"
	"  if ARGV[a + 3] == '' then untomb[#untomb + 1] = ARGV[a]\n"
	"  else tomb[#tomb + 1] = ARGV[a + 3]; tomb[#tomb + 1] = ARGV[a] end\n"
	"end\n"
	"if #set > 0 then redis.call('MSET', unpack(set)) end\n"
	"if #due > 0 then redis.call('ZADD', KEYS[2], unpack(due)) end\n"
	"if #tomb > 0 then redis.call('ZADD', KEYS[3], unpack(tomb)) end\n"
	"if #undue > 0 then redis.call('ZREM', KEYS[2], unpack(undue)) end\n"
	"if #untomb > 0 then redis.call('ZREM', KEYS[3], unpack(untomb)) end\n"
	"redis.call('HSET', KEYS[1], 'w', ARGV[3], 'seq', seq)\n"
	"local gone = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', seq, 'LIMIT', 0, 256)\n"
	"for i = 1, #gone do redis.call('DEL', ARGV[5] .. gone[i]) end\n"
	"if #gone > 0 then redis.call('ZREM', KEYS[3], unpack(gone)) end\n"
	"return {0}\n",

	// KEYS: meta. ARGV: epoch.
	[MR_REDIS_POSITION] =
	FENCE_EPOCH
	"return {0, m[2] or '0'}\n",

	// KEYS: meta. ARGV: epoch, field, text.
	[MR_REDIS_TEXT] =
	FENCE_EPOCH
	"redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])\n"
	"return {0}\n",
};

const char *
mr_redis_script(enum mr_redis_script number)
{
	MR_ASSERT(number < MR_REDIS_SCRIPTS);
	return scripts[number];
}
