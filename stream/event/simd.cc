// The one C++ file.
#include "event/simd.h"

#include "event/decode.h"

#include <charconv>
#include <new>

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

namespace od = simdjson::ondemand;

struct mr_simd {
	od::parser parser;
};

namespace {

// On-Demand's iterator shows where its tokens begin; where they end it shows to its children only.
class tokens : public od::json_iterator {
public:
	explicit tokens(od::json_iterator &&it) noexcept : od::json_iterator(std::move(it)) {}
	const uint32_t *first() const { return position(); }
	const uint32_t *behind() const { return end_position(); }
};

}

extern "C" struct mr_simd *
mr_simd_new(size_t bytes_max, size_t depth_max)
{
	auto *s = new (std::nothrow) mr_simd{};

	MR_ASSERT(s != nullptr);
	simdjson::error_code error = s->parser.allocate(bytes_max, depth_max);
	MR_ASSERT(error == simdjson::SUCCESS);
	return s;
}

extern "C" void
mr_simd_free(struct mr_simd *s)
{
	delete s;
}

extern "C" const char *
mr_simd_tokens(struct mr_simd *s, struct mr_str doc, struct mr_tokens *out, bool *utf8)
{
	static_assert(simdjson::SIMDJSON_PADDING <= MR_PADDING, "records have too little room behind");
	od::json_iterator it;
	simdjson::padded_string_view view(doc.p, doc.n, doc.n + simdjson::SIMDJSON_PADDING);
	simdjson::error_code code = s->parser.iterate_raw(view).get(it);

	*utf8 = code == simdjson::UTF8_ERROR;
	if (code)
		return simdjson::error_message(code);
	tokens t(std::move(it));
	*out = {t.first(), t.behind()};
	MR_ASSERT(out->first < out->behind);
	return nullptr;
}

extern "C" bool
mr_simd_unescape(struct mr_simd *s, struct mr_str raw, char *to, size_t *n)
{
	auto *dst = reinterpret_cast<uint8_t *>(to);
	od::raw_json_string in(reinterpret_cast<const uint8_t *>(raw.p));
	std::string_view view;

	if (s->parser.unescape(in, dst).get(view))
		return false;
	MR_ASSERT(view.size() <= raw.n);
	*n = view.size();
	return true;
}

extern "C" size_t
mr_simd_format(char out[32], double d)
{
	std::to_chars_result r = std::to_chars(out, out + 32, d);

	MR_ASSERT(r.ec == std::errc());   // the longest is 24 bytes: "-1.7976931348623157e+308"
	return static_cast<size_t>(r.ptr - out);
}

extern "C" bool
mr_simd_parse(const char *p, const char *end, double *out)
{
	std::from_chars_result r = std::from_chars(p, end, *out);

	return r.ec == std::errc() && r.ptr == end && *out - *out == 0;
}
