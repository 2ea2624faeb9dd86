#include "wire/call.h"

#include "base/check.h"
#include "base/limits.h"

#include <cstring>

namespace pinnate::wire {
namespace {

// ---- reading ------------------------------------------------------------------------------------

// Reads what messages usually hold. Where it gives up, decode() judges, and has the words: so this
// need not know all of msgpack, and must only take nothing that decode() does not take.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}

  bool at_end() const { return at_ == end_; }
  std::uint32_t offset() const { return static_cast<std::uint32_t>(at_ - begin_); }
  Place since(std::uint32_t offset) const { return {offset, this->offset() - offset}; }

  [[gnu::always_inline]] bool array(std::uint32_t* count) { return head(0x90, 0x0f, 0xdc, count); }
  [[gnu::always_inline]] bool map(std::uint32_t* count) { return head(0x80, 0x0f, 0xde, count); }
  [[gnu::always_inline]] bool number(std::uint64_t* v) {
    if (at_ == end_) return false;
    const auto first = static_cast<std::uint8_t>(*at_);
    if (first < 0x80) return *v = first, ++at_, true;
    if (first < 0xcc || first > 0xcf) return false;
    ++at_;
    return big_endian(std::size_t{1} << (first - 0xcc), v);
  }
  [[gnu::always_inline]] bool boolean(bool* v) {
    if (at_ == end_ || (static_cast<std::uint8_t>(*at_) | 1) != 0xc3) return false;
    *v = (*at_++ & 1) != 0;
    return true;
  }
  [[gnu::always_inline]] bool text(std::string_view* v) {
    if (at_ == end_) return false;
    const auto first = static_cast<std::uint8_t>(*at_);
    std::uint64_t size = first & 0x1f;
    if (first >= 0xd9 && first <= 0xda) {
      ++at_;
      if (!big_endian(std::size_t{1} << (first - 0xd9), &size)) return false;
    } else if (first >= 0xa0 && first <= 0xbf) {
      ++at_;
    } else {
      return false;
    }
    return size <= kTextLimitBytes && take(size, v);
  }
  [[gnu::always_inline]] bool bytes(std::string_view* v) {
    if (at_ == end_) return false;
    const auto first = static_cast<std::uint8_t>(*at_);
    std::uint64_t size = 0;
    if (first < 0xc4 || first > 0xc6) return false;
    ++at_;
    return big_endian(std::size_t{1} << (first - 0xc4), &size) && take(size, v);
  }
  // A field of a later version, of the simple kinds.
  bool skip() {
    std::uint64_t number_;
    std::string_view view;
    bool flag;
    return number(&number_) || boolean(&flag) || text(&view) || bytes(&view);
  }

 private:
  [[gnu::always_inline]] bool head(std::uint8_t few, std::uint8_t few_mask, std::uint8_t many, std::uint32_t* count) {
    if (at_ == end_) return false;
    const auto first = static_cast<std::uint8_t>(*at_);
    std::uint64_t n = first & few_mask;
    if ((first & ~few_mask) == few) {
      ++at_;
    } else if (first == many) {
      ++at_;
      if (!big_endian(2, &n)) return false;
    } else {
      return false;
    }
    *count = static_cast<std::uint32_t>(n);
    return true;
  }
  [[gnu::always_inline]] bool big_endian(std::size_t size, std::uint64_t* v) {
    if (static_cast<std::size_t>(end_ - at_) < size) return false;
    *v = 0;
    for (std::size_t i = 0; i < size; ++i) *v = *v << 8 | static_cast<std::uint8_t>(*at_++);
    return true;
  }
  [[gnu::always_inline]] bool take(std::uint64_t size, std::string_view* v) {
    if (static_cast<std::uint64_t>(end_ - at_) < size) return false;
    *v = {at_, static_cast<std::size_t>(size)};
    at_ += size;
    return true;
  }

