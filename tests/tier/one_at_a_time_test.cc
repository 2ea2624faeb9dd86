// Services that cannot live twice in a process: the old one goes before the new one comes.
#include "calls.h"

using namespace pinnate;
using namespace pinnate::sim;

namespace {

enum class Form { release, flag };

// One engine, with "f" 1 live on it, and then f 2, which may not live beside it.
struct Succession {
  explicit Succession(Form form, bool durable = false) : form(form), f(shape(1, 0, 1, durable)) {
    two.limits.create_ms = 3000;
    for (Module* m : {&one, &two, &three}) m->limits.drain_ms = 4000;
    if (form == Form::flag)
      for (const Module* m : {&two, &three}) f.world.modules().one_at_a_time(f.artifact(*m));
    f.release(one);
    REQUIRE(f.becomes("f", "1"));
    f.world.advance(2000);
    f.world.trace().observer = [this](const Occurrence&) {
      if (const ModuleHost* modules = host()) most_at_once = std::max(most_at_once, modules->created("f"));
    };
  }
  std::uint64_t publish(const Module& m) {
    const std::vector<std::string> needs(form == Form::release ? 1 : 0, "stop-first");
    const auto published = f.world.await<wire::Published>("c", f.world.publish("c", m, "", "", needs), 30000);
    REQUIRE_MESSAGE(published.code == PINNATE_OK, published.reason);
    return published.release;
  }
  const ModuleHost* host() { return f.world.at("s0.e0").modules(); }
  void behave(const Module& m, Step step, Fate fate, std::uint32_t first_times = 0, Micros takes = -1) {
    Conduct conduct;
    conduct.fate = fate;
    conduct.first_times = first_times;
    conduct.takes = takes;
    f.world.modules().behave(f.artifact(m), step, conduct);
  }
  // One call of f 1 takes so long.
  std::uint64_t call_for(Micros takes) {
    behave(one, Step::call, Fate::well, 0, takes);
    const auto id = f.world.request("c", call_of("long", 30000));
    REQUIRE(f.world.run_until([&] { return f.world.runs("long").begun == 1; }, 1000));
    f.world.modules().behave_well(f.artifact(one));
    return id;
  }
  std::string reason(std::uint64_t release) {
    for (const auto& service : f.engine_row("s0.e0").services)
      if (service.release == release) return service.reason;
    return "";
  }
  std::string notice() { return f.engine_row("s0.e0").notice; }
  // The answer to a call by now.
  wire::Returned returned(std::uint64_t id) {
    const wire::Returned* answer = f.world.answer<wire::Returned>("c", id);
    REQUIRE(answer != nullptr);
    return *answer;
  }
  bool by_version(const wire::Returned& returned, const Module& m) {
    return returned.code == PINNATE_OK && returned.result.str().find(f.artifact(m).hex().substr(0, 8)) == 2;
  }

  const Form form;
  TestFleet f;
  Module one = module("f", "1"), two = module("f", "2"), three = module("f", "3");
  std::size_t most_at_once = 0;
};

constexpr Form kForms[] = {Form::release, Form::flag};

}  // namespace

TEST_CASE("the old service is gone before the new one is made, and calls wait for that one") {
  for (const Form form : kForms) {
    CAPTURE(int(form));
    Succession s(form);
    const auto slow = s.call_for(2 * kSecond);
    const auto two = s.publish(s.two);
    s.f.world.advance(500);
    const auto waits = s.f.world.request("c", call_of("waits", 20000));
    s.f.world.advance(500);
    CHECK(s.f.world.runs("waits").begun == 0);
    CHECK(s.f.world.version_on("s0.e0", "f") == "");
    REQUIRE(s.f.becomes("f", "2"));
    s.f.world.advance(100);
    CHECK(s.by_version(s.returned(slow), s.one));
    CHECK(s.by_version(s.returned(waits), s.two));
    CHECK(s.most_at_once == 1);
    CHECK(s.f.reports(two, wire::Phase::live, 1));
    CHECK(s.host()->services() == 1);
  }
}

TEST_CASE("a module that says so makes way only for what is made after it, whatever that says of itself") {
  Succession s(Form::flag);
  s.publish(s.two);
  REQUIRE(s.f.becomes("f", "2"));
  s.f.release(module("f", "4"));  // says nothing
  REQUIRE(s.f.becomes("f", "4"));
  CHECK(s.most_at_once == 1);
  s.f.release(module("f", "5"));
  REQUIRE(s.f.becomes("f", "5"));
  CHECK(s.most_at_once == 2);  // as usual
}

