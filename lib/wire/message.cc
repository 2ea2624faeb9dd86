#include "wire/call.h"

#include "base/limits.h"

#include <msgpack.hpp>

#include <algorithm>
#include <array>
#include <new>

namespace pinnate::wire {
namespace {

// ---- the fields of every message, in the order of PROTOCOL.md -----------------------------------
// `f` is a Writer or a Reader. Fields behind the bar are optional.
void fields(auto& f, Position& m) { f("epoch revision digest", m.epoch, m.revision, m.digest); }
void fields(auto& f, Hello& m) {
  f("version_min version_max features fleet tenant role facing id incarnation | auth_method auth_payload labels "
    "platform position heartbeat_ms needs ephemeral",
    m.version_min, m.version_max, m.features, m.fleet, m.tenant, m.role, m.facing, m.id, m.incarnation, m.auth_method,
    m.auth_payload, m.labels, m.platform, m.position, m.heartbeat_ms, m.needs, m.ephemeral);
}
void fields(auto& f, Welcome& m) { f("| inherited artifact_limit_bytes", m.inherited, m.artifact_limit_bytes); }
void fields(auto& f, Refuse& m) { f("code | reason", m.code, m.reason); }
void fields(auto& f, Ping& m) { f("nonce", m.nonce); }
void fields(auto& f, Pong& m) { f("nonce", m.nonce); }
void fields(auto& f, Goodbye& m) { f("forget", m.forget); }
void fields(auto& f, ReleaseEntry& m) { f("record | manifest", m.record, m.manifest); }
void fields(auto& f, Desired& m) {
  f("position base_epoch base_revision page last | withdrawn releases", m.position, m.base_epoch, m.base_revision,
    m.page, m.last, m.withdrawn, m.releases);
}
void fields(auto& f, Confirm& m) { f("position page whole | seen", m.position, m.page, m.whole, m.seen); }
void fields(auto& f, Context& m) { f("inherited", m.inherited); }
void fields(auto& f, ServiceRow& m) {
  f("release name version phase serving | reason", m.release, m.name, m.version, m.phase, m.serving, m.reason);
}
void fields(auto& f, KeptImage& m) {
  f("function version | bytes threads why", m.function, m.version, m.bytes, m.threads, m.why);
}
void fields(auto& f, EngineStatus& m) { f("position rows | notice kept", m.position, m.rows, m.notice, m.kept); }
void fields(auto& f, Failure& m) { f("engine | reason", m.engine, m.reason); }
void fields(auto& f, ReleaseRow& m) {
  f("release name version fetching loading live failed incompatible selected serving | serving_offline failures",
    m.release, m.name, m.version, m.fetching, m.loading, m.live, m.failed, m.incompatible, m.selected, m.serving,
    m.serving_offline, m.failures);
}
void fields(auto& f, Evaluated& m) { f("revision engines", m.revision, m.engines); }
void fields(auto& f, Rollup& m) {
  f("position seen online offline forgotten gateways_online gateways_offline evaluated whole rows | notices "
    "kept_images kept_bytes",
    m.position, m.seen, m.online, m.offline, m.forgotten, m.gateways_online, m.gateways_offline, m.evaluated, m.whole,
    m.rows, m.notices, m.kept_images, m.kept_bytes);
}
void fields(auto& f, WantManifest& m) { f("manifest", m.manifest); }
void fields(auto& f, ManifestBytes& m) { f("manifest code | reason bytes", m.manifest, m.code, m.reason, m.bytes); }
void fields(auto& f, WantChunk& m) { f("manifest artifact index", m.manifest, m.artifact, m.index); }
void fields(auto& f, ChunkBytes& m) {
  f("manifest artifact index code | reason encoded", m.manifest, m.artifact, m.index, m.code, m.reason, m.encoded);
}
void fields(auto& f, Publish& m) {
  f("id manifest selector | config needs allowed", m.id, m.manifest, m.selector, m.config, m.needs, m.allowed);
}
void fields(auto& f, Published& m) {
  f("id code | reason release position created durable_us", m.id, m.code, m.reason, m.release, m.position, m.created,
    m.durable_us);
}
void fields(auto& f, PublishProgress& m) { f("id done_bytes total_bytes", m.id, m.done_bytes, m.total_bytes); }
void fields(auto& f, Unpublish& m) { f("id name release", m.id, m.name, m.release); }
void fields(auto& f, Done& m) { f("id code | reason", m.id, m.code, m.reason); }
void fields(auto& f, ListReleases& m) { f("id | name", m.id, m.name); }
void fields(auto& f, ReleaseFacts& m) {
  f("number name version | selector manifest platforms artifact_bytes decided_unix_ms current ended", m.number, m.name,
    m.version, m.selector, m.manifest, m.platforms, m.artifact_bytes, m.decided_unix_ms, m.current, m.ended);
}
void fields(auto& f, Releases& m) { f("id code | reason releases", m.id, m.code, m.reason, m.releases); }
void fields(auto& f, GetStatus& m) { f("id | name watch end_watch", m.id, m.name, m.watch, m.end_watch); }
void fields(auto& f, StatusRow& m) {
  f("release name version current phases | serving serving_offline failures", m.release, m.name, m.version, m.current,
    m.phases, m.serving, m.serving_offline, m.failures);
}
void fields(auto& f, StatusReport& m) {
  f("id code | reason tier position online offline forgotten gateways_online gateways_offline rows notices "
    "kept_images kept_bytes",
    m.id, m.code, m.reason, m.tier, m.position, m.online, m.offline, m.forgotten, m.gateways_online, m.gateways_offline,
    m.rows, m.notices, m.kept_images, m.kept_bytes);
}
void fields(auto& f, Lookup& m) {
  f("id | at name engine phase gateways cursor limit timeout_ms members", m.id, m.at, m.name, m.engine, m.phase, m.gateways,
    m.cursor, m.limit, m.timeout_ms, m.members);
}
void fields(auto& f, TierRow& m) {
  f("role id path online | platform labels position known_engines online_engines services notice kept member address "
    "sources since_unix_ms terminating",
    m.role, m.id, m.path, m.online, m.platform, m.labels, m.position, m.known_engines, m.online_engines, m.services,
    m.notice, m.kept, m.member, m.address, m.sources, m.since_unix_ms, m.terminating);
}
void fields(auto& f, Tiers& m) { f("id code | reason rows next", m.id, m.code, m.reason, m.rows, m.next); }
void fields(auto& f, Call& m) {
  f("id function engine route timeout_ms idempotent payload | needs version request_id selector headers", m.id,
    m.function, m.engine, m.route, m.timeout_ms, m.idempotent, m.payload, m.needs, m.version, m.request_id, m.selector,
    m.headers);
}
void fields(auto& f, Returned& m) { f("id code | reason ran result", m.id, m.code, m.reason, m.ran, m.result); }
void fields(auto& f, Cancel& m) { f("id", m.id); }

// ---- what kinds there are, in the order of the variant ------------------------------------------
struct Kind {
  std::uint8_t type;
  const char* name;
  Class priority;
  Ways ways;
};
constexpr Class kInControl = Class::control, kInCalls = Class::call, kInBulk = Class::bulk;
constexpr Ways kShake = way(Way::handshake), kToGateway = way(Way::down_to_gateway),
               kToEngine = way(Way::down_to_engine), kToClient = way(Way::down_to_client),
               kOfGateway = way(Way::up_from_gateway), kOfEngine = way(Way::up_from_engine),
               kOfClient = way(Way::up_from_client);
constexpr Ways kDown = kToGateway | kToEngine, kUp = kOfGateway | kOfEngine, kAsked = kUp | kOfClient;
constexpr Ways kUpAndDown = kDown | kToClient | kAsked;
constexpr Kind kKinds[] = {
    {1, "Hello", kInControl, kShake},
    {2, "Welcome", kInControl, kShake},
    {3, "Refuse", kInControl, kShake | kUpAndDown},
    {4, "Ping", kInControl, kUpAndDown},
    {5, "Pong", kInControl, kUpAndDown},
    {6, "Goodbye", kInControl, kUpAndDown},
    {8, "Desired", kInControl, kDown},
    {9, "Confirm", kInControl, kUp},
    {10, "Context", kInControl, kDown},
    {12, "EngineStatus", kInControl, kOfEngine},
    {13, "Rollup", kInControl, kOfGateway},
    {16, "WantManifest", kInControl, kUp},
    {17, "ManifestBytes", kInBulk, kDown},
    {18, "WantChunk", kInControl, kUp | kToClient},
    {19, "ChunkBytes", kInBulk, kDown | kOfClient},
    {24, "Publish", kInControl, kOfClient},
    {25, "Published", kInControl, kToClient},
    {64, "PublishProgress", kInControl, kToClient},
    {26, "Unpublish", kInControl, kOfClient},
    {27, "Done", kInControl, kToClient},
    {28, "ListReleases", kInControl, kOfClient},
    {29, "Releases", kInControl, kToClient},
    {30, "GetStatus", kInControl, kAsked},
    {31, "StatusReport", kInControl, kDown | kToClient},
    {32, "Lookup", kInControl, kAsked | kToGateway},
    {33, "Tiers", kInControl, kDown | kToClient | kOfGateway},
    {34, "Call", kInCalls, kDown | kAsked},
    {35, "Returned", kInCalls, kDown | kToClient | kUp},
    {65, "Cancel", kInControl, kDown | kAsked},
};
static_assert(std::size(kKinds) == std::variant_size_v<Message>);
constexpr std::uint64_t kMayIgnore = 64;
constexpr std::size_t kElementLimit = 8192;  // of one array

// By type: which of the kinds it is, or none.
constexpr auto kPlaces = [] {
  std::array<std::uint8_t, 128> places{};
  places.fill(255);
  for (std::uint8_t i = 0; i < std::size(kKinds); i++) places[kKinds[i].type] = i;
  return places;
}();

const Kind* kind_of(std::uint64_t type) {
  return type < kPlaces.size() && kPlaces[type] != 255 ? &kKinds[kPlaces[type]] : nullptr;
}

// The names of a structure's fields, with spaces between and a bar before the first optional one.
struct Names {
  const char* text;
  std::uint32_t required = 0;
  consteval Names(const char* names) : text(names) {
    bool in_word = false;
    for (const char* p = names; *p != 0 && *p != '|'; p++) {
      if (*p != ' ' && !in_word) required++;
      in_word = *p != ' ';
    }
  }
  std::string at(std::uint32_t index) const {
    std::string_view left(text);
    for (;;) {
      left.remove_prefix(std::min(left.find_first_not_of(" |"), left.size()));
      const std::string_view word = left.substr(0, left.find(' '));
      if (index-- == 0) return std::string(word);
      left.remove_prefix(word.size());
    }
  }
};

struct FieldCount {
  std::uint32_t n = 0;
  template <class... V>
  void operator()(Names, V&...) {
    n = sizeof...(V);
  }
};
template <class T>
std::uint32_t field_count() {
  FieldCount count;
  T empty{};
  fields(count, empty);
  return count.n;
}

class Writer {
 public:
  explicit Writer(msgpack::sbuffer& out) : out_(out), pack_(out) {}
  template <class... V>
  void operator()(Names, V&... v) {
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
    } else if constexpr (std::is_same_v<T, Digest> || std::is_same_v<T, Buffer>) {
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
    std::uint32_t count = 1 + field_count<T>();
    if constexpr (requires { m.rest; }) count += m.rest.fields;
    pack_.pack_array(count);
    pack_.pack_uint8(type);
    fields(*this, m);
    if constexpr (requires { m.rest; }) out_.write(m.rest.bytes.data(), m.rest.bytes.size());
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
  msgpack::sbuffer& out_;
  msgpack::packer<msgpack::sbuffer> pack_;
};

// A value of a field, for people.
std::string in_words(const msgpack::object& o) {
  switch (o.type) {
    case msgpack::type::NIL:
      return "nil";
    case msgpack::type::BOOLEAN:
      return o.via.boolean ? "true" : "false";
    case msgpack::type::POSITIVE_INTEGER:
      return std::to_string(o.via.u64);
    case msgpack::type::NEGATIVE_INTEGER:
      return std::to_string(o.via.i64);
    case msgpack::type::STR:
      return "text of " + std::to_string(o.via.str.size) + " bytes";
    case msgpack::type::BIN:
      return std::to_string(o.via.bin.size) + " bytes";
    case msgpack::type::ARRAY:
      return "an array of " + std::to_string(o.via.array.size);
    case msgpack::type::MAP:
      return "a map of " + std::to_string(o.via.map.size);
    default:
      return "of a type that no field has";
  }
}

// What all fields are made of, each read in one place: the templates below are many.
bool get_number(const msgpack::object& o, std::uint64_t most, std::uint64_t* v) {
  if (o.type != msgpack::type::POSITIVE_INTEGER || o.via.u64 > most) return false;
  *v = o.via.u64;
  return true;
}
bool get_text(const msgpack::object& o, std::string* v) {
  if (o.type != msgpack::type::STR || o.via.str.size > kTextLimitBytes) return false;
  v->assign(o.via.str.ptr, o.via.str.size);
  return true;
}
bool get_digest(const msgpack::object& o, Digest* v) {
  if (o.type != msgpack::type::BIN) return false;
  const auto digest = Digest::from_bytes({o.via.bin.ptr, o.via.bin.size});
  if (digest) *v = *digest;
  return digest.has_value();
}
bool get_bytes(const msgpack::object& o, const Buffer& whole, Buffer* v) {
  if (o.type != msgpack::type::BIN) return false;
  // A slice keeps the whole message in memory: not for a few bytes with much around them.
  const std::string_view bytes(o.via.bin.ptr, o.via.bin.size);
  *v = bytes.size() < whole.size() / 2 ? Buffer(std::string(bytes)) : whole.slice(bytes);
  return true;
}
bool get_labels(const msgpack::object& o, Labels* v) {
  if (o.type != msgpack::type::MAP) return false;
  for (std::uint32_t i = 0; i < o.via.map.size; i++) {
    std::string key, value;
    if (!get_text(o.via.map.ptr[i].key, &key) || !get_text(o.via.map.ptr[i].val, &value)) return false;
    (*v)[std::move(key)] = std::move(value);
  }
  return true;
}

class Reader {
 public:
  Reader(const msgpack::object& array, const Buffer& whole, std::uint32_t first)
      : array_(array), whole_(whole), first_(first) {}
  template <class... V>
  void operator()(Names names, V&... v) {
    if (begins(names)) (take(names, v) && ...);
  }
  // What is wrong and where, as in ".rows[3].phase is nil"; empty: nothing.
  std::string& wrong() { return wrong_; }

