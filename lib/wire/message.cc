#include "wire/message.h"

#include "base/limits.h"
#include "wire/type_number.h"

#include <msgpack.hpp>

#include <algorithm>
#include <new>

namespace pinnate::wire {
namespace {

// ---- the fields of every message, in the order of PROTOCOL.md -----------------------------------------------------
// `f` is a Writer or a Reader.
template <class F>
void fields(F& f, Position& m) {
  f(m.epoch, m.revision, m.digest);
}
template <class F>
void fields(F& f, Hello& m) {
  f(m.version_min, m.version_max, m.features, m.fleet, m.tenant, m.role, m.facing, m.id, m.incarnation, m.auth_method,
    m.auth_payload, m.labels, m.platform, m.position, m.heartbeat_ms);
}
template <class F>
void fields(F& f, Welcome& m) {
  f(m.inherited);
}
template <class F>
void fields(F& f, Refuse& m) {
  f(m.code, m.reason);
}
template <class F>
void fields(F& f, Ping& m) {
  f(m.nonce);
}
template <class F>
void fields(F& f, Pong& m) {
  f(m.nonce);
}
template <class F>
void fields(F& f, Goodbye& m) {
  f(m.forget);
}
template <class F>
void fields(F& f, ReleaseEntry& m) {
  f(m.record, m.manifest);
}
template <class F>
void fields(F& f, Desired& m) {
  f(m.position, m.base_epoch, m.base_revision, m.page, m.last, m.withdrawn, m.releases);
}
template <class F>
void fields(F& f, Confirm& m) {
  f(m.position, m.page, m.whole, m.seen);
}
template <class F>
void fields(F& f, Context& m) {
  f(m.inherited);
}
template <class F>
void fields(F& f, ServiceRow& m) {
  f(m.release, m.name, m.version, m.phase, m.serving, m.reason);
}
template <class F>
void fields(F& f, EngineStatus& m) {
  f(m.position, m.rows, m.notice);
}
template <class F>
void fields(F& f, Failure& m) {
  f(m.engine, m.reason);
}
template <class F>
void fields(F& f, ReleaseRow& m) {
  f(m.release, m.name, m.version, m.fetching, m.loading, m.live, m.failed, m.incompatible, m.not_selected, m.serving,
    m.serving_offline, m.failures);
}
template <class F>
void fields(F& f, Rollup& m) {
  f(m.position, m.seen, m.online, m.offline, m.forgotten, m.gateways_online, m.gateways_offline, m.whole, m.rows,
    m.notices);
}
template <class F>
void fields(F& f, WantManifest& m) {
  f(m.manifest);
}
template <class F>
void fields(F& f, ManifestBytes& m) {
  f(m.manifest, m.code, m.reason, m.bytes);
}
template <class F>
void fields(F& f, WantChunk& m) {
  f(m.manifest, m.artifact, m.index);
}
template <class F>
void fields(F& f, ChunkBytes& m) {
  f(m.manifest, m.artifact, m.index, m.code, m.reason, m.encoded);
}
template <class F>
void fields(F& f, Publish& m) {
  f(m.id, m.manifest, m.selector, m.config);
}
template <class F>
void fields(F& f, Published& m) {
  f(m.id, m.code, m.reason, m.release, m.position, m.created, m.durable_us);
}
template <class F>
void fields(F& f, PublishProgress& m) {
  f(m.id, m.done_bytes, m.total_bytes);
}
template <class F>
void fields(F& f, Unpublish& m) {
  f(m.id, m.name, m.release);
}
template <class F>
void fields(F& f, Done& m) {
  f(m.id, m.code, m.reason);
}
template <class F>
void fields(F& f, ListReleases& m) {
  f(m.id, m.name);
}
template <class F>
void fields(F& f, ReleaseFacts& m) {
  f(m.number, m.name, m.version, m.selector, m.manifest, m.platforms, m.artifact_bytes, m.decided_unix_ms, m.current,
    m.ended);
}
template <class F>
void fields(F& f, Releases& m) {
  f(m.id, m.code, m.reason, m.releases);
}
template <class F>
void fields(F& f, GetStatus& m) {
  f(m.id, m.name, m.watch, m.end_watch);
}
template <class F>
void fields(F& f, StatusRow& m) {
  f(m.release, m.name, m.version, m.current, m.phases, m.serving, m.serving_offline, m.failures);
}
template <class F>
void fields(F& f, StatusReport& m) {
  f(m.id, m.code, m.reason, m.tier, m.position, m.online, m.offline, m.forgotten, m.gateways_online, m.gateways_offline,
    m.rows, m.notices);
}
template <class F>
void fields(F& f, Lookup& m) {
  f(m.id, m.at, m.name, m.engine, m.phase, m.gateways, m.cursor, m.limit, m.timeout_ms);
}
template <class F>
void fields(F& f, TierRow& m) {
  f(m.role, m.id, m.path, m.online, m.platform, m.labels, m.position, m.known_engines, m.online_engines, m.services,
    m.notice);
}
template <class F>
void fields(F& f, Tiers& m) {
  f(m.id, m.code, m.reason, m.rows, m.next);
}
template <class F>
void fields(F& f, Call& m) {
  f(m.id, m.function, m.engine, m.route, m.timeout_ms, m.idempotent, m.payload);
}
template <class F>
void fields(F& f, Returned& m) {
  f(m.id, m.code, m.reason, m.ran, m.result);
}
template <class F>
void fields(F& f, Cancel& m) {
  f(m.id);
}

// ---- numbers of types, in the order of the variant ----------------------------------------------------------------
constexpr std::uint8_t kTypes[] = {1,  2,  3,  4,  5,  6,  8,  9,  10, 12, 13, 16, 17, 18, 19,
                                   24, 25, 64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 65};
static_assert(sizeof kTypes == std::variant_size_v<Message>);
constexpr std::uint64_t kMayIgnore = 64;
constexpr std::size_t kElementLimit = 8192;  // of one array

template <class T>
struct FieldCount {
  std::uint32_t n = 0;
  template <class... V>
  void operator()(V&...) {
    n = sizeof...(V);
  }
};
template <class T>
std::uint32_t field_count() {
  FieldCount<T> count;
  T empty{};
  fields(count, empty);
  return count.n;
}

class Writer {
 public:
  explicit Writer(msgpack::sbuffer& out) : pack_(out) {}
  template <class... V>
  void operator()(V&... v) {
    (put(v), ...);
  }