  const char *begin_, *at_, *end_;
};

constexpr std::uint32_t kMostElements = 8192;  // of one array, as decode() has it

// Whether what follows the fields of this version has been through decode().
enum class Rests { unknown, known };

bool skip_rest(Cursor in, std::uint32_t from, std::uint32_t fields) {
  for (std::uint32_t i = from; i < fields; ++i)
    if (!in.skip()) return false;
  return in.at_end();
}

bool read_usual(Cursor in, CallView* call, Rests rests) {
  std::uint32_t fields, count;
  std::uint64_t type, timeout_ms;
  std::string_view view;
  if (!in.array(&fields) || fields < 8 || fields > kMostElements || !in.number(&type) || type != kCallType)
    return false;
  std::uint32_t at = in.offset();
  if (!in.number(&call->id)) return false;
  call->id_place = in.since(at);
  if (!in.text(&call->function) || !in.text(&call->engine)) return false;
  at = in.offset();
  if (!in.array(&call->steps) || call->steps > kMostElements) return false;
  for (std::uint32_t i = 0; i < call->steps; ++i)
    if (!in.text(&view)) return false;
  call->route_place = in.since(at);
  at = in.offset();
  if (!in.number(&timeout_ms) || timeout_ms > UINT32_MAX) return false;
  call->timeout_ms = static_cast<std::uint32_t>(timeout_ms);
  call->timeout_place = in.since(at);
  if (!in.boolean(&call->idempotent) || !in.bytes(&call->payload)) return false;
  std::string_view version, selector;
  if (fields > 8) {
    if (!in.array(&count) || count > kMostElements) return false;
    call->plain = count == 0;
    for (std::uint32_t i = 0; i < count; ++i)
      if (!in.text(&view)) return false;
  }
  if (fields > 9 && !in.text(&version)) return false;
  if (fields > 10 && !in.text(&view)) return false;
  if (fields > 11 && !in.text(&selector)) return false;
  call->plain = call->plain && version.empty() && selector.empty();
  if (fields > 12) {
    if (!in.map(&count) || count > 64) return false;
    call->has_headers = count > 0;
    for (std::uint32_t i = 0; i < 2 * count; ++i)
      if (!in.text(&view)) return false;
  }
  return rests == Rests::known || skip_rest(in, 13, fields);
}

bool read_usual(Cursor in, ReturnedView* returned, Rests rests) {
  std::uint32_t fields;
  std::uint64_t type, code;
  if (!in.array(&fields) || fields < 3 || fields > kMostElements || !in.number(&type) || type != kReturnedType)
    return false;
  std::uint32_t at = in.offset();
  if (!in.number(&returned->id)) return false;
  returned->id_place = in.since(at);
  if (!in.number(&code)) return false;
  returned->code = code <= PINNATE_INTERNAL ? static_cast<Code>(code) : PINNATE_INTERNAL;
  if (fields > 3 && !in.text(&returned->reason)) return false;
  at = in.offset();
  if (fields > 4 && !in.boolean(&returned->ran)) return false;
  returned->ran_place = in.since(at);
  if (fields > 5 && !in.bytes(&returned->result)) return false;
  return rests == Rests::known || skip_rest(in, 6, fields);
}

template <class View, class Whole>
Result<View> read(Buffer bytes, Buffer (*encode)(const Whole&)) {
  if (!bytes.empty() && bytes.size() <= kMessageLimitBytes) {
    View view;
    if (read_usual(Cursor(bytes.view()), &view, Rests::unknown)) {
      view.bytes = std::move(bytes);
      return view;
    }
  }
  const Result<Whole> whole = decode_as<Whole>(bytes);
  if (!whole.ok()) return whole.status();
  View view;
  view.bytes = encode(*whole);
  if (!PINNATE_CHECK(read_usual(Cursor(view.bytes.view()), &view, Rests::known), "what was written cannot be read"))
    return defect();
  return view;
}

// ---- writing ------------------------------------------------------------------------------------

// Into room that was made before: who writes has counted, at most.
class Writer {
 public:
  explicit Writer(std::size_t most_bytes) : out_(Buffer::with_room(most_bytes, &begin_)), at_(begin_) {}