 private:
  [[gnu::noinline]] bool begins(const Names& names) {
    if (array_.type != msgpack::type::ARRAY) return wrong_ = " is " + in_words(array_), false;
    there_ = array_.via.array.size - first_;
    if (there_ < names.required) return wrong_ = "." + names.at(there_) + " is missing", false;
    return true;
  }
  template <class T>
  bool take(const Names& names, T& field) {
    if (at_ == there_) return false;  // this one and the rest have their defaults
    if (!get(array_.via.array.ptr[first_ + at_], field))
      return blame("." + names.at(at_), array_.via.array.ptr[first_ + at_]);
    return ++at_, true;
  }
  [[gnu::noinline]] bool blame(const std::string& where, const msgpack::object& o) {
    if (wrong_.empty()) wrong_ = " is " + in_words(o);
    wrong_.insert(0, where);
    return false;
  }

  template <class T>
  bool get(const msgpack::object& o, T& v) {
    std::uint64_t number = 0;
    if constexpr (std::is_same_v<T, bool>) {
      v = o.type == msgpack::type::BOOLEAN && o.via.boolean;
      return o.type == msgpack::type::BOOLEAN;
    } else if constexpr (std::is_same_v<T, Code>) {
      // A code of a later version reads as a defect of the peer's, not as success.
      if (!get_number(o, ~0ull, &number)) return false;
      v = number <= PINNATE_INTERNAL ? static_cast<Code>(number) : PINNATE_INTERNAL;
    } else if constexpr (std::is_same_v<T, Phase>) {
      // A phase of a later version is one that is not over.
      if (!get_number(o, ~0ull, &number)) return false;
      v = number < kPhases ? static_cast<Phase>(number) : Phase::pending;
    } else if constexpr (std::is_same_v<T, MemberState>) {
      // A state of a later version is one that may still change.
      if (!get_number(o, ~0ull, &number)) return false;
      v = number < kMemberStates ? static_cast<MemberState>(number) : MemberState::waiting;
    } else if constexpr (std::is_same_v<T, Role>) {
      if (!get_number(o, 3, &number)) return false;
      v = static_cast<Role>(number);
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
      if (o.type != msgpack::type::NEGATIVE_INTEGER && !get_number(o, INT64_MAX, &number)) return false;
      v = o.via.i64;
    } else if constexpr (std::is_integral_v<T>) {
      if (!get_number(o, std::numeric_limits<T>::max(), &number)) return false;
      v = static_cast<T>(number);
    } else if constexpr (std::is_same_v<T, std::string>) {
      return get_text(o, &v);
    } else if constexpr (std::is_same_v<T, Digest>) {
      return get_digest(o, &v);
    } else if constexpr (std::is_same_v<T, Buffer>) {
      return get_bytes(o, whole_, &v);
    } else if constexpr (std::is_same_v<T, Labels>) {
      return get_labels(o, &v);
    } else if constexpr (requires { v.push_back({}); }) {
      if (o.type != msgpack::type::ARRAY) return false;
      v.resize(o.via.array.size);  // bounded by the unpacker
      for (std::uint32_t i = 0; i < o.via.array.size; i++)
        if (!get(o.via.array.ptr[i], v[i])) return blame("[" + std::to_string(i) + "]", o.via.array.ptr[i]);
    } else {
      Reader inner(o, whole_, 0);
      fields(inner, v);
      wrong_ = std::move(inner.wrong());
      return wrong_.empty();
    }
    return true;
  }

