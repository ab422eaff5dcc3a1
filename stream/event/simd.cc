// The one C++ file.
#include "event/simd.h"

#include <charconv>
#include <memory>
#include <new>

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

namespace od = simdjson::ondemand;

struct mr_simd {
	// Only the first stage is used of one, only the unescaping of the other.
	std::unique_ptr<simdjson::internal::dom_parser_implementation> stage1;
	od::parser parser;
};

extern "C" struct mr_simd *
mr_simd_new(size_t bytes_max)
{
	auto *s = new (std::nothrow) mr_simd{};

	MR_ASSERT(s != nullptr);
	simdjson::error_code error = simdjson::get_active_implementation()->create_dom_parser_implementation(bytes_max, 1, s->stage1);
	MR_ASSERT(error == simdjson::SUCCESS);
	error = s->parser.allocate(1, 1);
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
	const auto *bytes = reinterpret_cast<const uint8_t *>(doc.p);
	simdjson::error_code code = s->stage1->stage1(bytes, doc.n, simdjson::stage1_mode::regular);

	*utf8 = code == simdjson::UTF8_ERROR;
	if (code)
		return simdjson::error_message(code);
	uint32_t *first = s->stage1->structural_indexes.get();
	size_t n = s->stage1->n_structural_indexes;
	MR_ASSERT(n > 0);
	first[n] = static_cast<uint32_t>(doc.n);
	*out = {first, first + n};
	return nullptr;
}

extern "C" bool
mr_simd_unescape(struct mr_simd *s, struct mr_str raw, char *to, size_t *n)
{
	static_assert(simdjson::SIMDJSON_PADDING <= MR_SIMD_PADDING, "strings have too little room behind");
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