  template <class T>
  void put(T& v) {
    if constexpr (std::is_same_v<T, bool>) {
      v ? pack_.pack_true() : pack_.pack_false();
    } else if constexpr (std::is_enum_v<T>) {
      pack_.pack_uint32(static_cast<std::uint32_t>(v));
    } else if constexpr (std::is_integral_v<T>) {
      if constexpr (std::is_signed_v<T>)
        pack_.pack_int64(v);
      else
        pack_.pack_uint64(v);
    } else if constexpr (std::is_same_v<T, std::string>) {
      put_text(v);
    } else if constexpr (std::is_same_v<T, Digest>) {
      put_bytes(v.view());
    } else if constexpr (std::is_same_v<T, Buffer>) {
      put_bytes(v.view());
    } else if constexpr (std::is_same_v<T, Labels>) {
      pack_.pack_map(static_cast<std::uint32_t>(v.size()));
      for (const auto& [key, value] : v) {
        put_text(key);
        put_text(value);
      }
    } else if constexpr (requires { v.push_back({}); }) {
      pack_.pack_array(static_cast<std::uint32_t>(v.size()));
      for (auto& element : v) put(element);
    } else {
      pack_.pack_array(field_count<T>());
      fields(*this, v);
    }
  }
  template <class T>
  void put_message(std::uint8_t type, T& m) {
    pack_.pack_array(1 + field_count<T>());
    pack_.pack_uint8(type);
    fields(*this, m);
  }