  void array(std::size_t count) { head(0x90, 0xdc, count); }
  void map(std::size_t count) { head(0x80, 0xde, count); }
  void fixed_u64(std::uint64_t v) { number<8>(0xcf, v); }
  void fixed_u32(std::uint32_t v) { number<4>(0xce, v); }
  void small(std::uint8_t v) { *at_++ = static_cast<char>(v); }  // below 128
  void boolean(bool v) { *at_++ = static_cast<char>(v ? 0xc3 : 0xc2); }
  void text(std::string_view s) {
    if (s.size() < 32)
      *at_++ = static_cast<char>(0xa0 | s.size());
    else if (s.size() < 256)
      number<1>(0xd9, s.size());
    else if (s.size() < 65536)
      number<2>(0xda, s.size());
    else
      number<4>(0xdb, s.size());
    raw(s);
  }
  void bytes(std::string_view s) {
    if (s.size() < 256)
      number<1>(0xc4, s.size());
    else if (s.size() < 65536)
      number<2>(0xc5, s.size());
    else
      number<4>(0xc6, s.size());
    raw(s);
  }
  void texts(const std::vector<std::string>& all) {
    array(all.size());
    for (const std::string& s : all) text(s);
  }
  void raw(std::string_view s) {
    if (!s.empty()) std::memcpy(at_, s.data(), s.size());
    at_ += s.size();
  }
  Buffer take() { return out_.slice(0, static_cast<std::size_t>(at_ - begin_)); }

 private:
  void head(std::uint8_t few, std::uint8_t many, std::size_t count) {
    if (count < 16)
      *at_++ = static_cast<char>(few | count);
    else
      number<2>(many, count);
  }
  template <int kSize>
  void number(std::uint8_t first, std::uint64_t v) {
    *at_++ = static_cast<char>(first);
    for (int shift = 8 * (kSize - 1); shift >= 0; shift -= 8) *at_++ = static_cast<char>(v >> shift);
  }
  char* begin_ = nullptr;
  Buffer out_;
  char* at_;
};

// What texts take at most, with what stands before each.
constexpr std::size_t kBeforeBytes = 5;
std::size_t room_for(const std::vector<std::string>& texts) {
  std::size_t bytes = kBeforeBytes;
  for (const std::string& s : texts) bytes += kBeforeBytes + s.size();
  return bytes;
}

constexpr std::uint32_t kFixedU64Bytes = 9, kFixedU32Bytes = 5;

void set_number(char* at, std::uint64_t v, int size) {
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) *++at = static_cast<char>(v >> shift);
}

std::string_view before(const Buffer& bytes, Place place) { return bytes.view().substr(0, place.at); }
std::string_view between(const Buffer& bytes, Place a, Place b) {
  return bytes.view().substr(a.at + a.bytes, b.at - a.at - a.bytes);
}
std::string_view after(const Buffer& bytes, Place place) { return bytes.view().substr(place.at + place.bytes); }

}  // namespace

std::uint8_t type_of(std::string_view message) {
  std::uint32_t fields;
  std::uint64_t type;
  Cursor in(message);
  return in.array(&fields) && fields > 0 && in.number(&type) && type < 128 ? static_cast<std::uint8_t>(type) : 0;
}

Result<CallView> read_call(Buffer bytes) {
  return read<CallView, Call>(std::move(bytes), [](const Call& call) { return encode_call(call, call.payload.view()); });
}

Result<ReturnedView> read_returned(Buffer bytes) {
  return read<ReturnedView, Returned>(std::move(bytes), encode_returned);
}

// What was read decodes: if not, there was no memory, and the defaults are a call of no function.
Call CallView::whole() const {
  Result<Call> call = decode_as<Call>(bytes);
  return call.ok() ? std::move(*call) : Call();
}

Returned ReturnedView::whole() const {
  Result<Returned> returned = decode_as<Returned>(bytes);
  return returned.ok() ? std::move(*returned) : Returned{id, PINNATE_NO_MEMORY, {}, true, {}};
}

