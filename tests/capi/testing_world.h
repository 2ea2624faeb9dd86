// A fleet for tests, closed with its owner, and short words for what the tests of testing.h ask of
// it.
#pragma once

#include <pinnate/testing.h>

#include <doctest/doctest.h>

#include <string>

struct TestingFleet {
  explicit TestingFleet(std::uint32_t sites = 2, std::uint32_t clusters = 2, std::uint32_t engines = 3) {
    options.sites = sites;
    options.clusters = clusters;
    options.engines = engines;
  }
  ~TestingFleet() { close(); }
  TestingFleet(const TestingFleet&) = delete;

  TestingFleet& open() {
    REQUIRE(pinnate_testing_open(&options, &handle) == PINNATE_OK);
    return *this;
  }
  void close() {
    if (handle) CHECK(pinnate_testing_close(handle) == PINNATE_OK);
    handle = nullptr;
  }
  operator pinnate_testing_fleet*() const { return handle; }

  pinnate_status publish(const std::string& version, const std::string& bytes, const char* selector = nullptr,
                         const char* loader = nullptr) {
    const pinnate_artifact artifact{sizeof artifact, nullptr, nullptr, {bytes.data(), bytes.size()}};
    const pinnate_artifact* const artifacts = &artifact;
    pinnate_publish order = PINNATE_PUBLISH_INIT;
    order.name = "greet";
    order.version = version.c_str();
    order.selector = selector;
    order.loader = loader;
    order.artifacts = &artifacts;
    order.artifact_count = 1;
    return pinnate_testing_publish(handle, &order, &published);
  }
  std::uint64_t publish_live(const std::string& version, const std::string& bytes, const char* selector = nullptr,
                             const char* loader = nullptr) {
    REQUIRE_MESSAGE(publish(version, bytes, selector, loader) == PINNATE_OK, std::string(pinnate_last_error()));
    REQUIRE_MESSAGE(pinnate_testing_wait_live(handle, published.release, 0, 60000) == PINNATE_OK,
                    std::string(pinnate_last_error()));
    return published.release;
  }
  // What a call through the controller gives, or the words of its failure.
  std::string call(const std::string& payload, const char* engine = nullptr, const char* tier = nullptr) {
    pinnate_bytes result;
    last = pinnate_testing_call(handle, tier, call_of(payload, engine), &result);
    return last == PINNATE_OK ? std::string(static_cast<const char*>(result.data), result.size) : pinnate_last_error();
  }
  const pinnate_call* call_of(const std::string& payload, const char* engine = nullptr) {
    payload_ = payload;
    call_ = PINNATE_CALL_INIT;
    call_.name = "greet";
    call_.payload = {payload_.data(), payload_.size()};
    call_.engine = engine;
    return &call_;
  }
  std::uint64_t count(const char* version = nullptr) const {
    std::uint64_t engines = 0;
    CHECK(pinnate_testing_count(handle, "greet", version, &engines) == PINNATE_OK);
    return engines;
  }
  std::string version_on(const char* engine) const {
    const char* version = nullptr;
    CHECK(pinnate_testing_version_on(handle, engine, "greet", &version) == PINNATE_OK);
    return version;
  }
  std::uint64_t now() const {
    std::uint64_t ms = 0;
    CHECK(pinnate_testing_now(handle, &ms) == PINNATE_OK);
    return ms;
  }
  bool is_up(const char* tier, std::uint32_t* lives = nullptr) const {
    int up = 0;
    CHECK(pinnate_testing_is_up(handle, tier, &up, lives) == PINNATE_OK);
    return up != 0;
  }
  pinnate_status inject(const char* version, pinnate_testing_step step, pinnate_testing_fate fate,
                        const char* engine = nullptr, std::uint32_t first_times = 0, std::uint32_t takes_ms = 0) {
    pinnate_testing_fault fault = PINNATE_TESTING_FAULT_INIT;
    fault.name = "greet";
    fault.version = version;
    fault.step = step;
    fault.fate = fate;
    fault.engine = engine;
    fault.first_times = first_times;
    fault.takes_ms = takes_ms;
    return pinnate_testing_inject(handle, &fault);
  }

  pinnate_testing_options options = PINNATE_TESTING_OPTIONS_INIT;
  pinnate_testing_fleet* handle = nullptr;
  pinnate_published published = PINNATE_PUBLISHED_INIT;
  pinnate_status last = PINNATE_OK;

 private:
  std::string payload_;
  pinnate_call call_{};
};
