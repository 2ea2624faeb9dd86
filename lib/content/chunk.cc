#include "content/chunk.h"

#include "base/limits.h"
#include "content/sha256.h"

#include <zlib.h>

#include <new>

namespace pinnate::content {
namespace {

constexpr char kPlain = 0;
constexpr char kZlib = 1;

Bytef* writable(char* p) { return reinterpret_cast<Bytef*>(p); }
Bytef* readable(const char* p) { return reinterpret_cast<Bytef*>(const_cast<char*>(p)); }  // zlib's API predates const

// Appends the deflated form of `plain` if it is smaller than `plain`.
bool deflate_if_smaller(std::string_view plain, std::string* out) {
  if (plain.size() < 2) return false;
  z_stream z{};
  if (deflateInit(&z, 6) != Z_OK) return false;  // no memory: plain is as good
  const std::size_t before = out->size(), room = plain.size() - 1;
  out->resize(before + room);
  z.next_in = readable(plain.data());
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = writable(out->data() + before);
  z.avail_out = static_cast<uInt>(room);
  const bool fits = deflate(&z, Z_FINISH) == Z_STREAM_END;
  out->resize(before + (fits ? room - z.avail_out : 0));
  deflateEnd(&z);
  return fits;
}

// Fills `out` exactly, from all of `bytes`; false where they are anything else.
bool inflate_exactly(std::string_view bytes, std::string* out) {
  z_stream z{};
  if (inflateInit(&z) != Z_OK) throw std::bad_alloc();
  char nowhere = 0;  // zlib wants a place to write even where there is nothing to write
  z.next_in = readable(bytes.data());
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = writable(out->empty() ? &nowhere : out->data());
  z.avail_out = static_cast<uInt>(out->size());
  const bool whole = inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in == 0 && z.avail_out == 0;
  inflateEnd(&z);
  return whole;
}

Result<Buffer> unpack(const Buffer& encoded, std::uint32_t plain_bytes) {
  if (plain_bytes > kChunkBytes)
    return {PINNATE_CORRUPT,
            "chunk of " + std::to_string(plain_bytes) + " bytes: the largest is " + std::to_string(kChunkBytes)};
  if (encoded.empty()) return {PINNATE_CORRUPT, "chunk: no bytes at all"};
  if (encoded.size() > std::size_t(plain_bytes) + 1)
    return {PINNATE_CORRUPT, "chunk: " + std::to_string(encoded.size()) + " bytes are more than " +
                                 std::to_string(plain_bytes) + " plain ones can take"};
  const Buffer body = encoded.slice(1, plain_bytes);
  const char encoding = encoded.data()[0];
  if (encoding == kPlain) {
    if (body.size() == plain_bytes) return body;
    return {PINNATE_CORRUPT,
            "chunk: " + std::to_string(body.size()) + " plain bytes instead of " + std::to_string(plain_bytes)};
  }
  if (encoding == kZlib) {
    std::string plain(plain_bytes, '\0');
    if (inflate_exactly(body.view(), &plain)) return Buffer(std::move(plain));
    return {PINNATE_CORRUPT,
            "chunk: the compressed bytes do not inflate to exactly " + std::to_string(plain_bytes) + " bytes"};
  }
  return {PINNATE_CORRUPT, "chunk: encoding " + std::to_string(static_cast<unsigned char>(encoding)) + " is not known"};
}

}  // namespace

Buffer encode_chunk(std::string_view plain) {
  std::string out(1, kZlib);
  if (!deflate_if_smaller(plain, &out)) {
    out[0] = kPlain;
    out.append(plain);
  }
  out.shrink_to_fit();  // chunks are held by the hundred: no slack in each
  return Buffer(std::move(out));
}

Result<Buffer> decode_chunk(const Buffer& encoded, std::uint32_t plain_bytes, const Digest& expected) {
  return within_memory([&]() -> Result<Buffer> {
    Result<Buffer> plain = unpack(encoded, plain_bytes);
    if (!plain.ok()) return plain;
    if (const Digest found = sha256(plain->view()); found != expected)
      return {PINNATE_CORRUPT, "chunk: its digest is " + found.hex() + " instead of " + expected.hex()};
    return plain;
  });
}

Result<Buffer> decode_verified_chunk(const Buffer& encoded, std::uint32_t plain_bytes) {
  return within_memory([&] { return unpack(encoded, plain_bytes); });
}

}  // namespace pinnate::content