TEST_CASE("where the new service fails the old one is made again, and takes the calls that waited") {
  for (const Form form : kForms)
    for (const Step step : {Step::load, Step::create, Step::health}) {
      if (form == Form::flag && step == Step::load) continue;  // the old one has not made way by then
      CAPTURE(int(form));
      CAPTURE(std::string(name_of(step)));
      Succession s(form);
      s.behave(s.two, step, Fate::fails, 3, kSecond);
      const auto two = s.publish(s.two);
      REQUIRE(s.f.becomes("f", ""));
      const auto waits = s.f.world.request("c", call_of("waits", 20000));
      REQUIRE(s.f.becomes("f", "1"));
      s.f.world.advance(100);
      CHECK(s.by_version(s.returned(waits), s.one));
      CHECK(s.reason(two).find("the module said no") != std::string::npos);
      CHECK(s.f.status().online == 1);
      CHECK(s.f.reports(two, wire::Phase::failed, 1, 0));
      REQUIRE(s.f.becomes("f", "2"));  // the fourth time
      CHECK(s.most_at_once == 1);
      CHECK(s.f.reports(two, wire::Phase::live, 1));
      CHECK(s.host()->services() == 1);
    }
}

TEST_CASE("a service whose calls do not end goes on, and the one that would follow says so and is tried again") {
  for (const Form form : kForms) {
    CAPTURE(int(form));
    Succession s(form);
    const auto slow = s.call_for(9 * kSecond);
    const auto two = s.publish(s.two);
    s.f.world.advance(1000);
    const auto waits = s.f.world.request("c", call_of("waits", 20000));
    REQUIRE(s.f.reports(two, wire::Phase::failed, 1, 5000));
    CHECK(s.reason(two) ==
          "module 'f' 2: it is not made beside 1, which still has calls after 4000 ms of draining, and goes on");
    CHECK(s.f.world.version_on("s0.e0", "f") == "1");
    CHECK(s.by_version(s.returned(waits), s.one));
    REQUIRE(s.f.becomes("f", "2"));
    CHECK(s.by_version(s.returned(slow), s.one));
    CHECK(s.most_at_once == 1);
  }
}

TEST_CASE("beside a destroy that does not return nothing is made, in words, and when it has, the new one is") {
  for (const Form form : kForms) {
    CAPTURE(int(form));
    Succession s(form);
    s.behave(s.one, Step::destroy, Fate::well, 0, 25 * kSecond);
    const auto two = s.publish(s.two);
    s.f.world.advance(5000);
    const auto waits = s.f.world.request("c", call_of("waits", 20000));
    REQUIRE(s.f.reports(two, wire::Phase::failed, 1, 8000));
    CHECK(s.reason(two) ==
          "module 'f' 2: the service before it has not returned from its module, and this one is not made beside it");
    CHECK(s.returned(waits).code == PINNATE_UNREACHABLE);
    CHECK_FALSE(s.returned(waits).ran);
    CHECK(s.notice() ==
          "module 'f' 1: a service of this function has not returned from its module: it cannot be brought back, and "
          "nothing serves 'f'");
    REQUIRE(s.f.becomes("f", "2", 20000));
    CHECK(s.most_at_once == 1);
    CHECK(s.f.eventually([&] { return s.host()->services() == 1; }));
    CHECK(s.host()->left_behind() == 0);
  }
}

TEST_CASE("beside a create that does not return the old service is not made again, until it has") {
  Succession s(Form::release);
  s.behave(s.two, Step::create, Fate::fails, 0, 12 * kSecond);
  const auto two = s.publish(s.two);
  REQUIRE(s.f.reports(two, wire::Phase::failed, 1, 8000));
  s.f.world.modules().behave_well(s.f.artifact(s.two));
  CHECK(s.reason(two).find("create took longer than 3000 ms") != std::string::npos);
  CHECK(s.f.call("f", "x").code == PINNATE_UNREACHABLE);
  CHECK(s.notice().find("it cannot be brought back, and nothing serves 'f'") != std::string::npos);
  REQUIRE(s.f.becomes("f", "2", 15000));
  CHECK(s.most_at_once == 1);
  CHECK(s.f.eventually([&] { return s.notice() == ""; }));
}

