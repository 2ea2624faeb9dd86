// The open links of one tier: the handshake, heartbeats, which of two between the same tiers stays.
#pragma once

#include "tier/core.h"
#include "tier/endpoints.h"
#include "wire/call.h"

namespace pinnate::tier {

inline constexpr std::int64_t kBulkRoomBytes =
    512 * 1024;  // got ready for one link at a time: read, or asked for above
inline constexpr std::size_t kBulkAheadMs = 20;

// How much bulk is handed to a link ahead: about what it takes in a moment, and at least one chunk.
// What was handed over cannot be called back when it is superseded.
class BulkPace {
 public:
  bool open() const { return handed_ == 0 || handed_ + kChunkBytes <= limit_; }
  void handed(std::int64_t now_ms, std::size_t bytes);
  void drained(std::int64_t now_ms, std::size_t bytes);

 private:
  std::size_t handed_ = 0, limit_ = kChunkBytes;
  std::int64_t since_ms_ = 0;  // when the link took something last, or got something to take
};

struct Peer {
  wire::Role role = wire::Role::client;
  std::string id;
  std::uint64_t incarnation = 0;
  wire::Position position;
};

struct Session {
  LinkId link = 0;
  bool dialled = false;
  Side side = Side::unknown;  // of the peer; known once it is up
  // Its Hello is awaited; its Welcome is awaited; both may send anything; it said goodbye, and
  // closes.
  enum class Stage : std::uint8_t { greeting, admitted, up, leaving };
  Stage stage = Stage::greeting;
  bool up() const { return stage >= Stage::up; }
  bool resting = false;  // the peer is about to end, as a source says: it gets no new call
  PeerFacts facts;  // of the peer; the rest is what it says of itself
  Peer peer;
  std::shared_ptr<const wire::Hello> hello;  // all that it said of itself; null when link_up() has returned
  std::uint32_t version = 0;  // that the link runs at, once it is admitted
  std::uint64_t features = 0;  // that both ends know
  Labels told;  // inherited labels as the peer was last told
  std::int64_t heard_ms = 0, up_ms = 0;
  std::int64_t bulk_room = 0;  // bytes of bulk that may still be got ready for the link
  BulkPace bulk_pace;
  std::size_t calls_bytes = 0;  // of calls and results, handed to the link and not taken by it
  Alarm watch;  // handshake limit, then heartbeat, then until when it may leave
};

// Whoever uses the links on one side of a tier.
class LinkOwner {
 public:
  virtual ~LinkOwner() = default;
  virtual void fill_hello(wire::Hello*) {}  // platform, position
  virtual void fill_welcome(wire::Welcome*) {}  // downward
  // The peer's hello was accepted by fleet, version and role: anything else against it?
  virtual Status admit(const Session&) { return {}; }
  virtual void link_up(Session& session) = 0;
  virtual void link_down(Session& session, const Status& why) = 0;  // only after link_up
  // It said goodbye: what is under way may still end, for a moment; its id is free.
  virtual void left(Session&, bool /*forget*/) {}
  virtual void message(Session& session, wire::Message& message) = 0;
  // Calls and their results, which are not taken apart, do not come as messages.
  virtual void call(Session&, wire::CallView) {}
  virtual void returned(Session&, wire::ReturnedView) {}
  virtual void dial_failed(const Status&) {}  // it is logged already, and will be tried again
  virtual void room(Session&) {}  // for bulk, more than before
  virtual void refused(const Session&, const Status&) {}  // in the handshake, by this end; it is logged already
};

class Links {
 public:
  Links(Core* core, wire::Role role)
      : core_(core),
        role_(role),
        endpoints_(core, [this](Side side, const std::string& address, std::uint32_t limit_ms) {
          return dial(side, address, limit_ms);
        }) {}

  // Before any other call. Of a tier with links on one side alone it is the same.
  void set_owners(LinkOwner* upstream, LinkOwner* downstream) {
    upstream_owner_ = upstream, downstream_owner_ = downstream;
  }