std::vector<std::string> CallView::route() const {
  std::vector<std::string> all;
  Cursor in(bytes.view().substr(route_place.at, route_place.bytes));
  std::uint32_t count = 0;
  std::string_view step;
  in.array(&count);
  for (std::uint32_t i = 0; i < count && in.text(&step); ++i) all.emplace_back(step);
  return all;
}

Buffer encode_call(const Call& call, std::string_view payload) {
  std::size_t most = 64 + call.function.size() + call.engine.size() + payload.size() + call.rest.bytes.size();
  most += call.version.size() + call.request_id.size() + call.selector.size() + room_for(call.route) +
          room_for(call.needs);
  for (const auto& [key, value] : call.headers) most += 2 * kBeforeBytes + key.size() + value.size();
  Writer out(most);
  out.array(13 + call.rest.fields);
  out.small(kCallType);
  out.fixed_u64(call.id);
  out.text(call.function);
  out.text(call.engine);
  out.texts(call.route);
  out.fixed_u32(call.timeout_ms);
  out.boolean(call.idempotent);
  out.bytes(payload);
  out.texts(call.needs);
  out.text(call.version);
  out.text(call.request_id);
  out.text(call.selector);
  out.map(call.headers.size());
  for (const auto& [key, value] : call.headers) {
    out.text(key);
    out.text(value);
  }
  out.raw(call.rest.bytes.view());
  return out.take();
}

Buffer encode_returned(const Returned& returned) {
  Writer out(32 + returned.reason.size() + returned.result.size() + returned.rest.bytes.size());
  out.array(6 + returned.rest.fields);
  out.small(kReturnedType);
  out.fixed_u64(returned.id);
  out.small(static_cast<std::uint8_t>(returned.code));
  out.text(returned.reason);
  out.boolean(returned.ran);
  out.bytes(returned.result.view());
  out.raw(returned.rest.bytes.view());
  return out.take();
}

Buffer passed_on(CallView& call, std::uint64_t id, std::uint32_t timeout_ms, const std::vector<std::string>& route) {
  const bool fixed = call.id_place.bytes == kFixedU64Bytes && call.timeout_place.bytes == kFixedU32Bytes;
  if (char* const bytes = fixed && route.empty() && call.steps == 0 ? call.bytes.alone() : nullptr) {
    set_number(bytes + call.id_place.at, id, 8);
    set_number(bytes + call.timeout_place.at, timeout_ms, 4);
    return call.bytes;
  }
  Writer out(call.bytes.size() + kFixedU64Bytes + kFixedU32Bytes + room_for(route));
  out.raw(before(call.bytes, call.id_place));
  out.fixed_u64(id);
  out.raw(between(call.bytes, call.id_place, call.route_place));
  out.texts(route);
  out.fixed_u32(timeout_ms);
  out.raw(after(call.bytes, call.timeout_place));
  return out.take();
}

Buffer passed_on(ReturnedView& returned, std::uint64_t id, bool ran) {
  const bool fixed = returned.id_place.bytes == kFixedU64Bytes && returned.ran_place.bytes == 1;
  if (char* const bytes = fixed ? returned.bytes.alone() : nullptr) {
    set_number(bytes + returned.id_place.at, id, 8);
    bytes[returned.ran_place.at] = static_cast<char>(ran ? 0xc3 : 0xc2);
    return returned.bytes;
  }
  if (ran != returned.ran && returned.ran_place.bytes == 0) {  // it does not say so
    Returned whole = returned.whole();
    whole.id = id;
    whole.ran = ran;
    return encode_returned(whole);
  }
  Writer out(returned.bytes.size() + kFixedU64Bytes + 1);
  out.raw(before(returned.bytes, returned.id_place));
  out.fixed_u64(id);
  out.raw(between(returned.bytes, returned.id_place, returned.ran_place));
  if (returned.ran_place.bytes == 1) out.boolean(ran);
  out.raw(after(returned.bytes, returned.ran_place));
  return out.take();
}

}  // namespace pinnate::wire