TEST_CASE("a call waits 10 s at most, and no longer than it has time, and ends as busy without having run") {
  Succession s(Form::release);
  s.behave(s.two, Step::load, Fate::well, 0, 9 * kSecond);
  s.behave(s.one, Step::destroy, Fate::well, 0, 5 * kSecond);
  s.publish(s.two);
  REQUIRE(s.f.becomes("f", ""));
  const auto brief = s.f.world.request("c", call_of("brief", 1000)),
             patient = s.f.world.request("c", call_of("patient", 30000));
  s.f.world.advance(1500);
  CHECK(s.f.world.answer<wire::Returned>("c", patient) == nullptr);
  for (const auto id : {brief, patient}) {
    s.f.world.run_until([&] { return s.f.world.answer<wire::Returned>("c", id) != nullptr; }, 10000);
    CHECK(s.returned(id).code == PINNATE_BUSY);
    CHECK(s.returned(id).reason == "'f' is being replaced");
    CHECK_FALSE(s.returned(id).ran);
  }
  CHECK(s.f.world.runs("patient").begun == 0);
  CHECK(s.f.becomes("f", "2"));
}

TEST_CASE("a withdrawal in the middle ends what waits, and leaves nothing in memory") {
  for (const Form form : kForms)
    for (const Micros old_call : {Micros(0), 3 * kSecond}) {  // after the old one is gone; and while it drains
      CAPTURE(int(form));
      Succession s(form);
      s.behave(s.two, Step::create, Fate::well, 0, 2 * kSecond);
      if (old_call > 0) s.call_for(old_call);
      const auto two = s.publish(s.two);
      REQUIRE(s.f.becomes("f", ""));
      s.f.world.advance(500);
      const auto waits = s.f.world.request("c", call_of("waits", 20000));
      s.f.world.advance(200);
      s.f.unpublish("f", two);
      CHECK(s.f.world.run_until([&] { return s.f.world.answer<wire::Returned>("c", waits) != nullptr; }, 1000));
      CHECK(s.returned(waits).code == PINNATE_NOT_FOUND);
      CHECK(s.f.eventually([&] { return s.host()->services() == 0; }));
      CHECK(s.most_at_once == 1);
      CHECK(s.f.engine_row("s0.e0").services.empty());
    }
}

TEST_CASE("a newer release in the middle is what serves in the end") {
  for (const Form form : kForms)
    for (const Micros old_call : {Micros(0), 3 * kSecond}) {
      CAPTURE(int(form));
      Succession s(form);
      s.behave(s.two, Step::create, Fate::well, 0, 2 * kSecond);
      if (old_call > 0) s.call_for(old_call);
      s.publish(s.two);
      REQUIRE(s.f.becomes("f", ""));
      s.f.world.advance(500);
      const auto waits = s.f.world.request("c", call_of("waits", 20000));
      s.publish(s.three);
      REQUIRE(s.f.becomes("f", "3"));
      s.f.world.advance(100);
      CHECK(s.returned(waits).code == PINNATE_OK);
      CHECK(s.most_at_once == 1);
      CHECK(s.f.eventually([&] { return s.host()->services() == 1; }));
    }
}

TEST_CASE("an engine that dies or closes in the middle comes back with the new service") {
  for (const Form form : kForms)
    for (const bool dies : {true, false}) {
      CAPTURE(int(form));
      Succession s(form, true);
      s.behave(s.two, Step::create, Fate::well, 0, 2 * kSecond);
      s.publish(s.two);
      REQUIRE(s.f.becomes("f", ""));
      s.f.world.advance(500);
      if (dies) {
        s.f.world.crash("s0.e0");
      } else {
        s.f.world.at("s0.e0").close();
        CHECK(s.f.world.run_until([&] { return !s.f.world.at("s0.e0").up(); }, 4000));
      }
      s.f.world.restart("s0.e0");
      CHECK(s.f.becomes("f", "2"));
      CHECK(s.most_at_once == 1);
    }
}

TEST_CASE("what was withdrawn and still leaves is waited for, and nothing else fails for it") {
  Succession s(Form::release);
  s.call_for(2 * kSecond);
  s.f.unpublish("f");
  REQUIRE(s.f.becomes("f", ""));
  const auto two = s.publish(s.two);
  s.f.world.advance(1000);
  CHECK(s.f.reports(two, wire::Phase::failed, 0, 0));
  REQUIRE(s.f.becomes("f", "2"));
  CHECK(s.most_at_once == 1);
}