  const msgpack::object& array_;
  const Buffer& whole_;
  std::uint32_t first_, at_ = 0, there_ = 0;
  std::string wrong_;
};

// Fields of a later version, as they came: whoever passes the message on passes them on too.
void read_rest(const msgpack::object& o, std::uint32_t known, Rest* rest) {
  if (o.via.array.size <= known) return;
  rest->fields = o.via.array.size - known;
  msgpack::sbuffer out;
  msgpack::packer<msgpack::sbuffer> pack(out);
  for (std::uint32_t i = known; i < o.via.array.size; i++) pack.pack(o.via.array.ptr[i]);
  rest->bytes = Buffer(std::string(out.data(), out.size()));
}

template <std::size_t I = 0>
std::string read_as(std::size_t index, const msgpack::object& o, const Buffer& whole, std::optional<Message>* out) {
  if constexpr (I < std::variant_size_v<Message>) {
    if (I != index) return read_as<I + 1>(index, o, whole, out);
    using T = std::variant_alternative_t<I, Message>;
    T m;
    Reader reader(o, whole, 1);
    fields(reader, m);
    if (!reader.wrong().empty()) return std::move(reader.wrong());
    if constexpr (requires { m.rest; }) read_rest(o, 1 + field_count<T>(), &m.rest);
    out->emplace(std::move(m));
  }
  return {};
}

// By Way.
constexpr const char* kWays[] = {"before the handshake was done",
                                 "to a gateway from above",
                                 "to an engine from above",
                                 "to a client",
                                 "from a gateway below",
                                 "from an engine below",
                                 "from a client"};

bool by_reference(msgpack::type::object_type, std::size_t, void*) { return true; }

}  // namespace

Buffer encode(const Message& message) {
  if (const auto* call = std::get_if<Call>(&message)) return encode_call(*call, call->payload.view());
  if (const auto* returned = std::get_if<Returned>(&message)) return encode_returned(*returned);
  msgpack::sbuffer out(256);
  Writer writer(out);
  // fields() takes its message as not const, for the Reader; a Writer changes nothing.
  std::visit([&](auto& m) { writer.put_message(kKinds[message.index()].type, m); }, const_cast<Message&>(message));
  return Buffer(std::string(out.data(), out.size()));
}

Result<std::optional<Message>> decode(const Buffer& bytes, std::optional<Way> over) {
  if (bytes.empty() || bytes.size() > kMessageLimitBytes)
    return {PINNATE_CORRUPT, "a message of " + std::to_string(bytes.size()) + " bytes"};
  try {
    const std::size_t most = std::min(bytes.size(), kElementLimit);  // an element takes at least a byte
    msgpack::zone zone(1024);
    std::size_t at = 0;
    bool referenced = false;
    const msgpack::object o = msgpack::unpack(zone, bytes.data(), bytes.size(), at, referenced, by_reference, nullptr,
                                              msgpack::unpack_limit(most, std::min<std::size_t>(most, 64), bytes.size(),
                                                                    bytes.size(), bytes.size(), kNestingLimit));
    if (at != bytes.size()) return {PINNATE_CORRUPT, "a message with bytes after its end"};
    if (o.type != msgpack::type::ARRAY || o.via.array.size == 0 ||
        o.via.array.ptr[0].type != msgpack::type::POSITIVE_INTEGER)
      return {PINNATE_CORRUPT, "a message that is not an array beginning with its type"};
    const std::uint64_t type = o.via.array.ptr[0].via.u64;
    const Kind* const kind = kind_of(type);
    if (!kind && type >= kMayIgnore) return std::optional<Message>();
    if (!kind) return {PINNATE_UNSUPPORTED, "a message of unknown type " + std::to_string(type)};
    if (over && !(kind->ways & way(*over)))
      return {PINNATE_REFUSED, std::string("a ") + kind->name + ' ' + kWays[std::size_t(*over)]};
    std::optional<Message> message;
    const std::string wrong = read_as(static_cast<std::size_t>(kind - kKinds), o, bytes, &message);
    if (wrong.empty()) return message;
    return {PINNATE_CORRUPT, "a malformed message: " + std::string(kind->name) + wrong};
  } catch (const std::bad_alloc&) {
    return {PINNATE_NO_MEMORY, "no memory to decode a message"};
  } catch (const std::exception& e) {
    return {PINNATE_CORRUPT, std::string("a message that is not msgpack, or over a limit: ") + e.what()};
  }
}

bool may_come(std::uint64_t type, Way over) {
  const Kind* const kind = kind_of(type);
  return kind && kind->ways & way(over);
}

const char* type_name(std::uint64_t type) {
  const Kind* const kind = kind_of(type);
  return kind ? kind->name : "message";
}

Class class_of(const Message& message) { return kKinds[message.index()].priority; }

}  // namespace pinnate::wire