  EndpointId keep(Side side, const std::string& address);  // 0: over the limit, and the log says so
  void dial_afresh(EndpointId endpoint) { endpoints_.dial_afresh(endpoint); }  // unless it is linked, or being dialled
  // Dials it no more. A link that is up ends too, or (`keep_up`) stays for as long as it lives.
  void release(EndpointId endpoint, bool keep_up);
  // Its peer gets no new call. Its link stays, and is not dialled again meanwhile.
  void rest(EndpointId endpoint, bool resting);
  // How the peer of a kept link stands, and in words what is wrong with it.
  struct Standing {
    wire::MemberState state = wire::MemberState::none;
    std::string peer;  // its id, once it is known
    std::string why;
    bool up() const { return state == wire::MemberState::linked; }
  };
  Standing standing(EndpointId endpoint);
  // Of dials downward, since the beginning.
  struct Dials {
    std::uint64_t all = 0, failed = 0, refused = 0;
  };
  const Dials& dials() const { return dials_; }
  EndpointId endpoint_of(LinkId link) const { return endpoints_.of_link(link); }  // or 0
  void reconfigured() { endpoints_.reconfigured(); }
  // Ends the link that is up, and dials it anew at once if it was dialled.
  void renew_upstream(const Status& why);
  void opened(LinkId link, const PeerFacts& facts);
  void received(LinkId link, Buffer bytes);
  void heard(LinkId link);
  void drained(LinkId link, Drained drained);
  void closed(LinkId link, const Status& why);  // by whichever end

  // Says why and ends the link; dials again later if it is a kept one.
  void refuse(LinkId link, Status why);
  void say_goodbye(bool forget);  // on every link; then drops them all, and dials no more

  Session* find(LinkId link);
  Session* upstream();  // the one that is up, or null
  Session* downstream(const std::string& id);  // the one of this peer that is up, or null
  template <class F>
  void each_up(Side side, F&& f) {
    std::vector<LinkId> links;  // `f` may end any of them
    for (auto& [link, session] : sessions_)
      if (session->up() && session->side == side) links.push_back(link);
    for (LinkId link : links)
      if (Session* session = find(link); session && session->up()) f(*session);
  }

 private:
  Endpoints::Dialled dial(Side side, const std::string& address, std::uint32_t limit_ms);
  void drop(LinkId link, const Status& why);
  void greet(Session& session);
  LinkOwner& owner_of(Side side) { return *(side == Side::upstream ? upstream_owner_ : downstream_owner_); }
  void refuse_hello(const Session& session, const Status& why, pinnate_log_level level = PINNATE_LOG_WARNING);
  void take_hello(Session& session, wire::Hello& hello);
  Status judge(Session& session, const wire::Hello& hello);
  Status check_place(const Session& session, const Session* other) const;
  void come_up(Session& session);
  void watch(Session& session);
  wire::Way way_of(const Session& session) const;
  void take_call(Session& session, Buffer bytes);
  void take_returned(Session& session, Buffer bytes);
  void take_goodbye(Session& session, const wire::Goodbye& goodbye);
  void tell(const Session& session, TellLink::State state, EndpointId endpoint, const Status& why = {});
  void unlink(const Session& session);  // it is no longer its peer's link

  Core* core_;
  wire::Role role_;
  LinkOwner *upstream_owner_ = nullptr, *downstream_owner_ = nullptr;
  std::map<LinkId, std::unique_ptr<Session>> sessions_;
  std::map<std::string, LinkId> below_;  // peers downstream that are up, clients apart
  LinkId upstream_ = 0;
  bool closing_ = false;
  Dials dials_;
  Endpoints endpoints_;
};

const char* role_name(wire::Role role);
template <class Who>
std::string named(const Who& who) {  // as in: engine 'cam-7'
  return std::string(role_name(who.role)) + " '" + who.id + "'";
}

}  // namespace pinnate::tier
