// The publisher that ships, in the process around a simulated tier. It publishes modules of the
// shelf, and each read takes time. Lives as long as the process.
#pragma once

#include "sim/machine.h"
#include "sim/shelf.h"
#include "tier/publisher.h"

#include <map>
#include <string>

namespace pinnate::sim {

class ShelfPublisher final : private tier::PublisherOwner {
 public:
  // While `reads` is false, chunks are never read.
  ShelfPublisher(Machine& host, const bool& reads) : host_(host), reads_(reads) {}

  void publish(std::uint64_t id, const Shelf::Book& book, const std::string& selector, Buffer config,
               std::vector<std::string> needs = {});
  // True: nobody else is to see it.
  bool received(const wire::Message& message);

 private:
  void send(const wire::Message& message) override { host_.host_message(message); }
  void prepare(std::uint64_t publication) override;
  void read_chunk(std::uint64_t publication, const wire::WantChunk& want) override;

  Machine& host_;
  const bool& reads_;
  std::map<std::uint64_t, const Shelf::Book*> books_;  // of what runs
  tier::Publisher publisher_{this};
};

}  // namespace pinnate::sim