 private:
  void put_text(std::string_view s) {
    pack_.pack_str(static_cast<std::uint32_t>(s.size()));
    pack_.pack_str_body(s.data(), static_cast<std::uint32_t>(s.size()));
  }
  void put_bytes(std::string_view s) {
    pack_.pack_bin(static_cast<std::uint32_t>(s.size()));
    pack_.pack_bin_body(s.data(), static_cast<std::uint32_t>(s.size()));
  }
  msgpack::packer<msgpack::sbuffer> pack_;
};

class Reader {
 public:
  Reader(const msgpack::object& array, const Buffer& whole, std::uint32_t first)
      : array_(array), whole_(whole), at_(first) {
    good_ = array.type == msgpack::type::ARRAY && array.via.array.size >= first;
  }
  template <class... V>
  void operator()(V&... v) {
    if (!good_ || array_.via.array.size - at_ < sizeof...(V)) {
      good_ = false;
      return;
    }
    ((good_ = good_ && get(array_.via.array.ptr[at_++], v)), ...);
  }
  bool good() const { return good_; }

 private:
  template <class T>
  bool get(const msgpack::object& o, T& v) {
    if constexpr (std::is_same_v<T, bool>) {
      if (o.type != msgpack::type::BOOLEAN) return false;
      v = o.via.boolean;
    } else if constexpr (std::is_same_v<T, Code>) {
      if (o.type != msgpack::type::POSITIVE_INTEGER) return false;
      // A code of a later version reads as a defect of the peer's, not as success.
      v = o.via.u64 <= PINNATE_INTERNAL ? static_cast<Code>(o.via.u64) : PINNATE_INTERNAL;
    } else if constexpr (std::is_enum_v<T>) {
      constexpr std::uint64_t top = std::is_same_v<T, Role> ? 3 : kPhases - 1;
      if (o.type != msgpack::type::POSITIVE_INTEGER || o.via.u64 > top) return false;
      v = static_cast<T>(o.via.u64);
    } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
      if (o.type == msgpack::type::NEGATIVE_INTEGER)
        v = o.via.i64;
      else if (o.type == msgpack::type::POSITIVE_INTEGER && o.via.u64 <= INT64_MAX)
        v = static_cast<T>(o.via.u64);
      else
        return false;
    } else if constexpr (std::is_integral_v<T>) {
      if (o.type != msgpack::type::POSITIVE_INTEGER || o.via.u64 > std::numeric_limits<T>::max()) return false;
      v = static_cast<T>(o.via.u64);
    } else if constexpr (std::is_same_v<T, std::string>) {
      if (o.type != msgpack::type::STR || o.via.str.size > kTextLimitBytes) return false;
      v.assign(o.via.str.ptr, o.via.str.size);
    } else if constexpr (std::is_same_v<T, Digest>) {
      if (o.type != msgpack::type::BIN) return false;
      auto digest = Digest::from_bytes({o.via.bin.ptr, o.via.bin.size});
      if (!digest) return false;
      v = *digest;
    } else if constexpr (std::is_same_v<T, Buffer>) {
      if (o.type != msgpack::type::BIN) return false;
      // A slice keeps the whole message in memory; who says much around a few bytes may not have that kept.
      const std::string_view bytes(o.via.bin.ptr, o.via.bin.size);
      v = bytes.size() < whole_.size() / 2 ? Buffer(std::string(bytes)) : whole_.slice(bytes);
    } else if constexpr (std::is_same_v<T, Labels>) {
      if (o.type != msgpack::type::MAP) return false;
      for (std::uint32_t i = 0; i < o.via.map.size; i++) {
        std::string key, value;
        if (!get(o.via.map.ptr[i].key, key) || !get(o.via.map.ptr[i].val, value)) return false;
        v[std::move(key)] = std::move(value);
      }
    } else if constexpr (requires { v.push_back({}); }) {
      if (o.type != msgpack::type::ARRAY) return false;
      v.resize(o.via.array.size);  // bounded by the unpacker
      for (std::uint32_t i = 0; i < o.via.array.size; i++)
        if (!get(o.via.array.ptr[i], v[i])) return false;
    } else {
      Reader inner(o, whole_, 0);
      fields(inner, v);
      return inner.good();
    }
    return true;
  }

