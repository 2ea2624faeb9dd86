// What is kept on disk of the tiers below, and what is done about what cannot be read.
#include "below.h"

using namespace pinnate;

TEST_CASE("a record of a tier below that cannot be read is told of, and replaced; the others are read") {
  Below before;
  for (const char* id : {"a", "b", "c"}) {
    const auto session = before.join(id, wire::Role::gateway);
    wire::Rollup rollup;
    rollup.online = 5;
    CHECK(before.directory.take(session, rollup).ok());
  }
  before.directory.records().begin_save();
  Restored disk;
  for (const RecordWrite& write : before.directory.records().take_changes().writes)
    if (write.value) disk.records[write.key] = *write.value;
  disk.records["known/a"] = Buffer("torn");
  disk.records["status/b"] = wire::encode(wire::Ping{1});

  Below after;
  after.directory.restore(disk);
  CHECK(after.directory.find("a") == nullptr);
  REQUIRE(after.directory.find("b") != nullptr);
  CHECK(after.directory.total().offline == 5);  // c's
  CHECK(after.directory.total().gateways_offline == 2);
  std::vector<std::string> logged;
  for (const tier::Action& action : after.actions)
    if (const auto* log = std::get_if<tier::WriteLog>(&action)) logged.push_back(log->message);
  REQUIRE(logged.size() == 1);
  CHECK_MESSAGE(TestFleet::says(logged, "2 records of tiers below cannot be read, the first is 'known/a': a message"),
                logged[0]);

  after.directory.records().begin_save();
  std::map<std::string, bool> written;
  for (const RecordWrite& write : after.directory.records().take_changes().writes)
    written[write.key] = write.value.has_value();
  CHECK(written.contains("known/a"));
  CHECK_FALSE(written["known/a"]);
  CHECK(written["status/b"]);
}
