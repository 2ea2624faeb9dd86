#include "capi/testing_loader.h"

#include "base/guarded.h"
#include "base/limits.h"
#include "base/words.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

namespace pinnate::capi {
namespace {

constexpr std::size_t kLogLineBytes = 4096;

class SimulatedModule final : public sim::OutsideModule {
 public:
  explicit SimulatedModule(const tier::Assemble& of) : title_(of.name + "@" + of.version + ":") {}

  Status create(const Buffer&) override { return {}; }
  Status check_health() override { return {}; }
  void call(const Buffer& payload, const Labels&, sim::Micros, Answer answer) override {
    answer({}, Buffer(title_ + payload.str()));
  }

 private:
  const std::string title_;
};

// What a module sees of its engine; pinnate_host.context points to it.
struct LogTarget {
  std::string label;  // "s0.k0.e0: module 'greet' 1.0.0"
  std::shared_ptr<TestingReplies> replies;
};

void log(void* engine, int level, const char* message) {
  const auto& target = *static_cast<const LogTarget*>(engine);
  const int known = std::clamp<int>(level, PINNATE_LOG_DEBUG, PINNATE_LOG_ERROR);
  try {
    target.replies->log(static_cast<pinnate_log_level>(known),
                        target.label + ": " + one_line(message ? message : "", kLogLineBytes));
  } catch (const std::bad_alloc&) {
  }
}

void* allocate(void*, std::size_t size_bytes) { return std::malloc(size_bytes ? size_bytes : 1); }

void release(void*, void* memory) { std::free(memory); }

class HostModule final : public sim::OutsideModule {
 public:
  HostModule(const module::Loader& loader, std::shared_ptr<const module::Image> image, const sim::World& world,
             LogTarget target, std::uint64_t number, std::string label)
      : table_(loader.table),
        image_(std::move(image)),
        world_(world),
        log_target_(std::move(target)),
        number_(number),
        label_(std::move(label)),
        host_{sizeof(pinnate_host),
              &log_target_,
              &log,
              &allocate,
              &release,
              &TestingReplies::remaining_ms,
              &TestingReplies::answer,
              &TestingReplies::fail,
              &TestingReplies::cancelled,
              &TestingReplies::header,
              &TestingReplies::header_at} {}

  ~HostModule() override {
    if (open_calls_ > 0) log_target_.replies->forget(number_);
    end("destroy", created_, [&] { table_.destroy(module_, service_); });
    end("unload", loaded_, [&] { table_.unload(module_); });
  }

  Status load(const tier::Assemble& of) {
    const std::string digest = of.artifact.digest.hex();
    const pinnate_image view{sizeof(pinnate_image), of.name.c_str(),      of.version.c_str(),
                             digest.c_str(),        image_->fd(),         image_->path().c_str(),
                             image_->data().data(), image_->data().size()};
    Status status = attempt("", "its loader", [&](char* error, std::size_t error_bytes) {
      return table_.load(table_.self, &view, &module_, error, error_bytes);
    });
    loaded_ = status.ok();
    return status;
  }

  Status create(const Buffer& config) override {
    Status status = attempt("create failed: ", "create", [&](char* error, std::size_t error_bytes) {
      return table_.create(module_, &host_, config.data(), config.size(), &service_, error, error_bytes);
    });
    created_ = status.ok();
    return status;
  }

  Status check_health() override {
    if (!table_.check_health) return {};
    return attempt("its health check failed: ", "its health check", [&](char* error, std::size_t error_bytes) {
      return table_.check_health(module_, service_, error, error_bytes);
    });
  }

  void call(const Buffer& payload, const Labels& headers, sim::Micros left, Answer answer) override {
    log_target_.replies->set_now(world_.now());
    ++open_calls_;
    pinnate_reply* const reply =
        log_target_.replies->issue(number_, label_, payload, headers, world_.now() + left,
                                   [this, answer = std::move(answer)](Status status, Buffer bytes) {
                                     --open_calls_;
                                     answer(std::move(status), std::move(bytes));
                                   });
    const auto thrown = thrown_by([&] { table_.call(module_, service_, reply, payload.data(), payload.size()); });
    if (thrown) TestingReplies::fail(reply, thrown->c_str());
    log_target_.replies->deliver();
  }

 private:
  template <class Run>
  Status attempt(const char* failed, const char* who, Run run) {
    ReasonBuffer error;
    int result = 0;
    const auto thrown = thrown_by([&] { result = run(error.data(), error.size()); });
    if (thrown) return {PINNATE_FAILED, label_ + ": " + who + " " + *thrown};
    if (result != 0) return {PINNATE_FAILED, label_ + ": " + failed + error.str()};
    return {};
  }

  template <class Run>
  void end(const char* what, bool is_due, Run run) {
    if (!is_due) return;
    if (const auto thrown = thrown_by(run))
      log_target_.replies->log(PINNATE_LOG_WARNING, log_target_.label + ": " + what + " " + *thrown);
  }

  const pinnate_loader table_;
  const std::shared_ptr<const module::Image> image_;
  const sim::World& world_;
  LogTarget log_target_;
  const std::uint64_t number_;
  const std::string label_;  // "module 'greet' 1.0.0"
  const pinnate_host host_;
  void* module_ = nullptr;
  void* service_ = nullptr;
  bool loaded_ = false, created_ = false;
  std::uint64_t open_calls_ = 0;
};

}  // namespace

Status TestingLoader::add(const pinnate_loader& loader) {
  if (Status s = loaders_.add(loader); !s.ok()) return s;
  kinds_.insert(loader.kind);
  return {};
}

Result<std::unique_ptr<sim::OutsideModule>> TestingLoader::load(sim::MachineId engine, const tier::Assemble& of) {
  if (!kinds_.count(of.loader)) return std::unique_ptr<sim::OutsideModule>(new SimulatedModule(of));
  const Result<module::Loader> loader = loaders_.find(of.loader);
  if (!loader.ok()) return loader.status();
  const std::string label = "module '" + of.name + "' " + of.version;
  auto image = image_of(of.artifact.digest, label);
  if (!image.ok()) return {image.status().code(), label + ": " + image.status().message()};
  auto module = std::make_unique<HostModule>(*loader, std::move(*image), world_,
                                             LogTarget{world_.at(engine).name() + ": " + label, replies_},
                                             ++last_service_, label);
  if (Status s = module->load(of); !s.ok()) return s;
  return std::unique_ptr<sim::OutsideModule>(std::move(module));
}

// One for all engines: a descriptor for each of a thousand would be more than a process may have.
Result<std::shared_ptr<const module::Image>> TestingLoader::image_of(const Digest& artifact, const std::string& label) {
  Artifact& found = artifacts_[artifact];
  if (found.image) return found.image;
  const std::string_view bytes = found.bytes.view();
  const auto chunks = static_cast<std::uint32_t>((bytes.size() + kChunkBytes - 1) / kChunkBytes);
  const module::ImageSource source{
      {}, bytes.size(), chunks, [bytes](std::uint32_t index) -> Result<Buffer> {
        return Buffer(std::string(bytes.substr(std::size_t(index) * kChunkBytes, kChunkBytes)));
      }};
  std::vector<std::uint32_t> bad;
  auto image = module::Image::make(label, source, {}, bad);
  if (!image.ok()) return image.status();
  found.image = std::move(*image);
  return found.image;
}

}  // namespace pinnate::capi