  const msgpack::object& array_;
  const Buffer& whole_;
  std::uint32_t at_;
  bool good_;
};

template <std::size_t I = 0>
bool read_as(std::uint64_t type, const msgpack::object& o, const Buffer& whole, std::optional<Message>* out,
             bool* known) {
  if constexpr (I < std::variant_size_v<Message>) {
    if (kTypes[I] != type) return read_as<I + 1>(type, o, whole, out, known);
    *known = true;
    std::variant_alternative_t<I, Message> m;
    Reader reader(o, whole, 1);
    fields(reader, m);
    if (!reader.good()) return false;
    out->emplace(std::move(m));
    return true;
  }
  return false;
}

bool by_reference(msgpack::type::object_type, std::size_t, void*) { return true; }

}  // namespace

Buffer encode(const Message& message) {
  msgpack::sbuffer out(256);
  Writer writer(out);
  // fields() is shared with the Reader and so takes its message as not const; a Writer changes nothing.
  std::visit([&](auto& m) { writer.put_message(type_of(message), m); }, const_cast<Message&>(message));
  return Buffer(std::string(out.data(), out.size()));
}

Result<std::optional<Message>> decode(const Buffer& bytes) {
  if (bytes.empty() || bytes.size() > kMessageLimitBytes)
    return {PINNATE_CORRUPT, "a message of " + std::to_string(bytes.size()) + " bytes"};
  try {
    const std::size_t most = std::min(bytes.size(), kElementLimit);  // an element takes at least a byte
    msgpack::zone zone(1024);
    std::size_t at = 0;
    bool referenced = false;
    const msgpack::object o = msgpack::unpack(
        zone, bytes.data(), bytes.size(), at, referenced, by_reference, nullptr,
        msgpack::unpack_limit(most, std::min<std::size_t>(most, 64), bytes.size(), bytes.size(), 0, kNestingLimit));
    if (at != bytes.size()) return {PINNATE_CORRUPT, "a message with bytes after its end"};
    if (o.type != msgpack::type::ARRAY || o.via.array.size == 0 ||
        o.via.array.ptr[0].type != msgpack::type::POSITIVE_INTEGER)
      return {PINNATE_CORRUPT, "a message that is not an array beginning with its type"};
    const std::uint64_t type = o.via.array.ptr[0].via.u64;
    std::optional<Message> message;
    bool known = false;
    if (read_as(type, o, bytes, &message, &known)) return message;
    if (known) return {PINNATE_CORRUPT, "a message of type " + std::to_string(type) + " with a malformed field"};
    if (type >= kMayIgnore) return std::optional<Message>();
    return {PINNATE_UNSUPPORTED, "a message of unknown type " + std::to_string(type)};
  } catch (const std::bad_alloc&) {
    return {PINNATE_NO_MEMORY, "no memory to decode a message"};
  } catch (const std::exception& e) {
    return {PINNATE_CORRUPT, std::string("a message that is not msgpack, or over a limit: ") + e.what()};
  }
}

std::uint8_t type_of(const Message& message) { return kTypes[message.index()]; }

Class class_of(const Message& message) {
  return std::visit(
      []<class T>(const T&) {
        if constexpr (std::is_same_v<T, Call> || std::is_same_v<T, Returned>)
          return Class::call;
        else if constexpr (std::is_same_v<T, ManifestBytes> || std::is_same_v<T, ChunkBytes>)
          return Class::bulk;
        else
          return Class::control;
      },
      message);
}

}  // namespace pinnate::wire
