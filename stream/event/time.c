// RFC 3339 to milliseconds and back, with no libc: proleptic Gregorian, UTC.
#include "event/decode.h"
#include "event/word.h"

#define DAY_MS INT64_C(86400000)
#define YEAR_0_MS INT64_C(-62167219200000)    // 0000-01-01T00:00:00.000Z
#define YEAR_9999_MS INT64_C(253402300799999) // 9999-12-31T23:59:59.999Z

// Both by Howard Hinnant's day algorithms: eras of 400 years that begin on 1 March.
static int64_t
days_of(int64_t year, int month, int day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void
date_of(int64_t days, int *year, int *month, int *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t of_era = days - era * 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * of_year + 2) / 153;

	*day = (int)(of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(y + era * 400 + (*month <= 2));
}

static int
days_in(int year, int month)
{
	static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (month != 2)
		return days[month - 1];
	return 28 + ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0);
}

// Two digits as a number; *wrong where one is none.
static inline int
two(const char *p, bool *wrong)
{
	unsigned tens = (unsigned char)p[0] - '0', ones = (unsigned char)p[1] - '0';

	*wrong |= (tens > 9) | (ones > 9);
	return (int)(tens * 10 + ones);
}

// "Z" or "+HH:MM", to the end of the text.
static bool
parse_offset(const char *p, const char *end, int *minutes)
{
	bool wrong = false;

	*minutes = 0;
	if (end - p == 1)
		return *p == 'Z' || *p == 'z';
	if (end - p != 6 || (*p != '+' && *p != '-') || p[3] != ':')
		return false;
	int h = two(p + 1, &wrong), m = two(p + 4, &wrong);
	if (wrong || h > 23 || m > 59)
		return false;
	*minutes = (h * 60 + m) * (*p == '-' ? -1 : 1);
	return true;
}

// ".123456": the first three count, the rest is cut off.
static bool
parse_fraction(const char **p, const char *end, int *ms)
{
	static const int units[] = {100, 10, 1};
	int n = 0;

	*ms = 0;
	if (*p == end || **p != '.')
		return true;
	for (++*p; *p < end && **p >= '0' && **p <= '9'; ++*p, n++)
		*ms += n < 3 ? (**p - '0') * units[n] : 0;
	return n > 0;
}

// Where `mask` has a zero byte the word has the punctuation; the others become their digits. Not 0: wrong.
static inline uint64_t
digits_of(uint64_t *v, uint64_t mask, uint64_t punctuation)
{
	uint64_t d = (*v ^ UINT64_C(0x3030303030303030)) & mask, wrong = (*v & ~mask) ^ punctuation;

	*v = d;
	return wrong | (((d + (UINT64_C(0x0606060606060606) & mask)) | d) & UINT64_C(0xf0f0f0f0f0f0f0f0));
}

static inline int
byte_of(uint64_t v, int i)
{
	return (int)(v >> 8 * i & 0xff);
}

// The usual form, "2026-03-01T10:00:00.000Z", eight bytes at a time. False: some other one, or wrong.
static bool
parse_usual(const char *p, int64_t *out)
{
	uint64_t date = mr_word(p), hours = mr_word(p + 8), seconds = mr_word(p + 16);
	uint64_t wrong = digits_of(&date, UINT64_C(0x00ffff00ffffffff), UINT64_C(0x2d00002d00000000)) |
	    digits_of(&hours, UINT64_C(0xffff00ffff00ffff), UINT64_C(0x00003a0000540000)) |
	    digits_of(&seconds, UINT64_C(0x00ffffff00ffff00), UINT64_C(0x5a0000002e00003a));

	int units = byte_of(seconds, 6);
	date = date * 10 + (date >> 8);   // each tens' byte: the two digits' number
	hours = hours * 10 + (hours >> 8);
	seconds = seconds * 10 + (seconds >> 8);
	int year = byte_of(date, 0) * 100 + byte_of(date, 2), month = byte_of(date, 5), day = byte_of(hours, 0);
	int hour = byte_of(hours, 3), minute = byte_of(hours, 6), second = byte_of(seconds, 1);
	if (wrong || month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 ||
	    second > 59)
		return false;
	int of_day = (hour * 60 + minute) * 60 + second;
	*out = days_of(year, month, day) * DAY_MS + (int64_t)of_day * 1000 + byte_of(seconds, 4) * 10 + units;
	return true;
}

bool
mr_time_parse(struct mr_str s, int64_t *out)
{
	if (s.n == 24 && parse_usual(s.p, out))
		return true;
	int ms, offset;
	bool wrong = false;

	if (s.n < 20 || s.p[4] != '-' || s.p[7] != '-' || s.p[13] != ':' || s.p[16] != ':' ||
	    (s.p[10] != 'T' && s.p[10] != 't' && s.p[10] != ' '))
		return false;
	int year = two(s.p, &wrong) * 100 + two(s.p + 2, &wrong);
	int month = two(s.p + 5, &wrong), day = two(s.p + 8, &wrong);
	int hour = two(s.p + 11, &wrong), minute = two(s.p + 14, &wrong), second = two(s.p + 17, &wrong);
	if (wrong || month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 ||
	    second > 60)
		return false;
	const char *p = s.p + 19, *end = s.p + s.n;
	if (!parse_fraction(&p, end, &ms) || !parse_offset(p, end, &offset))
		return false;
	int of_day = hour * 60 + minute - offset;
	// A leap second is the last of a UTC day; there is no place for it in ms since 1970, so it is
	// read as the last ms before midnight. Anywhere else 60 is wrong.
	if (second == 60) {
		if ((of_day + 1) % 1440 != 0)
			return false;
		second = 59;
		ms = 999;
	}
	*out = days_of(year, month, day) * DAY_MS + (int64_t)of_day * 60000 + second * 1000 + ms;
	return true;
}

static void
put_two(char *p, int v)
{
	p[0] = (char)('0' + v / 10);
	p[1] = (char)('0' + v % 10);
}

void
mr_time_format(char out[25], int64_t ms)
{
	int year, month, day;

	if (ms < YEAR_0_MS)
		ms = YEAR_0_MS;
	if (ms > YEAR_9999_MS)
		ms = YEAR_9999_MS;
	int64_t days = ms / DAY_MS - (ms % DAY_MS < 0);
	int of_day = (int)(ms - days * DAY_MS);
	date_of(days, &year, &month, &day);
	memcpy(out, "0000-00-00T00:00:00.000Z", 25);
	put_two(out, year / 100);
	put_two(out + 2, year % 100);
	put_two(out + 5, month);
	put_two(out + 8, day);
	put_two(out + 11, of_day / 3600000);
	put_two(out + 14, of_day / 60000 % 60);
	put_two(out + 17, of_day / 1000 % 60);
	put_two(out + 20, of_day % 1000 / 10);
	out[22] = (char)('0' + of_day % 10);
}
